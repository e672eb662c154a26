"""Responses beside the conversation, asked for by the user: they read what they are given, and leave nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from realtime_helpers import RealtimeSession, SessionError, Settings, SettingsError
from realtime_helpers.runtime import background_loop
from realtime_helpers.simulator import Config, Simulator

TEXT_ONLY = {"output_modalities": ["text"]}


@pytest.fixture
def session(config: Config) -> Iterator[RealtimeSession]:
    """A session on a simulator on the background loop, with one turn behind it."""
    simulator = Simulator(config)
    background_loop().submit(simulator.start()).result(10)
    settings = Settings.from_environment("simulator", simulator_url=simulator.base_url, environ={})
    with RealtimeSession(settings=settings, config=TEXT_ONLY) as talking:
        talking.start()
        talking.send_text("I live in Lisbon.")
        talking.wait_for_answer(1, timeout_s=20)
        yield talking
    background_loop().submit(simulator.stop()).result(10)


def question(*item_ids: str) -> dict[str, Any]:
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Where do I live?"}]}
    return {"input": [*({"type": "item_reference", "id": item_id} for item_id in item_ids), message]}


def words(response: dict[str, Any]) -> str:
    return str(response["output"][0]["content"][0]["text"])


def test_it_reads_what_it_is_given_and_leaves_nothing(session: RealtimeSession) -> None:
    before = session.snapshot
    response = session.ask_out_of_band(question(*(item.id for item in before.items))).result(20)
    assert response["status"] == "completed"
    assert words(response) == "You live in Lisbon."
    assert "do not see your home" in words(session.ask_out_of_band(question()).result(20))
    now = session.snapshot
    assert (now.items, tuple(now.turns), now.window_tokens) == (before.items, tuple(before.turns), before.window_tokens)
    assert [entry.out_of_band for entry in now.responses] == [False, True, True]
    assert now.responses[1].usage.input_tokens == response["usage"]["input_tokens"]
    assert session.check_items().result(20) == {item.id for item in before.items}


async def test_it_can_be_awaited(session: RealtimeSession) -> None:
    assert words(await session.ask_out_of_band(question())).startswith("I do not see")


def test_what_the_server_refuses_is_told_to_whoever_asked_and_the_talk_goes_on(session: RealtimeSession) -> None:
    with pytest.raises(SessionError, match="no_such_item"):
        session.ask_out_of_band(question("no_such_item")).result(20)
    session.send_text("Where do I live?")
    assert session.wait_for_answer(2, timeout_s=20).turns[-1].assistant_text == "You live in Lisbon."


def test_it_needs_fields_and_a_session_that_runs(session: RealtimeSession) -> None:
    wrong: Any = "Where do I live?"
    with pytest.raises(SettingsError, match="response cannot be of the kind str"):
        session.ask_out_of_band(wrong)
    session.stop()
    with pytest.raises(SessionError, match="not running"):
        session.ask_out_of_band(question())
