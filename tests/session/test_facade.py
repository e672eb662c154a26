"""What `RealtimeSession` adds to its inside: arguments checked in words, second starts, and any thread."""

from __future__ import annotations

import array
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from realtime_helpers import (
    PROFILES,
    SERVER_DEFAULT,
    AudioError,
    PushToTalk,
    RealtimeSession,
    SessionError,
    SessionOptions,
    SettingsError,
    State,
    SummaryPolicy,
    SummaryStyle,
)

from .test_session import TEXT_ONLY, LocalServer, server  # noqa: F401 - a fixture

HELLO = b"\x11\x00" * 24_000


def test_what_was_set_live_survives_a_second_start(server: LocalServer) -> None:  # noqa: F811
    with RealtimeSession(settings=server.settings, config=TEXT_ONLY) as session:
        session.start()
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
        session.set_options(SessionOptions(instructions="Be brief.", turn_detection=PushToTalk()))
        session.set_memory(SummaryPolicy(trigger_tokens=100, keep_turns=1))
        session.set_style(SummaryStyle(language="French"))
        session.wait_for(lambda now: now.options.instructions == "Be brief.", timeout_s=10)
        session.stop()
        session.start()
        now = session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
        assert now.options is not None
        assert (now.options.instructions, now.options.turn_detection) == ("Be brief.", PushToTalk())
        for number, words in enumerate(["My dog is called Biscuit.", "Tell me a long story.", "Thank you."], start=1):
            session.send_text(words)
            session.wait_for_answer(number, timeout_s=10)
        session.wait_for(lambda now: now.summaries and not now.is_summarising, timeout_s=10)
        session.send_text("What language is the summary in?")
        now = session.wait_for_answer(4, timeout_s=10)
        assert "French" in now.turns[-1].assistant_text
        assert not now.problems


def test_what_is_set_before_a_start_or_between_two_counts_for_the_next(server: LocalServer) -> None:  # noqa: F811
    with RealtimeSession(settings=server.settings, config=TEXT_ONLY) as session:
        session.set_memory(SummaryPolicy(trigger_tokens=300, keep_turns=1))
        session.set_style(SummaryStyle(language="French"))
        session.set_options(SessionOptions(instructions="Be brief."))
        now = session.snapshot
        assert (now.memory, now.style) == (SummaryPolicy(trigger_tokens=300, keep_turns=1), SummaryStyle("French"))
        session.start()
        now = session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
        assert now.memory == SummaryPolicy(trigger_tokens=300, keep_turns=1)
        assert (now.style, now.options.instructions) == (SummaryStyle("French"), "Be brief.")
        session.send_text("My dog is called Biscuit.")
        session.wait_for_answer(1, timeout_s=10)
        session.stop()
        session.set_memory(SummaryPolicy(trigger_tokens=1, keep_turns=1, least_saving_tokens=1))
        session.set_options(SessionOptions(instructions="Be kind.", input_format="g711_ulaw"))
        assert session.options.instructions == "Be kind."
        now = session.snapshot
        assert now.memory == SummaryPolicy(trigger_tokens=1, keep_turns=1, least_saving_tokens=1)
        assert len(now.turns) == 1  # what was said can still be read
        assert not now.is_summarising
        session.start()
        now = session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
        assert (now.options.instructions, now.options.input_format) == ("Be kind.", "g711_ulaw")
        assert now.memory == SummaryPolicy(trigger_tokens=1, keep_turns=1, least_saving_tokens=1)
        assert not now.turns


def test_options_that_cannot_work_are_refused_before_a_start(server: LocalServer) -> None:  # noqa: F811
    plain = replace(server.settings, model="gpt-realtime")
    session = RealtimeSession(settings=plain)
    with pytest.raises(SettingsError, match="models that reason"):
        session.set_options(SessionOptions(reasoning_effort="low"))
    assert session.options.reasoning_effort is SERVER_DEFAULT
    session.use_settings(server.settings)
    session.set_options(SessionOptions(reasoning_effort="low"))
    with pytest.raises(SettingsError, match="models that reason"):
        session.use_settings(plain)
    assert session.settings == server.settings


def test_a_view_is_shown_what_is_set_before_the_start(server: LocalServer) -> None:  # noqa: F811
    policy = SummaryPolicy(trigger_tokens=300)
    with RealtimeSession(settings=server.settings) as session:
        seen = threading.Event()
        session.watch(lambda now: now.memory == policy and seen.set())
        session.use_settings(replace(server.settings, model="gpt-realtime"))
        session.set_memory(policy)
        assert seen.wait(10)


def test_of_many_threads_that_start_it_one_does(server: LocalServer) -> None:  # noqa: F811
    refused: list[SessionError] = []
    created: list[str] = []
    gate = threading.Barrier(8)

    def start() -> None:
        gate.wait(10)
        try:
            session.start()
        except SessionError as error:
            refused.append(error)

    def trace(_way: str, event: dict[str, Any], _at_s: float) -> None:
        created.extend(["one"] * (event["type"] == "session.created"))

    with RealtimeSession(settings=server.settings, trace=trace) as session:
        threads = [threading.Thread(target=start) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
        assert len(refused) == 7
        assert created == ["one"]


@pytest.mark.parametrize("trace", [Path("talk.jsonl"), "talk.jsonl", [Path("talk.jsonl")], 1])
def test_a_trace_that_cannot_be_called_is_refused(trace: Any) -> None:
    with pytest.raises(SettingsError, match=r"EventLog\('talk\.jsonl'\)"):
        RealtimeSession(trace=trace)


def test_a_profile_is_as_good_as_its_options(server: LocalServer) -> None:  # noqa: F811
    with RealtimeSession(settings=server.settings, options=PROFILES["telephony"]) as session:
        session.start()
        now = session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
        assert now.options is not None
        assert now.options.input_format == "g711_ulaw"
    with RealtimeSession(settings=server.settings) as session:
        session.start()
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
        tutor = PROFILES["language_tutor"]
        session.set_options(tutor)
        session.wait_for(lambda now: now.options.instructions == tutor.options.instructions, timeout_s=10)


def test_stopping_from_a_callback_stops_and_raises_nothing(server: LocalServer) -> None:  # noqa: F811
    raised: list[BaseException] = []

    def trace(_way: str, event: dict[str, Any], _at_s: float) -> None:
        if event["type"] == "response.done":
            try:
                session.stop()
            except Exception as error:  # noqa: BLE001 - whatever it is
                raised.append(error)

    session = RealtimeSession(settings=server.settings, config=TEXT_ONLY, trace=trace)
    session.start()
    session.send_text("How are you?")
    with pytest.raises(SessionError, match="was stopped"):
        session.wait_for(lambda _now: False, timeout_s=10)
    session.stop()
    assert session.snapshot.state is State.STOPPED
    assert not session.snapshot.problems, "the trace is not to blame"
    assert not raised


@pytest.mark.parametrize(
    ("call", "kind", "told"),
    [
        (lambda session: session.send_text(None), SettingsError, "text cannot be of the kind NoneType"),
        (lambda session: session.send_text(" "), SettingsError, "empty text is no turn"),
        (
            lambda session: session.send_audio(HELLO, transcript=5),
            SettingsError,
            "transcript cannot be of the kind int",
        ),
        (lambda session: session.send_audio(HELLO + b"\x11"), AudioError, "48,001 bytes end within a sample"),
        (lambda session: session.send_audio([1, 2]), AudioError, "kind list.*tobytes"),
        (lambda session: session.send_audio(array.array("h", [1, 2])), AudioError, "kind array.*tobytes"),
        (lambda session: session.send_audio(None), AudioError, "kind NoneType"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_the_call(
    call: Callable[[RealtimeSession], None], kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        call(RealtimeSession())


def test_audio_may_come_in_any_kind_of_bytes(server: LocalServer) -> None:  # noqa: F811
    with RealtimeSession(settings=server.settings, config=TEXT_ONLY) as session:
        session.start()
        for number, audio in enumerate((bytearray(HELLO), memoryview(HELLO)), start=1):
            session.send_audio(audio, transcript="Hello.")
            now = session.wait_for_answer(number, timeout_s=10)
            assert now.turns[-1].items[0].audio_ms == 1_000
