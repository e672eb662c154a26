"""Plain functions as tools of a whole session, over a real socket."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from realtime_helpers import (
    RealtimeSession,
    SessionError,
    Settings,
    SettingsError,
    SpeechSource,
    State,
    as_tool,
    conversation_record,
)
from realtime_helpers.runtime import background_loop
from realtime_helpers.simulator import Config, Simulator
from realtime_helpers.tools.examples import example_tools

TEXT_ONLY = {"output_modalities": ["text"]}


@pytest.fixture
def local(config: Config) -> Iterator[Settings]:
    """Settings for a simulator on the background loop."""
    simulator = Simulator(config)
    background_loop().submit(simulator.start()).result(10)
    yield Settings.from_environment("simulator", simulator_url=simulator.base_url, environ={})
    background_loop().submit(simulator.stop()).result(10)


def talk(session: RealtimeSession, *turns: str) -> Any:
    for words in turns:
        number = len(session.snapshot.turns) + 1
        session.send_text(words)
        now = session.wait_for_answer(number, timeout_s=20)
    return now


def test_spoken_questions_are_answered_with_what_the_tools_say(local: Settings, config: Config) -> None:
    user = SpeechSource(engine=config.parts.voice.engine)
    noon = datetime(2027, 1, 1, 12, 0, tzinfo=UTC)
    with RealtimeSession(settings=local, tools=example_tools(lambda: noon)) as session:
        session.start(source=user)
        for number, question in enumerate(
            (
                "What is the weather in Paris?", "What time is it in Lisbon?", "Remind me to call Anna in ten minutes.",
                "What is the weather in Lisbon and in Paris?", "What are my reminders?",
            ), start=1,
        ):  # fmt: skip
            user.say(question).result(20)
            now = session.wait_for_answer(number, timeout_s=30)
    answers = [turn.assistant_text for turn in now.turns]
    assert "city Paris" in answers[0]
    assert "invented" in answers[0]
    assert "It is 12:00 on Friday in Lisbon" in answers[1]
    assert "noted call anna" in answers[2]
    assert "city Lisbon" in answers[3]
    assert "city Paris" in answers[3]
    assert "minutes left 10" in answers[4]
    assert [call.state for call in now.calls] == ["answered"] * 6
    assert [call["name"] for call in conversation_record(now)["calls"]][-1] == "list_reminders"


def test_a_tool_may_use_its_session(local: Settings) -> None:
    seen: list[int] = []

    def look_back() -> str:
        """Look back at the talk."""
        seen.append(len(session.snapshot.turns))
        session.send_text("Thank you.")
        return f"{len(session.snapshot.calls)} calls"

    async def look_ahead() -> str:
        """Look ahead at the talk."""
        session.send_text("Hello.")
        now = await session.when(lambda now: now.calls)
        return f"{len(now.calls)} calls"

    with RealtimeSession(settings=local, config=TEXT_ONLY, tools=[look_back, look_ahead]) as session:
        session.start()
        session.send_text("Please look back.")
        now = session.wait_for_answer(2, timeout_s=10)
        assert now.calls[0].output == "1 calls"
        session.send_text("Please look ahead.")
        now = session.wait_for_answer(4, timeout_s=10)
        assert now.calls[1].output == "2 calls"
    assert seen == [1]
    assert now.problems == ()


def test_a_tool_may_end_the_session(local: Settings) -> None:
    def hang_up() -> str:
        """Hang up."""
        session.stop()
        return "bye"

    async def ring_off() -> str:
        """Ring off."""
        session.stop()
        return "bye"

    for function, words in ((hang_up, "Please hang up."), (ring_off, "Please ring off.")):
        session = RealtimeSession(settings=local, config=TEXT_ONLY, tools=[function])
        session.start()
        session.send_text(words)
        with pytest.raises(SessionError, match="stopped"):
            session.wait_for(lambda now: now.turns and now.turns[0].assistant_text, timeout_s=10)
        now = session.snapshot
        assert (now.state, now.calls[0].state) == (State.STOPPED, "cancelled")


def test_a_tool_that_blocks_holds_up_nobody(local: Settings) -> None:
    blocking, go_on = threading.Event(), threading.Event()

    async def compute() -> str:
        """Compute without ever yielding."""
        blocking.set()
        go_on.wait(20)
        return "done"

    async def tick() -> None:
        await asyncio.sleep(0)

    with RealtimeSession(settings=local, config=TEXT_ONLY, tools=[compute]) as session:
        session.start()
        session.send_text("Please compute.")
        assert blocking.wait(10)
        began_s = time.monotonic()
        background_loop().submit(tick()).result(5)
        now = talk(session, "Hello.")
        assert time.monotonic() - began_s < 5, "the loop of the sound stood still"
        assert now.calls[0].state == "running"
        go_on.set()
        now = session.wait_for_answer(1, timeout_s=10)
    assert now.calls[0].output == "done"


def test_a_session_that_stops_leaves_no_tool_waiting(local: Settings) -> None:
    began, ended = threading.Event(), threading.Event()

    async def dream() -> str:
        """Dream on."""
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "never"

    with RealtimeSession(settings=local, config=TEXT_ONLY, tools=[dream]) as session:
        session.start()
        session.send_text("Please dream.")
        assert began.wait(10)
    assert ended.wait(5)
    assert session.snapshot.calls[0].state == "cancelled"


def test_a_thread_that_takes_too_long_is_told_as_such(local: Settings) -> None:
    go_on = threading.Event()

    def ponder() -> str:
        """Ponder."""
        go_on.wait(20)
        return "too late"

    with RealtimeSession(settings=local, config=TEXT_ONLY, tools=[as_tool(ponder, timeout_s=0.2)]) as session:
        session.start()
        now = talk(session, "Please ponder.")
        go_on.set()
        now = talk(session, "Hello.")
    assert now.calls[0].state == "timed out"
    assert "too late" not in json.dumps(conversation_record(now))
    assert "no answer within 0.2 seconds" in now.turns[0].assistant_text


def test_a_call_of_a_tool_of_the_config_is_answered_from_outside(local: Settings) -> None:
    raw = {"type": "function", "name": "get_weather", "description": "The weather.",
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}  # fmt: skip
    session = RealtimeSession(settings=local, config={**TEXT_ONLY, "tools": [raw]})
    with session:
        session.start()
        session.send_text("What is the weather in Paris?")
        (call,) = session.wait_for(lambda now: now.calls, timeout_s=10).calls
        assert (call.name, call.state, json.loads(call.arguments)) == ("get_weather", "yours", {"city": "Paris"})
        session.answer_call(call.id, {"sky": "clear"})
        now = session.wait_for_answer(1, timeout_s=10)
        assert "sky clear" in now.turns[0].assistant_text
        with pytest.raises(ValueError, match="serialize"):
            session.answer_call(call.id, object())
    with pytest.raises(SessionError, match="not running"):
        session.answer_call(call.id, "late")


def test_what_cannot_be_a_tool_is_refused_at_once() -> None:
    def work(where) -> None:  # type: ignore[no-untyped-def]
        """Work."""

    with pytest.raises(SettingsError, match="where of work has no type hint"):
        RealtimeSession(tools=[work])
    with pytest.raises(SettingsError, match="Two tools are called get_weather"):
        RealtimeSession(tools=example_tools(), config={"tools": [{"type": "function", "name": "get_weather"}]})
    with pytest.raises(SettingsError, match="tools cannot be of the kind function"):
        RealtimeSession(tools=work)  # type: ignore[arg-type]
