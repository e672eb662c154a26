"""How much one client may take: every limit has a clear error, and the session goes on."""

from __future__ import annotations

import asyncio
import base64
import random
from typing import Any

from realtime_helpers.audio.formats import silence
from realtime_helpers.simulator import Limits, Pace
from realtime_helpers.simulator.faults import NO_FAULTS, Faults
from realtime_helpers.simulator.outbox import Outbox

from .desk import Desk


def code_of(events: list[dict[str, Any]]) -> str:
    (event,) = events
    assert event["type"] == "error", event
    return str(event["error"]["code"])


async def test_the_input_buffer_holds_so_much_and_no_more() -> None:
    desk = Desk(limits=Limits(buffer_seconds=1))
    await desk.say("session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
    half = base64.b64encode(silence(600)).decode()
    assert await desk.say("input_audio_buffer.append", audio=half) == []
    assert code_of(await desk.say("input_audio_buffer.append", audio=half)) == "input_audio_buffer_full"
    await desk.say("input_audio_buffer.clear")
    assert await desk.say("input_audio_buffer.append", audio=half) == []
    await desk.close()


async def test_a_conversation_holds_so_many_items() -> None:
    desk = Desk(limits=Limits(items=2))
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
    added = [(await desk.say("conversation.item.create", item=item))[0]["item"]["id"] for _ in range(2)]
    assert code_of(await desk.say("conversation.item.create", item=item)) == "too_many_items"
    await desk.say("conversation.item.delete", item_id=added[0])
    assert len(await desk.say("conversation.item.create", item=item)) == 2
    await desk.close()


async def test_so_many_responses_run_out_of_band() -> None:
    desk = Desk(pace=Pace(before_item_ms=60_000))
    wanted = {"conversation": "none", "input": [], "output_modalities": ["text"]}
    for _ in range(16):
        assert [event["type"] for event in await desk.say("response.create", response=wanted)] == ["response.created"]
    assert code_of(await desk.say("response.create", response=wanted)) == "too_many_responses"
    await desk.close()


async def test_a_client_that_does_not_read_makes_its_own_session_wait() -> None:
    outbox = Outbox(Faults(NO_FAULTS, random.Random(0)), most_bytes=1_000, now=asyncio.get_running_loop().time)
    await asyncio.wait_for(outbox.room(), 1)
    for number in range(20):
        outbox.send({"type": "error", "event_id": f"event_{number}", "text": "x" * 100})
    waiting = asyncio.create_task(outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    async for _ in outbox.frames():
        if waiting.done():
            break
        await asyncio.sleep(0)
    assert waiting.done()
