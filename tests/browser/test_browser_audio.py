"""The browser's microphone and speaker in a real JupyterLab, in a real Chromium with a microphone that plays a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from realtime_helpers.audio.formats import RATE_HZ, samples_from_pcm, silence
from realtime_helpers.speech import USER_VOICE, Transcriber, Voice

from .lab import FAKE_MICROPHONE, SOUND_WITHOUT_A_CLICK, STATUS_PATIENCE_MS, Desk, Notebook

pytestmark = pytest.mark.timeout(150)

SHOW = """
import asyncio, time
import numpy as np
from realtime_helpers import RealtimeSession
from realtime_helpers.runtime import background_loop
from realtime_helpers.widgets import BrowserAudio

audio = BrowserAudio(echo_cancellation=False, noise_suppression=False, auto_gain_control=False)
audio
"""
LISTEN = """
arrivals, chunks, errors, told = [], [], [], []
audio.microphone.tell = audio.speaker.tell = told.append

async def listen():
    try:
        async for chunk in audio.microphone.chunks():
            arrivals.append(time.monotonic())
            chunks.append(chunk)
    except Exception as error:
        errors.append(str(error))

listening = background_loop().submit(listen())
"""
# 60 s and more of samples that name their place, handed over as a server does: in deltas, ahead of what plays
SPEAK = """
async def speak():
    audio.speaker.open()
    started = time.monotonic()
    for number in range(100_000):
        at = np.arange(number * 4800, (number + 1) * 4800)
        audio.speaker.play("counting", (at % 20_011 - 10_005).astype("<i2").tobytes())
        await asyncio.sleep(max(0, started + number * 0.2 - 3 - time.monotonic()))

speaking = background_loop().submit(speak())
"""
STOP = """
listening.cancel()
try:
    speaking.cancel()
    background_loop().call(audio.speaker.close)
except NameError:
    pass
"""
COMPUTE = """
end = time.monotonic() + {seconds}
while time.monotonic() < end:
    sum(range(1000))
"""
# how far the microphone and the reply got while a cell did something, and how late a thread is that only sleeps
CONTROL = """
import threading
lateness = [0.0]

def sleep_for_ever():
    while True:
        begun = time.monotonic()
        time.sleep(0.04)
        lateness.append(time.monotonic() - begun - 0.04)

threading.Thread(target=sleep_for_ever, daemon=True).start()

def progress():
    chunk_count, heard_ms, at_s = begin
    return [len(chunks) - chunk_count, audio.speaker.head.heard_ms("counting") - heard_ms, time.monotonic() - at_s]
"""
BEGIN = "begin = len(chunks), audio.speaker.head.heard_ms('counting'), time.monotonic()\n"
TONE_HZ = 500


@pytest.fixture(scope="module")
def tone(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A microphone that hears one tone for ever."""
    file = tmp_path_factory.mktemp("sound") / "tone.wav"
    time_s = np.arange(48_000 * 10) / 48_000
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * TONE_HZ * time_s), 48_000, subtype="PCM_16")
    return f"--use-file-for-fake-audio-capture={file}"


def heard(notebook: Notebook, folder: Path) -> npt.NDArray[np.float32]:
    """What the microphone has brought to the kernel."""
    notebook.run("np.save('heard.npy', np.frombuffer(b''.join(chunks), '<i2'))")
    samples: npt.NDArray[np.float32] = np.load(folder / "heard.npy").astype(np.float32) / 32768
    return samples


def jumps(samples: npt.NDArray[np.float32]) -> list[int]:
    """Where a steady tone does not go on as a tone does: lost, doubled or swapped samples."""
    turn = 2 * np.cos(2 * np.pi * TONE_HZ / RATE_HZ)
    error = np.abs(samples[2:] - turn * samples[1:-1] + samples[:-2])
    return [int(place) for place in np.flatnonzero(error > 0.01)]


# -- the whole way -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A microphone that hears a question, and a second one in the middle of the answer."""
    voice = Voice()
    clips = [voice.speak(text, USER_VOICE).pcm for text in ("Tell me a long story.", "What can you do?")]
    pcm = silence(1500) + clips[0] + silence(9000) + clips[1] + silence(30_000)
    file = tmp_path_factory.mktemp("sound") / "conversation.wav"
    soundfile.write(file, samples_from_pcm(pcm), RATE_HZ, subtype="PCM_16")
    return f"--use-file-for-fake-audio-capture={file}%noloop"


TALK = """
events = []
session = RealtimeSession(trace=lambda way, event, at_s: events.append((way, event)))
session.start(source=audio.microphone, sink=audio.speaker)
"""
REFUSED = """
try:
    session.wait_for(lambda now: False, timeout_s=20)
except Exception as error:
    refused = str(error)
"""
UNTIL_THE_SECOND_REPLY_SOUNDS = """
deadline = time.monotonic() + 60
while max(audio.speaker.head.heard_ms(item.id) for item in session.snapshot.turns[1].items) < 1200:
    assert time.monotonic() < deadline
    time.sleep(0.02)
"""
REPLIES = """
import base64
replies = {}
for way, event in list(events):
    if event["type"] == "response.output_audio.delta":
        replies[event["item_id"]] = replies.get(event["item_id"], b"") + base64.b64decode(event["delta"])
for number, pcm in enumerate(replies.values()):
    np.save(f"reply-{number}.npy", np.frombuffer(pcm, "<i2"))
"""
STATE = """
[{"user": turn.user_text, "heard": [item.heard_ms for item in turn.items if item.id in replies]}
 for turn in session.snapshot.turns]
"""


def test_a_spoken_turn_is_interrupted_and_stops_cleanly(desk: Desk, conversation: str) -> None:
    with desk.browser(*FAKE_MICROPHONE, SOUND_WITHOUT_A_CLICK, conversation) as window:
        notebook = window.run(SHOW, TALK)
        notebook.run("session.wait_for(lambda now: len(now.turns) == 2 and now.turns[1].assistant_text, timeout_s=60)")
        notebook.run(UNTIL_THE_SECOND_REPLY_SOUNDS)
        notebook.button.click()
        notebook.wait_for_status("Sound is off.")
        assert notebook.open_parts() == {"tracks": 0, "contexts": 0}
        sent = notebook.value("sum(event['type'] == 'input_audio_buffer.append' for way, event in events)")
        notebook.run(REPLIES)
        turns = notebook.value(STATE)
        played = notebook.played()
        cut = notebook.value("[event['audio_end_ms'] for way, event in events if event['type'].endswith('truncated')]")
        underruns, problems = notebook.value("[audio.speaker.head.underruns, list(session.snapshot.problems)]")
        later = notebook.value("sum(event['type'] == 'input_audio_buffer.append' for way, event in events)")
        notebook.run("session.stop()")
        replies = [np.load(window.folder / f"reply-{number}.npy") for number in range(2)]

    assert [turn["user"].strip(" .?").lower() for turn in turns] == ["tell me a long story", "what can you do"]
    assert problems == []
    assert underruns == 0
    assert later - sent <= 25 + 25, "after Stop only what was on its way, and the second of silence that ends a turn"

    heard_ms = turns[0]["heard"][0]
    assert cut[0] == heard_ms, "the server knows what was heard"
    assert 1000 < heard_ms < len(replies[0]) / 24 - 1000
    start = int(np.flatnonzero(played)[0] - np.flatnonzero(replies[0])[0])
    length = heard_ms * 24
    sounded = np.round(played[start : start + length] * 32768)
    assert np.array_equal(sounded[:-144], replies[0][: length - 144]), "to the sample, up to where it fades out"
    assert not played[start + length + 48 : start + length + 24 * 400].any()

    rest = played[start + length + 48 :]
    second = rest[np.flatnonzero(rest)[0] :]
    expected = replies[1][np.flatnonzero(replies[1])[0] :]
    assert np.array_equal(np.round(second[:24_000] * 32768), expected[:24_000])
    assert len(np.trim_zeros(second, "b")) < len(expected) - 24_000, "Stop silenced it"

    transcriber = Transcriber()
    words = transcriber.transcribe((played[start : start + length] * 32767).astype("<i2").tobytes()).text
    transcriber.close()
    assert len(words.split()) > 3, words


def test_a_minute_without_a_gap_while_cells_sleep_and_compute(desk: Desk, tone: str) -> None:
    with desk.browser(*FAKE_MICROPHONE, SOUND_WITHOUT_A_CLICK, tone) as window:
        notebook = window.run(SHOW, LISTEN, SPEAK)
        notebook.wait_for_status("Microphone and speaker on.")
        notebook.run(CONTROL)
        notebook.wait_until("len(chunks) > 500")
        notebook.run(BEGIN + "time.sleep(5)\nslept = progress()")
        notebook.wait_until("len(chunks) > 900")
        notebook.run(BEGIN + COMPUTE.format(seconds=10) + "computed = progress()")
        notebook.wait_until("len(chunks) > 1500 and audio.speaker.head.heard_ms('counting') > 59_000")
        slept, computed = notebook.value("[slept, computed]")

        # Stop in the middle of a cell: at once here, and the kernel hears of it before the cell ends
        notebook.start(
            "stopping = audio.microphone\nstreams = [stopping._stream]\nend = time.monotonic() + 60\n"
            "while stopping._stream is not None and time.monotonic() < end:\n    sum(range(1000))\n"
            "streams.append(stopping._stream)"
        )
        notebook.page.wait_for_function(
            """() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === "busy" """
        )
        notebook.button.click()
        notebook.page.wait_for_function(
            "() => witness.tracks.every((track) => track.readyState === 'ended')"
            " && witness.contexts.every((context) => context.state === 'closed')",
            timeout=STATUS_PATIENCE_MS,
        )
        notebook.wait_for_start()
        assert notebook.value("[stream is None for stream in streams]") == [False, True]

        samples = heard(notebook, window.folder)
        counts = notebook.value(
            "[len(chunks), audio.microphone.missing_chunks, audio.microphone.duplicated_chunks,"
            " audio.speaker.head.underruns, audio.speaker.lost_ms, audio._page.lane,"
            " max(b - a for a, b in zip(arrivals, arrivals[1:])), max(lateness), told, errors]"
        )
        played = notebook.played()
        notebook.run(STOP)

    chunk_count, missing, duplicated, underruns, lost_ms, lane, longest_gap_s, late_s, told, errors = counts
    assert (missing, duplicated, underruns, lost_ms, lane) == (0, 0, 0, 0, "control")
    assert (told, errors) == ([], [])
    assert chunk_count >= 1500, "60 s of 40 ms"
    for chunks, sounded_ms, elapsed_s in (slept, computed):  # if they waited for cells, these would be 0
        assert chunks * 0.04 == pytest.approx(elapsed_s, rel=0.5)
        assert sounded_ms / 1000 == pytest.approx(elapsed_s, rel=0.5)
    assert longest_gap_s < 2 + late_s, "no chunk waited for the end of a cell"

    tone_only = samples[RATE_HZ // 2 : -RATE_HZ * 2]  # it begins out of silence, and ends in it
    at_edges = [place for place in jumps(tone_only) if (place + RATE_HZ // 2 + 2) % 960 in {0, 1, 2}]
    assert at_edges == []

    sounded = np.round(played[np.flatnonzero(played)[0] :] * 32768).astype(int)
    sounded = sounded[: np.flatnonzero(sounded)[-1] + 1 - 144]  # without its fading out
    assert len(sounded) > 58 * RATE_HZ
    assert np.array_equal(sounded, np.arange(len(sounded)) % 20_011 - 10_005)


# -- people --------------------------------------------------------------------------------------------


def test_a_browser_that_wants_a_click_gets_it_from_the_keyboard(desk: Desk, tone: str) -> None:
    with desk.browser(*FAKE_MICROPHONE, tone) as window:
        notebook = window.run(SHOW, LISTEN)
        notebook.wait_for_status("Microphone on.")
        notebook.command("docmanager:save")
        notebook.page.goto(notebook.url)
        status = "document.querySelector('.realtime-audio-status')?.textContent ?? ''"
        deadline = time.monotonic() + 30
        while "clicked" not in notebook.look(status):  # playwright's own waiting would count as a click
            assert time.monotonic() < deadline, notebook.look(status)
            time.sleep(0.1)
        assert notebook.look("witness.tracks.length") == 0
        notebook.wait_until("told")
        assert notebook.value("told[-1]") == (
            "The browser plays and records nothing before it was clicked. Press Start in the widget."
        )
        assert notebook.button.inner_text() == "Start"
        notebook.button.focus()
        notebook.page.keyboard.press("Enter")
        notebook.wait_for_status("Microphone on.")
        assert notebook.button.inner_text() == "Stop"
        notebook.wait_until("len(chunks) > 5")
        notebook.page.keyboard.press("Space")
        notebook.wait_for_status("Sound is off. Press Start to go on.")
        assert notebook.open_parts() == {"tracks": 0, "contexts": 0}
        notebook.page.keyboard.press("Enter")
        notebook.wait_for_status("Microphone on.")
        notebook.run(STOP)
        notebook.wait_for_status("no session uses it")
        assert notebook.open_parts() == {"tracks": 0, "contexts": 0}


def test_two_views_make_one_sound_and_none_makes_none(desk: Desk, tone: str) -> None:
    with desk.browser(*FAKE_MICROPHONE, SOUND_WITHOUT_A_CLICK, tone) as window:
        notebook = window.run(SHOW, LISTEN, "audio")
        notebook.wait_for_status("Microphone on.")
        page = notebook.page
        page.locator(".realtime-audio").nth(1).wait_for()
        assert page.locator(".realtime-audio-button").all_inner_texts() == ["Stop", "Stop"]
        assert page.evaluate("[witness.tracks.length, witness.contexts.length]") == [1, 1]
        roles = page.locator(".realtime-audio").first.aria_snapshot()
        for part in ('group "Sound of this browser"', 'button "Stop"', 'meter "Microphone level"', "status: Micro"):
            assert part in roles
        page.locator(".realtime-audio-word", has_text="good").first.wait_for()
        before = notebook.value("len(chunks)")
        notebook.wait_until(f"len(chunks) > {before + 50}")
        assert notebook.value("[audio.microphone.missing_chunks, audio.microphone.duplicated_chunks]") == [0, 0]
        page.locator(".realtime-audio-button").nth(1).click()
        page.wait_for_function("() => witness.contexts[0].state === 'closed'")
        assert page.locator(".realtime-audio-button").all_inner_texts() == ["Start", "Start"]

        # a microphone that nobody sees is switched off
        notebook.button.click()
        notebook.wait_for_status("Microphone on.")
        notebook.command("notebook:clear-all-cell-outputs")
        page.wait_for_function("() => witness.contexts.length === 2 && witness.contexts[1].state === 'closed'")
        assert notebook.open_parts() == {"tracks": 0, "contexts": 0}
        notebook.wait_until("told and 'not shown any more' in told[-1]")
        before = notebook.value("len(chunks)")
        page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 2")
        notebook.command("notebook:run-cell")
        notebook.wait_for_status("Microphone on.")
        notebook.wait_until(f"len(chunks) > {before + 40}")  # shown again, it goes on by itself
        notebook.run(STOP)


@pytest.mark.parametrize(
    ("flags", "permissions", "script", "sentence"),
    [
        (
            FAKE_MICROPHONE[:1],
            (),
            "",
            "The browser was told not to give this page the microphone. Allow it with the symbol",
        ),
        ((), ("microphone",), "", "The browser finds no such microphone. Plug one in"),
    ],
    ids=["denied", "no microphone"],
)
def test_a_refusal_is_a_sentence_here_and_there(
    desk: Desk, flags: tuple[str, ...], permissions: tuple[str, ...], script: str, sentence: str
) -> None:
    with desk.browser(SOUND_WITHOUT_A_CLICK, *flags, permissions=permissions, script=script) as window:
        notebook = window.run(SHOW, TALK)
        notebook.wait_for_status(sentence)
        notebook.run(REFUSED)
        assert notebook.value("refused").startswith(sentence)
        notebook.page.wait_for_function("() => witness.contexts.every((context) => context.state === 'closed')")
        assert notebook.status().startswith(sentence), "it still says so when the session has ended"
        assert notebook.button.inner_text() == "Start"


def test_an_address_without_https_is_a_sentence(desk: Desk) -> None:
    url = desk.url.replace("127.0.0.1", "lab.example")
    flags = (*FAKE_MICROPHONE, SOUND_WITHOUT_A_CLICK, "--host-resolver-rules=MAP lab.example 127.0.0.1")
    with desk.browser(*flags, url=url) as window:
        notebook = window.run(SHOW, LISTEN)
        notebook.wait_for_status("its address is neither https nor localhost. Open the notebook over https")
        assert "neither https nor localhost" in notebook.value("[listening.result(10), errors]")[1][0]


# -- pages and kernels that go away --------------------------------------------------------------------


def test_a_page_that_is_opened_again_goes_on(desk: Desk, tone: str) -> None:
    with desk.browser(*FAKE_MICROPHONE, SOUND_WITHOUT_A_CLICK, tone) as window:
        notebook = window.run(SHOW, LISTEN, SPEAK)
        notebook.wait_for_status("Microphone and speaker on.")
        notebook.command("docmanager:save")
        notebook.open()
        notebook.wait_for_status("Microphone and speaker on.")
        assert "closed or reloaded" in notebook.value("told")[0]
        before = notebook.value("len(chunks)")
        notebook.wait_until(f"len(chunks) > {before + 40}")
        notebook.page.wait_for_function("() => witness.played.some((block) => block.some((sample) => sample))")

        # a second window leaves the sound where it is, until it is clicked there
        other = window.look_at(notebook.url.split("/")[-1].split("?")[0])
        other.wait_for_status("The sound is in another window of this notebook.")
        assert other.open_parts() == {"tracks": 0, "contexts": 0}
        other.button.click()
        other.wait_for_status("Microphone and speaker on.")
        notebook.wait_for_status("The sound is in another window of this notebook.")
        assert notebook.open_parts() == {"tracks": 0, "contexts": 0}
        notebook.page.close()
        before = other.value("len(chunks)")
        other.wait_until(f"len(chunks) > {before + 40}")
        other.run(STOP)


def test_a_kernel_that_restarts_leaves_no_open_microphone(desk: Desk, tone: str) -> None:
    with desk.browser(*FAKE_MICROPHONE, SOUND_WITHOUT_A_CLICK, tone) as window:
        notebook = window.run(SHOW, LISTEN)
        notebook.wait_for_status("Microphone on.")
        notebook.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        notebook.wait_for_status("The kernel does not answer, so the microphone is off. Run the cell again.")
        notebook.page.wait_for_function("() => witness.contexts.every((context) => context.state === 'closed')")
        assert notebook.open_parts() == {"tracks": 0, "contexts": 0}


# -- browsers that differ ------------------------------------------------------------------------------

# Firefox, for one, connects a microphone only to a context of the microphone's own rate
_OWN_RATE_ONLY = """
const create = AudioContext.prototype.createMediaStreamSource;
Object.getPrototypeOf(AudioContext.prototype).createMediaStreamSource = function (stream) {
  if (this.sampleRate === 24000) throw new DOMException("different sample-rate", "NotSupportedError");
  return create.call(this, stream);
};
"""


def test_where_the_browser_refuses_the_rate_the_worklet_changes_it_until_it_is_unplugged(desk: Desk, tone: str) -> None:
    with desk.browser(*FAKE_MICROPHONE, SOUND_WITHOUT_A_CLICK, tone, script=_OWN_RATE_ONLY) as window:
        notebook = window.run(SHOW, LISTEN)
        notebook.wait_for_status("Microphone on.")
        notebook.wait_until("len(chunks) > 55")  # two seconds are looked at
        rates = notebook.page.evaluate("witness.contexts.map((context) => context.sampleRate)")
        samples = heard(notebook, window.folder)
        notebook.page.evaluate("witness.tracks[0].dispatchEvent(new Event('ended'))")  # unplugged
        notebook.wait_for_status("unplugged or taken away. Plug it in")
        notebook.wait_until("told and 'unplugged' in told[-1]")
        assert notebook.open_parts()["tracks"] == 0
        before = notebook.value("len(chunks)")
        notebook.button.click()
        notebook.wait_for_status("Microphone on.")
        notebook.wait_until(f"len(chunks) > {before + 40}")  # the session hears again
        notebook.run(STOP)
        notebook.wait_for_status("no session uses it")
        assert notebook.open_parts() == {"tracks": 0, "contexts": 0}
    assert rates[0] == 24_000
    assert rates[1] != 24_000
    middle = samples[RATE_HZ : 2 * RATE_HZ]
    assert int(np.argmax(np.abs(np.fft.rfft(middle)))) == TONE_HZ
    assert 0.25 < np.abs(middle).max() < 0.35


# -- front ends that differ ----------------------------------------------------------------------------


def test_where_messages_wait_for_cells_nothing_is_lost_and_it_is_told(desk: Desk, tone: str) -> None:
    """As in a front end without the control channel, on a kernel that handles widgets where cells run."""
    without_lane = SHOW.replace(
        "audio = ",
        "from realtime_helpers.widgets import browser_audio\n"
        "browser_audio.open_lane = lambda name, receive: False\naudio = ",
    )
    with desk.browser(*FAKE_MICROPHONE, SOUND_WITHOUT_A_CLICK, tone) as window:
        notebook = window.run(without_lane, LISTEN, SPEAK)
        notebook.page.evaluate(
            "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.commsOverSubshells = 'disabled'"
        )
        notebook.wait_for_status("Microphone and speaker on.")
        notebook.wait_until("len(chunks) > 25 and audio.speaker.head.heard_ms('counting') > 0")
        before = notebook.value("len(chunks)")
        notebook.start("time.sleep(8)")
        notebook.wait_for_status("A cell is running")
        notebook.wait_for_start()
        notebook.wait_for_status("Microphone and speaker on.")
        notebook.wait_until(f"len(chunks) > {before + 150}")  # all that was said while the cell slept is here
        state: Any = notebook.value(
            "[audio._page.lane, audio.microphone.missing_chunks, audio.speaker.head.underruns, errors]"
        )
        told = notebook.value("told")
        samples = heard(notebook, window.folder)
        notebook.run(STOP)
    assert state[0] == "comm"
    assert state[1:] == [0, 0, []]
    assert len(set(told)) == 1, "once by the microphone, once by the speaker"
    tone_only = samples[RATE_HZ // 2 : -RATE_HZ // 2]
    assert [place for place in jumps(tone_only) if (place + RATE_HZ // 2 + 2) % 960 in {0, 1, 2}] == []
