"""The whole client against the whole simulator, over a real socket."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from realtime_helpers import (
    AudioError,
    RealtimeSession,
    SessionError,
    SessionOptions,
    Settings,
    SettingsError,
    SpeechSource,
    State,
    SummaryPolicy,
    SummaryRequest,
    SummaryStyle,
)
from realtime_helpers.audio.sinks import TimedSink
from realtime_helpers.memory import lost_items
from realtime_helpers.protocol import Event
from realtime_helpers.runtime import background_loop
from realtime_helpers.session import facade
from realtime_helpers.simulator import Config, Pace, Simulator

TEXT_ONLY = {"output_modalities": ["text"]}


class LocalServer:
    """A simulator on the background loop, with what it holds open to inspection."""

    def __init__(self, config: Config) -> None:
        self.simulator = Simulator(config)
        background_loop().submit(self.simulator.start()).result(10)

    @property
    def settings(self) -> Settings:
        return Settings.from_environment("simulator", simulator_url=self.simulator.base_url, environ={})

    def send_to_all(self, frame: str) -> None:
        """Put a frame of our own into every open connection."""

        async def send() -> None:
            for socket in self.simulator.sockets:
                await socket.send_str(frame)

        background_loop().submit(send()).result(10)

    def stop(self) -> None:
        background_loop().submit(self.simulator.stop()).result(10)


@pytest.fixture
def server(config: Config) -> Iterator[LocalServer]:
    running = LocalServer(config)
    yield running
    running.stop()


def settled(summaries: int) -> Any:
    return lambda now: len(now.summaries) >= summaries and not now.is_summarising


def test_a_typed_turn_is_answered(server: LocalServer) -> None:
    with RealtimeSession(settings=server.settings, config=TEXT_ONLY) as session:
        session.start()
        session.send_text("How are you?")
        now = session.wait_for_answer(1, timeout_s=10)
    assert now.turns[0].user_text == "How are you?"
    assert "fine" in now.turns[0].assistant_text
    assert now.responses[0].usage.input_text > 0
    assert session.snapshot.state is State.STOPPED


def test_a_spoken_turn_is_heard_and_answered_in_speech(server: LocalServer, config: Config) -> None:
    user = SpeechSource(engine=config.parts.voice.engine)
    with RealtimeSession(settings=server.settings) as session:
        session.start(source=user)
        user.say("What can you do?").result(10)
        now = session.wait_for_answer(1, timeout_s=30)
    turn = now.turns[0]
    assert turn.user_text == "what can you do"
    assert turn.items[0].spoken
    assert turn.items[1].audio_ms > 1000
    assert now.latency.first_audio.count == 1
    assert now.cost_usd is not None
    assert now.cost_usd > 0


def test_old_turns_are_summarised_inside_the_live_conversation(server: LocalServer) -> None:
    trace: list[tuple[str, dict[str, Any]]] = []
    with RealtimeSession(
        settings=server.settings,
        config=TEXT_ONLY,
        memory=SummaryPolicy(trigger_tokens=200, keep_turns=1),
        style=SummaryStyle(language="French"),
        trace=lambda direction, event, _at: trace.append((direction, event)),
    ) as session:
        session.start()
        for number, words in enumerate(["My dog is called Biscuit.", "Tell me a long story.", "Thank you."], start=1):
            session.send_text(words)
            session.wait_for_answer(number, timeout_s=10)
        session.wait_for(settled(1), timeout_s=10)
        for number, (words, expected) in enumerate(
            [("What language is the summary in?", "French"), ("What is my dog called?", "Biscuit")], start=4
        ):
            session.send_text(words)
            now = session.wait_for_answer(number, timeout_s=10)
            assert expected in now.turns[-1].assistant_text
        on_server = session.check_items().result(10)
    record = now.summaries[0]
    assert record.window_after is not None
    assert record.window_after < record.window_before
    assert lost_items(now.turns, now.items, now.summaries) == ()
    assert on_server == {item.id for item in now.items}
    assert not set(record.covers) & on_server

    steps = [(d, e["type"], (e.get("item") or {}).get("id") or e.get("item_id")) for d, e in trace]
    insert = steps.index(("sent", "conversation.item.create", record.id))
    acknowledged = steps.index(("received", "conversation.item.added", record.id))
    first_delete = steps.index(("sent", "conversation.item.delete", record.covers[0]))
    assert insert < acknowledged < first_delete
    assert all(("received", "conversation.item.deleted", item_id) in steps for item_id in record.covers)


def test_a_summariser_that_fails_is_reported_and_loses_nothing(server: LocalServer) -> None:
    async def broken(_request: SummaryRequest) -> str:
        raise RuntimeError("429: too many requests")

    with RealtimeSession(
        settings=server.settings, config=TEXT_ONLY, memory=SummaryPolicy(200, 1), summariser=broken
    ) as session:
        session.start()
        for number in range(1, 4):
            session.send_text("Tell me a long story.")
            session.wait_for_answer(number, timeout_s=10)
        now = session.wait_for(lambda now: now.problems, timeout_s=10)
        assert "429" in now.problems[0]
        assert len(now.items) == 6
        assert now.state is State.LISTENING


def test_a_slow_summariser_delays_no_reply(server: LocalServer) -> None:
    release = threading.Event()

    async def slow(_request: SummaryRequest) -> str:
        await asyncio.to_thread(release.wait, 20)
        return "The user asked for long stories again and again, and the assistant told one each time."

    with RealtimeSession(
        settings=server.settings, config=TEXT_ONLY, memory=SummaryPolicy(200, 1), summariser=slow
    ) as session:
        session.start()
        for number in range(1, 6):
            session.send_text("Tell me a long story.")
            now = session.wait_for_answer(number, timeout_s=10)
        assert now.is_summarising
        assert now.summaries == ()
        release.set()
        now = session.wait_for(settled(1), timeout_s=10)
    assert lost_items(now.turns, now.items, now.summaries) == ()


def test_speech_silences_the_reply_and_truncates_it_at_what_was_heard(config: Config) -> None:
    config.pace = Pace(audio_speed=8.0)
    server = LocalServer(config)
    sink, user = TimedSink(), SpeechSource(engine=config.parts.voice.engine)
    try:
        with RealtimeSession(settings=server.settings) as session:
            session.start(source=user, sink=sink)
            user.say("Tell me a long story.").result(10)
            session.wait_for(lambda _now: sink.head.queued_ms > 1500, timeout_s=30)
            sink.advance(1200)
            user.say("How are you today?").result(10)
            now = session.wait_for(lambda now: now.turns and now.turns[0].items[-1].heard_ms is not None, timeout_s=30)
            story = now.turns[0].items[-1]
            assert story.heard_ms == 1200
            assert 0 < len(story.heard_text) < len(story.text)
            session.wait_for(lambda now: len(now.responses) == 2, timeout_s=30)
            assert story.id not in sink.head.queued_items, "nothing of the story is left to play"
            sink.advance(60_000)
            session.wait_for(lambda now: now.is_quiet, timeout_s=30)
    finally:
        server.stop()


def test_no_server_there_is_one_sentence_with_a_command() -> None:
    settings = Settings.from_environment("simulator", simulator_url="http://127.0.0.1:9/v1", environ={})
    with RealtimeSession(settings=settings) as session:
        session.start()
        with pytest.raises(SessionError, match="realtime-workshop serve"):
            session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=20)


def test_a_wrong_key_is_one_sentence_that_names_the_variable(config: Config) -> None:
    config.required_key = "right"
    server = LocalServer(config)
    try:
        with RealtimeSession(settings=server.settings) as session:
            session.start()
            with pytest.raises(SessionError, match="REALTIME_SIMULATOR_KEY"):
                session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=20)
    finally:
        server.stop()


def test_a_setting_the_server_refuses_ends_the_start_with_its_reason(server: LocalServer) -> None:
    with RealtimeSession(settings=server.settings, config={"audio": {"output": {"voice": "nobody"}}}) as session:
        session.start()
        with pytest.raises(SessionError, match="nobody"):
            session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=20)


def test_a_server_that_goes_away_ends_every_wait_and_keeps_what_was_said(server: LocalServer) -> None:
    with RealtimeSession(settings=server.settings, config=TEXT_ONLY, reconnect=None) as session:
        session.start()
        session.send_text("How are you?")
        session.wait_for_answer(1, timeout_s=10)
        waiting = session.when(lambda now: len(now.turns) > 99)
        server.stop()
        with pytest.raises(SessionError, match="was lost"):
            waiting.result(10)
        assert session.snapshot.state is State.FAILED
        assert session.snapshot.turns[0].user_text == "How are you?"


def test_waiting_in_vain_says_how_the_session_stands(server: LocalServer) -> None:
    with RealtimeSession(settings=server.settings) as session:
        session.start()
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
        with pytest.raises(TimeoutError, match=r"listening, after 0 turns"):
            session.wait_for(lambda now: len(now.turns) > 9, timeout_s=0.05)


def test_an_error_in_a_condition_is_the_callers(server: LocalServer) -> None:
    with RealtimeSession(settings=server.settings) as session:
        session.start()
        with pytest.raises(ZeroDivisionError):
            session.wait_for(lambda _now: 1 / 0, timeout_s=10)


def test_starting_twice_is_refused_and_starting_again_after_a_stop_is_not(server: LocalServer) -> None:
    session = RealtimeSession(settings=server.settings, config=TEXT_ONLY)
    session.stop()  # harmless before the start
    session.start()
    with pytest.raises(SessionError, match="running already"):
        session.start()
    session.stop()
    session.stop()
    session.start()
    session.send_text("How are you?")
    assert session.wait_for_answer(1, timeout_s=10).turns
    session.stop()


def test_starting_and_stopping_leaves_no_task_behind(server: LocalServer) -> None:
    async def tasks() -> set[asyncio.Task[Any]]:
        return asyncio.all_tasks() - {asyncio.current_task()}

    session = RealtimeSession(settings=server.settings)
    before = background_loop().submit(tasks()).result(5)
    for _ in range(10):
        session.start(source=SpeechSource())
        session.stop()
    session.start()
    session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
    session.stop()

    async def left_over() -> set[asyncio.Task[Any]]:
        new = await tasks() - before
        return (await asyncio.wait(new, timeout=5))[1] if new else set()

    assert background_loop().submit(left_over()).result(10) == set()


async def test_a_session_can_be_awaited_from_another_loop(server: LocalServer) -> None:
    session = RealtimeSession(settings=server.settings, config=TEXT_ONLY)
    session.start()
    session.send_text("How are you?")
    now = await session.when(lambda now: now.has_answered(1))
    assert now.turns
    await asyncio.to_thread(session.stop)


def test_no_repr_shows_a_key() -> None:
    settings = Settings.from_environment("openai", environ={"OPENAI_API_KEY": "sk-secret-value"})
    session = RealtimeSession(settings=settings)
    assert "secret" not in repr(settings) + repr(session) + repr(session.snapshot)


def test_a_frame_that_cannot_be_read_is_reported_and_the_talk_goes_on(server: LocalServer) -> None:
    with RealtimeSession(settings=server.settings, config=TEXT_ONLY) as session:
        session.start()
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
        for frame in ("no json", '{"type": "response.done"}', '{"type": "something.new", "field": 1}'):
            server.send_to_all(frame)
        session.send_text("How are you?")
        now = session.wait_for_answer(1, timeout_s=10)
    assert len(now.problems) == 2


def test_a_typed_turn_during_a_reply_is_answered_after_it(config: Config) -> None:
    config.pace = Pace(before_item_ms=300)
    server = LocalServer(config)
    has_begun = threading.Event()

    def watch(_direction: str, event: Event, _at_s: float) -> None:
        if event["type"] == "response.created":
            has_begun.set()

    try:
        with RealtimeSession(settings=server.settings, config=TEXT_ONLY, trace=watch) as session:
            session.start()
            session.send_text("Tell me a long story.")
            assert has_begun.wait(10)  # a response that has not begun would read what is typed now
            session.send_text("What can you do?")
            now = session.wait_for(lambda now: len(now.responses) == 2 and now.is_quiet, timeout_s=10)
        assert "tell stories" in now.turns[-1].assistant_text
        assert now.problems == ()
    finally:
        server.stop()


def test_nothing_overtakes_the_configuration_of_a_session(server: LocalServer) -> None:
    sent: list[str] = []

    def trace(direction: str, event: dict[str, Any], _at: float) -> None:
        if direction == "sent":
            sent.append(event["type"])

    with RealtimeSession(settings=server.settings, config=TEXT_ONLY, trace=trace) as session:
        session.start()
        session.send_text("How are you?")
        session.wait_for_answer(1, timeout_s=10)
    assert sent == ["session.update", "conversation.item.create", "response.create"]


def test_a_trace_that_fails_is_switched_off_and_reported(server: LocalServer) -> None:
    def trace(*_: object) -> None:
        raise OSError("disk full")

    with RealtimeSession(settings=server.settings, config=TEXT_ONLY, trace=trace) as session:
        session.start()
        session.send_text("How are you?")
        now = session.wait_for_answer(1, timeout_s=10)
    assert len(now.problems) == 1
    assert "disk full" in now.problems[0]


def test_a_source_that_cannot_begin_ends_the_start_with_its_name(server: LocalServer) -> None:
    class Broken:
        is_live = True

        async def chunks(self) -> AsyncIterator[bytes]:
            raise OSError("no such device")
            yield b""

    with RealtimeSession(settings=server.settings) as session:
        session.start(source=Broken())
        with pytest.raises(AudioError, match=r"Broken.*no such device"):
            session.wait_for(lambda _now: False, timeout_s=10)


def test_speech_before_the_first_sound_leaves_nothing_heard(config: Config) -> None:
    config.pace = Pace(before_audio_ms=2_000, audio_speed=8.0)
    server = LocalServer(config)
    user = SpeechSource(engine=config.parts.voice.engine)
    try:
        with RealtimeSession(settings=server.settings) as session:
            session.start(source=user)
            user.say("Tell me a long story.").result(10)
            session.wait_for(lambda now: len(now.items) == 2, timeout_s=30)
            user.say("How are you today?").result(10)
            now = session.wait_for(lambda now: len(now.responses) == 2 and now.is_quiet, timeout_s=30)
        story = now.turns[0].items[-1]
        assert story.heard_text == ""
        assert "fine" in now.turns[-1].assistant_text
    finally:
        server.stop()


def test_a_reply_that_may_not_be_interrupted_is_not(config: Config) -> None:
    config.pace = Pace(audio_speed=8.0)
    server = LocalServer(config)
    sink, user = TimedSink(), SpeechSource(engine=config.parts.voice.engine)
    steady = {"audio": {"input": {"turn_detection": {"type": "server_vad", "interrupt_response": False}}}}
    try:
        with RealtimeSession(settings=server.settings, config=steady) as session:
            session.start(source=user, sink=sink)
            user.say("Tell me a quick story.").result(10)
            session.wait_for(lambda _now: sink.head.queued_ms > 1_000, timeout_s=30)
            user.say("Thank you.").result(10)
            now = session.wait_for(lambda now: now.responses and len(now.turns) == 2, timeout_s=30)
            story = now.turns[0].items[-1]
            assert story.heard_ms is None
            assert sink.head.queued_ms == pytest.approx(story.audio_ms)
    finally:
        server.stop()


def test_what_needs_a_running_session_says_so(server: LocalServer) -> None:
    session = RealtimeSession(settings=server.settings)
    for call in (lambda: session.send_text("hello"), session.summarise_now, session.check_items):
        with pytest.raises(SessionError, match="not running"):
            call()


def test_stopping_in_the_middle_of_a_flood_of_speech_is_quick(server: LocalServer, config: Config) -> None:
    user = SpeechSource(engine=config.parts.voice.engine)
    session = RealtimeSession(settings=server.settings)
    session.start(source=user)
    for _ in range(5):
        user.say("Tell me a long story.").result(10)
    session.wait_for(lambda now: now.state is State.SPEAKING or now.responses, timeout_s=30)
    began = time.monotonic()
    session.stop()
    assert time.monotonic() - began < 2
    assert session.snapshot.state is State.STOPPED


def test_a_voice_that_does_not_exist_is_told_to_whoever_waits(server: LocalServer) -> None:
    user = SpeechSource(voice="nobody")
    with RealtimeSession(settings=server.settings) as session:
        session.start(source=user)
        user.say("hello")  # nobody looks at its result
        with pytest.raises(AudioError, match="nobody"):
            session.wait_for_answer(1, timeout_s=10)


def test_a_wait_given_up_leaves_nothing_behind(server: LocalServer) -> None:
    with RealtimeSession(settings=server.settings) as session:
        session.start()
        for _ in range(3):
            with pytest.raises(TimeoutError):
                session.wait_for(lambda _now: False, timeout_s=0.05)
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
        assert not session._live._watchers


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory": 2_000},
        {"memory": SummaryPolicy},
        {"style": "French"},
        {"summariser": "chatt"},
        {"summariser": 5},
        {"reconnect": 3},
        {"options": {"voice": "marin"}},
        {"options": SessionOptions},
        {"config": "text"},
        {"settings": "simulator"},
    ],
)
def test_arguments_that_cannot_work_are_refused_in_words(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"Use .+"):
        RealtimeSession(**wrong)


def test_a_session_started_with_a_file_name_says_how_to_play_it_and_can_be_started_again(server: LocalServer) -> None:
    with RealtimeSession(settings=server.settings, config=TEXT_ONLY) as session:
        name: Any = "voice.wav"
        with pytest.raises(SettingsError, match="sound_file"):
            session.start(source=name)
        with pytest.raises(SettingsError, match=r"speaker\(\)"):
            session.start(sink=name)
        session.start()
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
        with pytest.raises(SettingsError, match="Use SummaryPolicy"):
            session.set_memory(name)
        for style in (name, None):
            with pytest.raises(SettingsError, match="Use SummaryStyle"):
                session.set_style(style)


class Clinging:
    """A source that does not let go of its device at once."""

    is_live = False

    def __init__(self) -> None:
        self.is_open, self.let_go = threading.Event(), threading.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            self.is_open.set()
            await asyncio.Event().wait()
            yield b""
        finally:
            await asyncio.to_thread(self.let_go.wait, 20)


def test_a_session_that_does_not_stop_in_time_says_so(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Clinging()
    with RealtimeSession(settings=server.settings) as session:
        session.start(source=source)
        assert source.is_open.wait(10)
        with monkeypatch.context() as impatient:
            impatient.setattr(facade, "_STOP_PATIENCE_S", 0.05)
            with pytest.raises(SessionError, match=r"did not stop within 0\.05 seconds"):
                session.stop()
        source.let_go.set()
        session.stop()
        assert session.snapshot.state is State.STOPPED
