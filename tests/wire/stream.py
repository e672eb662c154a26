"""Read a simulator's frames with the official SDK, and check each against the SDK's models and the order rules."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, get_args

import orjson
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel

from realtime_helpers.audio.formats import chunks_of, silence
from realtime_helpers.simulator import Simulator

Event = dict[str, Any]


@cache
def _models() -> dict[str, type[BaseModel]]:
    """The SDK's model for each type of server event."""
    union = get_args(RealtimeServerEvent)[0]
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(union)}


def validate(event: Event) -> None:
    """Validate strictly: no coercion, every required field there, every type known to the SDK."""
    _models()[event["type"]].model_validate(event, strict=True)


def check_order(events: list[Event]) -> None:
    """The rules that hold in every stream (reference §3)."""
    ids = [event["event_id"] for event in events]
    assert len(ids) == len(set(ids)), "event ids are unique"
    added: set[str] = set()
    open_parts: dict[tuple[str, int], str] = {}
    running: set[str] = set()
    ended: set[str] = set()
    for event in events:
        kind = event["type"]
        if (response_id := event.get("response_id")) is not None:
            assert response_id in running, f"{kind} outside its response"
        match kind:
            case "response.created":
                running.add(event["response"]["id"])
            case "response.done":
                response_id = event["response"]["id"]
                assert response_id in running
                running.discard(response_id)
                ended.add(response_id)
                _check_usage(event["response"]["usage"])
            case "conversation.item.added":
                assert event["item"]["id"] not in added, "an item is added once"
                added.add(event["item"]["id"])
            case "conversation.item.done":
                assert event["item"]["id"] in added, "added comes before done"
            case "response.content_part.added":
                open_parts[event["item_id"], event["content_index"]] = ""
            case "response.output_audio_transcript.delta" | "response.output_text.delta":
                assert (event["item_id"], event["content_index"]) in open_parts, "a delta stands inside its part"
                open_parts[event["item_id"], event["content_index"]] += event["delta"]
            case "response.output_audio.delta":
                assert (event["item_id"], event["content_index"]) in open_parts, "a delta stands inside its part"
            case "response.output_audio_transcript.done":
                assert open_parts[event["item_id"], event["content_index"]].rstrip() == event["transcript"]
            case "response.output_text.done":
                assert open_parts[event["item_id"], event["content_index"]] == event["text"]
            case "response.content_part.done":
                del open_parts[event["item_id"], event["content_index"]]
    assert not open_parts, "every part is closed"
    assert not running, "every response is done"


def _check_usage(usage: Event) -> None:
    read, written = usage["input_token_details"], usage["output_token_details"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["input_tokens"] == read["text_tokens"] + read["audio_tokens"] + read["image_tokens"]
    assert usage["output_tokens"] == written["text_tokens"] + written["audio_tokens"]
    assert read["cached_tokens"] == sum(read["cached_tokens_details"].values())
    assert read["cached_tokens_details"]["text_tokens"] <= read["text_tokens"]
    assert read["cached_tokens_details"]["audio_tokens"] <= read["audio_tokens"]


class Client:
    """A realtime connection of the unmodified SDK that keeps and checks every frame it gets."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.sdk = connection
        self.events: list[Event] = []

    async def next(self) -> Event:
        """The next frame, validated."""
        event = orjson.loads(await self.sdk.recv_bytes())
        validate(event)
        self.events.append(event)
        return event

    async def until(self, kind: str, **fields: object) -> Event:
        """Read until an event of this type with these fields."""
        while True:
            event = await self.next()
            if event["type"] == kind and all(event.get(name) == value for name, value in fields.items()):
                return event

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event as the SDK would."""
        await self.sdk.send({"type": kind, **fields})  # type: ignore[arg-type,misc]

    async def speak(self, pcm: bytes) -> None:
        """Append audio with enough silence around it for the server to hear where it ends."""
        for chunk in chunks_of(silence(200) + pcm + silence(800)):
            await self.sdk.input_audio_buffer.append(audio=base64.b64encode(chunk).decode())

    def kinds(self) -> list[str]:
        """Types of all events so far, deltas of one kind in a row once."""
        kinds: list[str] = []
        for event in self.events:
            if not kinds or kinds[-1] != event["type"] or not event["type"].endswith("delta"):
                kinds.append(event["type"])
        return kinds

    def count(self) -> Counter[str]:
        """How often each type came."""
        return Counter(event["type"] for event in self.events)


@asynccontextmanager
async def connect(simulator: Simulator, model: str = "gpt-realtime-2.1-mini") -> AsyncIterator[Client]:
    """Dial the simulator with the SDK; at the end, check the order of everything received."""
    async with (
        AsyncOpenAI(base_url=simulator.base_url, api_key="test-key") as openai,
        openai.realtime.connect(model=model) as connection,
    ):
        client = Client(connection)
        await client.until("session.created")
        yield client
    check_order(client.events)
