"""Whatever a client sends, the answer is an `error` event of the protocol, and the session goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from .desk import Desk

WORDS = """auto none root a message user assistant input_text input_audio AAAA AAA= server_vad audio/pcm
function_call_output""".split()
FIELDS = """id type role content text audio transcript item session input output turn_detection format tools name
call_id conversation metadata voice""".split()
EVENTS = """session.update input_audio_buffer.append input_audio_buffer.commit input_audio_buffer.clear
conversation.item.create conversation.item.truncate conversation.item.delete conversation.item.retrieve
response.create response.cancel nope""".split()
EVENT_FIELDS = """event_id session audio item item_id previous_item_id content_index audio_end_ms response
response_id""".split()

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", *WORDS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=8,
)
events = st.fixed_dictionaries({"type": st.sampled_from(EVENTS)}, optional=dict.fromkeys(EVENT_FIELDS, json_values))


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def user_item(**content: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [content]}


async def exchange(frames: list[Any]) -> list[dict[str, Any]]:
    desk = Desk()
    for frame in frames:
        await desk.frame(orjson.dumps(frame).decode())
    await desk.say("input_audio_buffer.clear")
    await desk.close()
    return desk.sent


@settings(max_examples=400, deadline=None)
@given(st.lists(events, max_size=6))
@example([{"type": "conversation.item.create", "item": user_item(type="input_audio", audio="AAAA", transcript=[1])}])
@example(
    [{"type": "conversation.item.create", "item": user_item(type="input_text", text="a"), "previous_item_id": [1]}]
)
@example([{"type": "session.update", "session": {"type": "realtime", "instructions": None}}])
@example([{"type": "session.update", "session": {"type": "realtime", "tool_choice": None, "tools": None}}])
@example([{"type": "response.create", "response": {"audio": {"output": {"voice": {}}}}}])
@example([{"type": "response.create", "response": {"input": [5, None]}}])
@example([{"type": "response.cancel", "response_id": [1]}])
@example([{"type": "conversation.item.create", "item": {"type": "message", "role": [], "content": []}}])
@example([{"type": "response.create", "response": {"metadata": nested(200)}}])
@example([{"type": "session.update", "session": {"type": "realtime", "tracing": nested(200)}}])
def test_no_frame_breaks_the_connection(frames: list[dict[str, Any]]) -> None:
    sent = asyncio.run(exchange(frames))
    assert sent[-1]["type"] == "input_audio_buffer.cleared"
    for event in sent:
        if event["type"] == "error":
            assert event["error"]["type"] == "invalid_request_error", event
