"""Microphone and speaker of a machine, for real: PortAudio plays into and records from virtual devices."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from realtime_helpers import AudioError, RealtimeSession, State, WorkshopError, audio_devices, microphone, speaker
from realtime_helpers.audio.formats import pcm_from_samples, samples_from_pcm
from realtime_helpers.audio.probes import probe_microphone, probe_speaker
from realtime_helpers.audio.sources import TappedSource

from . import talking
from .talking import Events, assert_whole, breaks_in_hum, clip, hum, share_of_words, silent_after_ms, was_loud
from .virtual_sound import VirtualSound

MEASURING_MS = 30
"""Blocks in which the virtual card plays and records."""


def test_a_conversation_with_an_interruption_goes_through_microphone_and_speaker(
    room: VirtualSound, simulator_url: str
) -> None:
    events, loudspeaker = Events(), speaker("loudspeaker")
    with RealtimeSession(trace=events) as session, room.recording() as recording:
        session.start(source=microphone("desk"), sink=loudspeaker)
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=30)
        room.say(clip("How are you today?"))
        session.wait_for_answer(1, timeout_s=40)
        room.say(clip("Tell me a long story."))
        session.wait_for(lambda now: len(now.turns) == 2 and now.state is State.SPEAKING, timeout_s=30)
        room.say(clip("Thank you very much."))  # it takes longer to be recognised as speech than the story to begin
        now = session.wait_for_answer(3, timeout_s=40)

    assert "thank you" in (now.turns[2].user_text or "")
    assert share_of_words(events.reply(1), recording) > 0.6
    assert now.dropped_chunks == 0
    assert now.problems == ()

    latency = now.latency
    assert [latency.first_audio.count, latency.first_sound.count, latency.silence.count] == [3, 3, 1]
    assert all(
        0 <= sound - audio < 1_000 for audio, sound in zip(latency.first_audio.ms, latency.first_sound.ms, strict=True)
    )
    assert latency.silence.ms[0] < 100
    assert 0 < (latency.upload_delay.median or 0) < 100, "from the device's own process to the socket"

    interrupted_s = events.moments("input_audio_buffer.speech_started")[2]
    assert was_loud(recording, interrupted_s), "the story sounded when the user began to speak"
    silent_ms = silent_after_ms(recording, interrupted_s)
    enough_ms = 20 + loudspeaker.output_latency_ms + 40 + MEASURING_MS
    assert silent_ms < enough_ms + 3 * recording.late_ms, (silent_ms, recording.late_ms)
    (cut,) = [event for _, _, event in events.seen if event["type"] == "conversation.item.truncate"]
    assert 0 < cut["audio_end_ms"] < len(events.reply(2)) / 24


def test_audio_flows_both_ways_while_a_cell_computes(room: VirtualSound, simulator_url: str) -> None:
    events, heard = Events(), bytearray()
    ear, loudspeaker = microphone("desk"), speaker("loudspeaker")
    with RealtimeSession(trace=events) as session, room.recording() as recording:
        session.start(source=TappedSource(ear, heard.extend), sink=loudspeaker)
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=30)
        room.say(clip("What can you do?"))
        session.wait_for(lambda now: now.state is State.SPEAKING, timeout_s=30)
        room.say(hum(9))
        heard_before, began_s = len(heard), time.monotonic()
        stopped_s: list[float] = []

        def stop() -> None:
            asked_s = time.monotonic()
            session.stop()
            stopped_s.append(time.monotonic() - asked_s)

        stopping = talking.later(9.5, stop)
        assert talking.compute(10) > 1_000_000
        stopping.join(10)
        took_s = time.monotonic() - began_s

    assert took_s < 25
    assert_whole(events.reply(), recording, loudspeaker.device_gaps)
    assert loudspeaker.head.underruns == 0 or recording.late_ms > talking.LATE_MS
    assert ear.dropped_chunks == session.snapshot.dropped_chunks == 0
    assert breaks_in_hum(bytes(heard[heard_before:])) == 0
    assert len(heard) - heard_before > 8_500 * 48, "it was heard as long as it hummed"
    assert stopped_s[0] < 8
    assert session.snapshot.state is State.STOPPED


def test_a_call_that_keeps_the_interpreter_to_itself_breaks_nothing(room: VirtualSound, simulator_url: str) -> None:
    events, heard = Events(), bytearray()
    ear, loudspeaker = microphone("desk"), speaker("loudspeaker")
    with RealtimeSession(trace=events) as session, room.recording() as recording:
        session.start(source=TappedSource(ear, heard.extend), sink=loudspeaker)
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=30)
        room.say(clip("How are you today?"))
        session.wait_for(lambda now: any(turn.assistant_text for turn in now.turns) and not now.responses, timeout_s=30)
        session.wait_for(lambda now: len(now.responses) == 1, timeout_s=30)
        said = room.say(hum(3))
        began_s = time.monotonic()
        numbers = range(40_000_000)
        while (blocked_s := time.monotonic() - began_s) < 0.5:
            numbers = range(2 * len(numbers))
            sum(numbers)  # one call: no other thread of this process moves
        session.wait_for_answer(1, timeout_s=30)
        said.join(10)
        session.wait_for(lambda now: breaks_in_hum(bytes(heard[-int(2.5 * 48_000) :])) == 0, timeout_s=20)

    assert blocked_s > 0.5
    assert_whole(events.reply(), recording, loudspeaker.device_gaps)
    assert ear.dropped_chunks == session.snapshot.dropped_chunks == 0


def spoken(room: VirtualSound, session: RealtimeSession, text: str) -> None:
    """Say something once the session listens, and wait until it answers."""
    session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=30)
    room.say(clip(text))
    session.wait_for(lambda now: now.state is State.SPEAKING, timeout_s=30)


def test_a_device_that_is_unplugged_moves_or_is_named_and_never_hangs(room: VirtualSound, simulator_url: str) -> None:
    with RealtimeSession() as session:
        session.start(source=microphone(), sink=speaker())
        spoken(room, session, "What can you do?")
        session.wait_for(lambda now: len(now.responses) == 1, timeout_s=30)  # all of it has come: nothing more to play
        room.unplug("sink_name=micfeed")  # the sound server moves what it can to another device
        assert session.snapshot.state is State.SPEAKING
        room.unplug("sink_name=spk")  # now there is none
        began_s = time.monotonic()
        now = session.wait_for(lambda now: len(now.problems) == 2, timeout_s=15)
        assert time.monotonic() - began_s < 12
        assert {problem.split(" 'default'")[0][-10:] for problem in now.problems} == {"microphone", "he speaker"}
        for problem in now.problems:
            assert "is gone" in problem
            assert "audio_devices()" in problem
        now = session.wait_for_answer(1, timeout_s=20)  # the rest of the reply is read
        session.send_text("Thank you very much.")
        assert session.wait_for_answer(2, timeout_s=20).turns[1].assistant_text


async def test_a_device_that_stands_still_is_gone_after_two_seconds(room: VirtualSound) -> None:
    chunks = microphone("desk").chunks()
    sink = speaker("loudspeaker")
    sink.open()
    await sink.opened()
    gone: asyncio.Future[WorkshopError] = asyncio.get_running_loop().create_future()
    sink.watch(gone.set_result)
    await anext(chunks)
    began_s = time.monotonic()
    room.pactl("suspend-source", "mic", "1")
    room.pactl("suspend-sink", "spk", "1")
    async with asyncio.timeout(20):
        with pytest.raises(AudioError, match="The microphone 'desk' is gone"):
            [chunk async for chunk in chunks]
    assert "The speaker 'loudspeaker' is gone" in (await asyncio.wait_for(gone, 20)).what
    assert time.monotonic() - began_s < 12
    with pytest.raises(AudioError, match="is gone"):
        sink.play("item", b"\0\0")


PICKY = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
/* Sound hardware that does one rate and two channels, as much hardware does. */
int snd_pcm_hw_params_set_rate_near(void *pcm, void *params, unsigned *rate, int *dir) {
  int (*real)(void *, void *, unsigned *, int *) =
    dlvsym(dlopen("libasound.so.2", RTLD_LAZY), "snd_pcm_hw_params_set_rate_near", "ALSA_0.9.0rc4");
  *rate = atoi(getenv("ONLY_RATE"));
  return real(pcm, params, rate, dir);
}
int snd_pcm_hw_params_set_channels(void *pcm, void *params, unsigned channels) {
  int (*real)(void *, void *, unsigned) =
    dlsym(dlopen("libasound.so.2", RTLD_LAZY), "snd_pcm_hw_params_set_channels");
  return channels == 2 ? real(pcm, params, channels) : -EINVAL;
}
"""


def picky_hardware(folder: Path) -> Path:
    """A library to load before ALSA's."""
    source, library = folder / "picky.c", folder / "picky.so"
    source.write_text(PICKY, encoding="utf-8")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc: apt-get install gcc")
@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
async def test_a_device_with_a_rate_of_its_own_is_converted(
    room: VirtualSound, rate_hz: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = picky_hardware(tmp_path)
    monkeypatch.setenv("ONLY_RATE", str(rate_hz))
    reply = samples_from_pcm(talking.clip("I am fine, thank you. A simulator never gets tired. How was your day?"))
    sink, ear, heard = speaker("loudspeaker"), microphone("desk"), bytearray()
    with room.recording() as recording:
        with monkeypatch.context() as patch:
            patch.setenv("LD_PRELOAD", str(library))
            sink.open()
            chunks = ear.chunks()
            await sink.opened()
            await anext(chunks)
        assert {device.rate_hz for device in await asyncio.to_thread(audio_devices)} == {44_100}, "not picky any more"
        sink.play("item", pcm_from_samples(reply))
        sink.end("item")
        saying = room.say(hum(2))
        while saying.is_alive() or sink.head.queued_ms:
            heard += await anext(chunks)
        sink.close()
        await chunks.aclose()
    assert sink.head.heard_ms("item") == len(reply) // 24
    assert_whole(reply, recording, sink.device_gaps)
    assert breaks_in_hum(bytes(heard)) == 0


def test_devices_are_listed_and_probed(room: VirtualSound) -> None:
    devices = audio_devices()
    assert {"loudspeaker", "desk", "default"} <= {device.name for device in devices}
    assert sum(device.is_default_microphone for device in devices) == 1
    unknown = probe_microphone("sofa")
    assert not unknown.works
    assert unknown.detail.startswith("There is no microphone 'sofa'. To choose from:")
    assert "'desk, ALSA'" in unknown.detail
    assert probe_microphone("desk").detail == "'desk' records nothing but digital silence"
    with room.saying_on(hum(1)):
        assert "'desk' records, up to -5" in probe_microphone("desk").detail
    assert "'loudspeaker' plays, 60 ms" in probe_speaker("loud").detail
