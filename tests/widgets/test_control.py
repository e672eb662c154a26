"""The control panel: what a page sends, on whatever thread, acts on the session; what fails is told, not raised."""

from __future__ import annotations

import gc
import socket
import threading
import wave
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

from realtime_helpers import (
    AudioError,
    PushToTalk,
    RealtimeSession,
    ServerVAD,
    SessionOptions,
    Settings,
    SettingsError,
    SilentSink,
    SpeechSource,
    State,
    SummaryPolicy,
    SummaryStyle,
)
from realtime_helpers.audio.files import SoundFile
from realtime_helpers.memory import AtTurns
from realtime_helpers.widgets import ControlPanel, Dashboard, Dial

TEXT = SessionOptions(output_modality="text")
WORDS = ("My dog is called Biscuit.", "Tell me a quick story.", "Thank you.")


@pytest.fixture
def session() -> Iterator[RealtimeSession]:
    with RealtimeSession(options=TEXT, memory=SummaryPolicy(trigger_tokens=2_000)) as session:
        yield session


@pytest.fixture
def panel(session: RealtimeSession) -> Iterator[ControlPanel]:
    panel = ControlPanel(session)
    yield panel
    panel.close()


def click(button: Any) -> None:
    """As the page tells of a click."""
    button._handle_custom_msg({"event": "click"}, [])


def change(widget: Any, **state: Any) -> None:
    """As the page tells of a changed value."""
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget._handle_msg({"content": {"data": data}, "buffers": []})


def on_threads(*handlers: Callable[[], object]) -> None:
    """All at once, each on a thread of its own that has no loop; raises what one of them raises."""
    gate = threading.Barrier(len(handlers))
    raised: list[BaseException] = []

    def run(handler: Callable[[], object]) -> None:
        gate.wait(10)
        try:
            handler()
        except BaseException as error:  # noqa: BLE001 - the test tells of it
            raised.append(error)

    threads = [threading.Thread(target=run, args=[handler]) for handler in handlers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not raised


def is_listening(now: Any) -> bool:
    return now.state is State.LISTENING


def settled(panel: ControlPanel) -> None:
    """Wait until the panel has done all that it was asked."""
    panel._worker.wait()


# -- threads ------------------------------------------------------------------------------------------


def test_a_foreign_thread_starts_and_stops_twice_in_a_row(session: RealtimeSession, panel: ControlPanel) -> None:
    for _ in range(2):
        on_threads(lambda: click(panel.controls.start))
        settled(panel)
        session.wait_for(is_listening, timeout_s=20)
        on_threads(lambda: click(panel.controls.stop))
        settled(panel)
        assert session.snapshot.state is State.STOPPED
    assert panel.problems == []


def test_start_and_stop_from_two_threads_at_once_end_in_one_of_both(
    session: RealtimeSession, panel: ControlPanel
) -> None:
    for _ in range(5):
        on_threads(lambda: click(panel.controls.start), lambda: click(panel.controls.stop))
        settled(panel)
        assert session.snapshot.state in {State.CONNECTING, State.LISTENING, State.STOPPED}
        assert panel.problems == []
    panel.press("Stop")
    assert session.snapshot.state is State.STOPPED


def test_a_double_click_starts_once() -> None:
    started: list[str] = []
    with RealtimeSession(options=TEXT, trace=lambda _way, event, _at_s: started.append(event["type"])) as session:
        panel = ControlPanel(session)
        on_threads(*[lambda: click(panel.controls.start)] * 4)
        settled(panel)
        session.wait_for(is_listening, timeout_s=20)
        assert started.count("session.created") == 1
        assert panel.problems == []
        panel.close()


def test_a_session_that_cannot_connect_can_be_stopped() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        settings = replace(Settings.from_environment("simulator", environ={}), base_url=url)
        with RealtimeSession(settings=settings) as session:
            panel = ControlPanel(session)
            panel.press("Start")
            assert session.snapshot.state is State.CONNECTING
            assert "connecting" in panel.sentence
            panel.press("Stop")
            assert session.snapshot.state is State.STOPPED
            panel.close()


def test_the_page_is_not_kept_waiting_by_a_slow_source(session: RealtimeSession) -> None:
    may_go_on = threading.Event()

    def slow() -> SpeechSource:
        may_go_on.wait(30)
        return SpeechSource()

    panel = ControlPanel(session, sources={"slow": slow}, sinks={"nobody listens": SilentSink})
    click(panel.controls.start)  # returns while the source is being made, or this test never ends
    assert session.snapshot.state is State.NEW
    may_go_on.set()
    settled(panel)
    session.wait_for(is_listening, timeout_s=20)
    panel.close()


def test_a_script_gets_the_very_source_that_start_is_making(session: RealtimeSession) -> None:
    is_begun, may_go_on = threading.Event(), threading.Event()
    got: list[object] = []

    def slow() -> SpeechSource:
        is_begun.set()
        may_go_on.wait(30)
        return SpeechSource()

    panel = ControlPanel(session, sources={"slow": slow}, sinks={"nobody listens": SilentSink})
    click(panel.controls.start)
    assert is_begun.wait(20)
    script = threading.Thread(target=lambda: got.append(panel.source))
    script.start()
    script.join(0.2)  # it waits, or begins to make another one
    may_go_on.set()
    script.join(20)
    settled(panel)
    assert got == [session.source]
    panel.close()


# -- what the controls do -----------------------------------------------------------------------------


def test_a_whole_talk_by_the_twin(session: RealtimeSession, panel: ControlPanel) -> None:
    panel.press("Start")
    for number, words in enumerate(WORDS, 1):
        panel.say(words)
        session.wait_for_answer(number, timeout_s=30)
    panel.set("keep turns", 1)
    panel.set("trigger tokens", 50)
    now = session.wait_for(lambda now: now.summaries and not now.is_summarising, timeout_s=30)
    assert (now.memory.trigger_tokens, now.memory.keep_turns) == (50, 1)
    panel.press("undo summary")
    session.wait_for(lambda now: now.summaries[-1].occasion == "undone" and not now.is_summarising, timeout_s=30)
    panel.press("Stop")
    assert panel.sentence == "The session is: stopped."


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "before the start"])
def test_dials_act_on_the_session(session: RealtimeSession, panel: ControlPanel, is_running: bool) -> None:
    if is_running:
        panel.press("Start")
        session.wait_for(is_listening, timeout_s=20)
    on_threads(lambda: change(panel.controls.trigger, value=900))
    on_threads(lambda: change(panel.controls.keep, value=3))
    on_threads(lambda: change(panel.controls.threshold, value=0.7))
    on_threads(lambda: change(panel.controls.silence, value=750))
    panel.choose("summary style", "bullets")
    panel.choose("summary language", "French")
    panel.choose("voice", "cedar")
    if not is_running:
        panel.press("Start")
    now = session.wait_for(lambda now: now.options is not None and now.options.voice == "cedar", timeout_s=20)
    assert now.memory == SummaryPolicy(trigger_tokens=900, keep_turns=3)
    assert now.style == SummaryStyle(form="bullets", language="French")
    vad = now.options.turn_detection
    assert isinstance(vad, ServerVAD)
    assert (vad.threshold, vad.silence_duration_ms) == (0.7, 750)
    assert panel.problems == []


def test_a_dial_never_jumps_back_while_the_session_learns_of_it(session: RealtimeSession, panel: ControlPanel) -> None:
    seen: list[float] = []
    panel.controls.threshold.observe(lambda news: seen.append(news["new"]), "value")
    panel.press("Start")
    session.wait_for(is_listening, timeout_s=20)
    for value in (0.6, 0.7, 0.8):
        change(panel.controls.threshold, value=value)
        session.send_text("Hello.")  # much changes meanwhile
    session.wait_for(lambda now: now.options.turn_detection.threshold == 0.8 and now.is_quiet, timeout_s=30)
    settled(panel)
    assert seen == [0.6, 0.7, 0.8]


def test_what_code_sets_is_shown_and_asked_of_nobody(session: RealtimeSession, panel: ControlPanel) -> None:
    shown = threading.Event()
    panel.controls.trigger.observe(lambda _news: shown.set(), "value")
    policy = SummaryPolicy(trigger_tokens=33_000, keep_turns=4, keep_tokens=100)
    session.set_memory(policy)
    assert shown.wait(10)
    panel._show()
    assert (panel.controls.trigger.value, panel.controls.keep.value) == (33_000, 4)
    assert panel._worker._latest is None
    assert session.snapshot.memory == policy


def test_a_trigger_of_its_own_is_not_turned(session: RealtimeSession, panel: ControlPanel) -> None:
    session.set_memory(SummaryPolicy(trigger=AtTurns(6)))
    panel._show()
    assert panel.controls.trigger.disabled
    assert "of its own" in panel.controls.trigger.note


def test_mute_becomes_unmute(session: RealtimeSession, panel: ControlPanel) -> None:
    panel.press("Start")
    session.wait_for(is_listening, timeout_s=20)
    panel.press("Mute")
    assert session.snapshot.is_muted
    assert (panel.controls.mute.description, panel.sentence) == ("Unmute", "The session is: listening, muted.")
    panel.press("Unmute")
    assert not session.snapshot.is_muted


def test_push_to_talk_by_hand_and_by_twin(session: RealtimeSession, panel: ControlPanel) -> None:
    panel.press("Start")
    session.wait_for(is_listening, timeout_s=20)
    with pytest.raises(SettingsError, match="push-to-talk"):
        panel.hold()
    panel.choose("a turn ends by", "a button (push-to-talk)")
    session.wait_for(lambda now: now.options.turn_detection == PushToTalk(), timeout_s=20)
    panel.hold("Hold to talk", say="My dog is called Biscuit.")
    now = session.wait_for_answer(1, timeout_s=30)
    assert "Biscuit" in now.turns[0].assistant_text
    on_threads(lambda: change(panel.controls.talk, is_held=True))
    session.wait_for(lambda now: now.state is State.HEARING, timeout_s=20)
    on_threads(lambda: change(panel.controls.talk, is_held=False))  # a tap: nothing was said
    now = session.wait_for(is_listening, timeout_s=20)
    assert len(now.turns) == 1
    panel.say("Thank you.")
    session.wait_for_answer(2, timeout_s=30)
    assert panel.controls.threshold.disabled


def test_the_voice_is_locked_once_it_was_heard() -> None:
    with RealtimeSession() as session:
        panel = ControlPanel(session)
        panel.press("Start")
        panel.say("Hello.")
        session.wait_for_answer(1, timeout_s=30)
        panel._show()
        assert panel.controls.voice.disabled
        assert panel.controls.voice_note.value.startswith("Locked: it was heard.")
        heard = panel.controls.voice.value
        panel.choose("voice", "cedar")  # a script can try
        assert "The voice stays" in panel.problems[-1]
        assert panel.controls.voice.value == heard
        panel.press("Stop")
        panel.choose("voice", "cedar")
        panel.press("Start")
        session.wait_for(lambda now: now.options is not None and now.options.voice == "cedar", timeout_s=20)
        panel.close()


def test_another_source_is_plugged_in_while_it_runs(session: RealtimeSession) -> None:
    people = {"Ada": SpeechSource(), "Bob": SpeechSource()}
    panel = ControlPanel(session, sources={name: lambda one=one: one for name, one in people.items()})
    assert panel.source is people["Ada"]
    panel.press("Start")
    panel.say("My name is Ada.")
    session.wait_for_answer(1, timeout_s=30)
    panel.choose("source", "Bob")
    assert panel.source is people["Bob"]
    people["Bob"].say("My name is Bob.")
    session.wait_for_answer(2, timeout_s=30)
    panel.close()


def test_the_model_changes_between_two_talks_only(session: RealtimeSession, panel: ControlPanel) -> None:
    panel.choose("model", "gpt-realtime-2.1")
    assert session.settings.model == "gpt-realtime-2.1"
    panel.press("Start")
    session.wait_for(is_listening, timeout_s=20)
    assert panel.controls.model.disabled
    panel.choose("model", "gpt-realtime-2")
    assert "Stop it first" in panel.problems[-1]
    assert panel.controls.model.value == session.settings.model == "gpt-realtime-2.1"


# -- what goes wrong ----------------------------------------------------------------------------------


def test_a_missing_key_is_a_sentence_and_nothing_changes(
    session: RealtimeSession, panel: ControlPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    before = session.settings
    on_threads(lambda: change(panel.controls.backend, index=1))
    settled(panel)
    assert "OPENAI_API_KEY" in panel.problems[-1]
    assert "Set it" in panel.sentence
    assert session.settings is before
    assert panel.controls.backend.value == "simulator"
    panel.press("Start")
    assert panel.problems == []  # something new happened


def test_a_problem_of_the_session_stays_until_the_next_control_is_used(
    session: RealtimeSession, panel: ControlPanel
) -> None:
    panel.press("Start")
    session.wait_for(is_listening, timeout_s=20)
    for _ in range(2):  # each press tells it anew, and shows it once
        panel.press("Summarise now")
        (problem,) = panel.problems
        assert problem.startswith("There is nothing to summarise yet")
        session.send_text("Hello.")
        session.wait_for(lambda now: now.is_quiet, timeout_s=20)
        assert panel.problems == [problem]
        panel.press("Mute")
        assert panel.problems == []
    panel.press("Stop")
    panel.press("Start")
    session.wait_for(is_listening, timeout_s=20)
    panel.press("Summarise now")
    assert panel.problems == [problem]


def test_a_source_that_cannot_be_used_is_a_sentence(session: RealtimeSession) -> None:
    def broken() -> SpeechSource:
        raise ZeroDivisionError("no microphone")

    def missing() -> SpeechSource:
        raise AudioError("There is no microphone.", "Plug one in.")

    sources = {"missing": missing, "broken": broken, "Ada": SpeechSource}
    panel = ControlPanel(session, sources=sources)
    panel.press("Start")
    assert panel.problems == ["There is no microphone. Plug one in."]
    assert session.snapshot.state is State.NEW
    panel.choose("source", "broken")
    assert "no microphone" in panel.problems[-1]
    assert panel.controls.source.value == "missing"  # what cannot be used is not chosen
    panel.choose("source", "Ada")
    panel.press("Start")
    session.wait_for(is_listening, timeout_s=20)
    panel.close()


def test_a_sound_file_is_asked_for(panel: ControlPanel, tmp_path: Path) -> None:
    panel.choose("source", "a sound file")
    assert "'sound file'" in panel.problems[-1]
    assert panel.controls.source.value == "a scripted person"
    panel.set("sound file", "nowhere.wav")
    panel.choose("source", "a sound file")
    assert "nowhere.wav" in panel.problems[-1]
    path = tmp_path / "hello.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(bytes(48_000))
    panel.set("sound file", str(path))
    panel.choose("source", "a sound file")
    assert panel.problems == []
    assert isinstance(panel.source, SoundFile)


def test_what_ends_a_session_stays_to_be_read_until_the_next_start(session: RealtimeSession) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/v1"
    session.use_settings(replace(Settings.from_environment("simulator", environ={}), base_url=url))
    panel = ControlPanel(session)
    panel.press("Start")
    failed = threading.Event()
    session.watch(lambda now: now.state is State.FAILED and failed.set())
    assert failed.wait(20)
    panel.standing.complain("")
    assert panel.sentence.startswith("The session is: failed.")
    assert panel.problems == [str(session.snapshot.error)]
    panel._show()
    assert not panel.controls.start.disabled
    panel.close()


@pytest.mark.parametrize(
    ("act", "names"),
    [
        (lambda panel: panel.press("Begin"), "Start, Stop"),
        (lambda panel: panel.set("trigger", 900), "Trigger tokens, Keep turns"),
        (lambda panel: panel.choose("Sauce", "x"), "Source, Sink"),
        (lambda panel: panel.choose("source", "nobody"), "a scripted person"),
        (lambda panel: panel.hold("Start"), "Hold to talk"),
        (lambda panel: panel.set("trigger tokens", 10), "from 50 to 10000"),
    ],
)
def test_the_twin_lists_the_names_there_are(panel: ControlPanel, act: Callable[[Any], None], names: str) -> None:
    with pytest.raises(SettingsError, match=names):
        act(panel)


def test_a_grey_button_does_nothing(session: RealtimeSession, panel: ControlPanel) -> None:
    panel.press("Stop")
    panel.press("Summarise now")
    assert session.snapshot.state is State.NEW
    assert panel.problems == []


def test_a_closed_panel_looks_no_more(session: RealtimeSession) -> None:
    panel = ControlPanel(session)
    panel.close()
    over = threading.Event()
    session.watch(lambda now: is_listening(now) and over.set())
    session.start()
    assert over.wait(20)  # whoever looked before was shown it, too
    assert (panel.controls.start.disabled, panel.standing.picture["sentence"]) == (
        False,
        "The session is: not started.",
    )


@pytest.mark.parametrize("source", [SpeechSource, lambda: None], ids=["a scripted person", "nobody"])
def test_words_reach_a_session_that_was_not_started_by_this_panel(
    session: RealtimeSession, source: Callable[[], SpeechSource | None]
) -> None:
    session.start(source=source())
    first, second = ControlPanel(session), ControlPanel(session)
    first.say("Hello.")
    session.wait_for_answer(1, timeout_s=20)
    second.say("Tell me a quick story.")
    assert len(session.wait_for_answer(2, timeout_s=20).turns) == 2
    first.close()
    second.close()


def test_what_was_read_in_one_talk_is_news_in_the_next(session: RealtimeSession, panel: ControlPanel) -> None:
    for _ in range(2):
        session.start()  # by code: no control was used
        session.wait_for(is_listening, timeout_s=20)
        session.summarise_now()
        (problem,) = session.wait_for(lambda now: now.problems, timeout_s=20).problems
        assert panel.problems == [problem]
        panel.press("Mute")
        assert panel.problems == []
        session.stop()


def test_a_script_reads_the_session_as_it_is(session: RealtimeSession, panel: ControlPanel) -> None:
    panel.press("Start")
    for number in range(1, 6):
        panel.say("Hello.")
        session.wait_for_answer(number, timeout_s=30)
        assert panel.sentence == "The session is: listening."


# -- dial ---------------------------------------------------------------------------------------------


def test_a_dial_stays_between_its_ends_and_whole() -> None:
    dial = Dial("Keep turns", 2, min=1, max=20, unit="turns")
    heard: list[float] = []
    dial.observe(lambda news: heard.append(news["new"]), "value")
    for value in (2.6, 99, -1):
        change(dial, value=value)
    assert heard == [3, 20, 1]
    assert repr(dial) == "Dial('Keep turns', 1 turns)"
    dial.show(40)
    assert (dial.value, dial.max) == (40, 40)
    dial.close()


def test_a_dashboard_shows_all_panels_and_closes_them(session: RealtimeSession) -> None:
    dashboard = Dashboard(session)
    panels = (dashboard.transcript, dashboard.gauge, dashboard.levels, dashboard.latency, dashboard.inspector)
    dashboard.control.press("Start")
    session.send_text("My dog is called Biscuit.")
    session.wait_for_answer(1, timeout_s=30)
    assert all(panel.sentence for panel in panels)
    click(dashboard.fold)
    assert (dashboard.inspector.layout.display, dashboard.fold.description) == ("", "Hide the inspector")
    click(dashboard.fold)
    assert (dashboard.inspector.layout.display, dashboard.fold.description) == ("none", "Show the inspector")
    dashboard.close()
    assert session.snapshot.state is State.LISTENING
    pictures = [panel.picture for panel in panels]
    session.send_text("Thank you.")
    session.wait_for_answer(2, timeout_s=30)
    assert [panel.picture for panel in panels] == pictures


def test_a_closed_dashboard_keeps_nothing_alive() -> None:
    before = set(ipywidgets.widgets.widget._instances)
    session = RealtimeSession()
    dashboard = Dashboard(session)
    dashboard.control.press("Start")
    user = weakref.ref(dashboard.control.source)
    session.stop()
    dashboard.close()
    assert set(ipywidgets.widgets.widget._instances) == before
    del dashboard, session
    deadline = threading.Event()
    for _ in range(100):  # what still ran on the panels' thread lets go when it has ended
        gc.collect()
        if user() is None:
            break
        deadline.wait(0.05)
    assert user() is None, "the scripted person, and the process that speaks for it"
