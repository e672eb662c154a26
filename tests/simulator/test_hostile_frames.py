"""Frames that once broke something: the answer is an `error` event of the protocol, and the session goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from realtime_helpers.simulator import accounting
from realtime_helpers.simulator.responder import BuiltinResponder, Reply

from .desk import Desk
from .hostile import nested


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.close()


def user_item(**content: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [content]}


def called(output: str) -> list[dict[str, Any]]:
    """A call, its output and a question about it."""
    items = [
        {"id": "call", "type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": output},
    ]
    return [*({"type": "conversation.item.create", "item": item} for item in items), {"type": "response.create"}]


@pytest.mark.parametrize(
    "frames",
    [
        [{"type": "conversation.item.create", "item": user_item(type="input_audio", audio="AAAA", transcript=[1])}],
        [{"type": "conversation.item.create", "item": user_item(type="input_text", text="a"), "previous_item_id": [1]}],
        [{"type": "session.update", "session": {"type": "realtime", "instructions": None}}],
        [{"type": "session.update", "session": {"type": "realtime", "tool_choice": None, "tools": None}}],
        [{"type": "response.create", "response": {"audio": {"output": {"voice": {}}}}}],
        [{"type": "response.create", "response": {"input": [5, None]}}],
        [{"type": "response.cancel", "response_id": [1]}],
        [{"type": "conversation.item.create", "item": {"type": "message", "role": [], "content": []}}],
        [{"type": "response.create", "response": {"metadata": nested(200)}}],
        [{"type": "session.update", "session": {"type": "realtime", "tracing": nested(200)}}],
    ],
)
async def test_a_bad_frame_is_refused_and_the_session_goes_on(frames: list[dict[str, Any]]) -> None:
    desk = Desk()
    for frame in frames:
        await desk.frame(orjson.dumps(frame).decode())
    await desk.say("input_audio_buffer.clear")
    await desk.close()
    assert desk.sent[-1]["type"] == "input_audio_buffer.cleared"
    for event in desk.sent:
        if event["type"] == "error":
            assert event["error"]["type"] == "invalid_request_error", event


async def test_calls_can_be_retrieved(desk: Desk) -> None:
    for frame in called("{}")[:2]:
        await desk.frame(orjson.dumps(frame).decode())
    (retrieved,) = await desk.say("conversation.item.retrieve", item_id="call")
    assert retrieved["item"]["name"] == "look"


@pytest.mark.parametrize("output", ['"\\ud800"', "[" * 10_000, "[" * 1000 + "]" * 1000, '{"a":' * 5000, "9" * 5000])
async def test_any_output_of_a_function_gets_an_answer(output: str) -> None:
    desk = Desk()
    for frame in called(output):
        await desk.frame(orjson.dumps({**frame, "response": {"output_modalities": ["text"]}}).decode())
    await desk.close()
    (done,) = (event["response"] for event in desk.sent if event["type"] == "response.done")
    assert done["status"] in ("completed", "incomplete"), done


async def test_numbers_of_hundreds_of_digits_are_just_long(desk: Desk) -> None:
    light = {"type": "function", "name": "set_light", "parameters": {"properties": {"n": {"type": "integer"}}}}
    for text in (f"Tell me a story of {'9' * 5000} words.", f"Set the light to {'9' * 400}."):
        item = user_item(type="input_text", text=text)
        await desk.say("conversation.item.create", item=item)
        assert (await desk.respond(tools=[light], max_output_tokens=50))["status"] != "failed"


async def test_an_event_id_that_is_too_long_is_not_repeated_whatever_else_is_wrong(desk: Desk) -> None:
    (error,) = await desk.frame(orjson.dumps({"event_id": "x" * 100_000}).decode())
    assert error["error"]["code"] == "string_above_max_length"
    assert error["error"]["event_id"] is None


async def test_a_failure_of_ours_is_told_without_the_inside(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    monkeypatch.setattr(BuiltinResponder, "answer", lambda self, prompt: {}["secret"])
    response = await desk.type_turn("Hello.")
    assert response["status"] == "failed"
    assert "secret" not in str(response)
    assert "KeyError" not in str(response)


async def test_half_a_character_from_a_responder_is_replaced(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    monkeypatch.setattr(BuiltinResponder, "answer", lambda self, prompt: Reply("A \ud83d sign."))
    (item,) = (await desk.type_turn("Hello."))["output"]
    assert item["content"][0]["text"] == "A ? sign."


async def test_long_texts_are_counted_and_not_kept() -> None:
    before = accounting._remembered_count.cache_info().currsize
    assert accounting.count_text("word " * 10_000) == 10_001
    assert accounting._remembered_count.cache_info().currsize == before
