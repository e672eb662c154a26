"""Read a simulator's frames with the official SDK, and check each against the SDK's models and the order rules."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection, AsyncRealtimeConnectionManager

from realtime_helpers.audio.formats import chunks_of, silence
from realtime_helpers.simulator import Simulator
from tests.rules.models import Event, validate
from tests.rules.stream import StreamRules

__all__ = ["Client", "Event", "connect", "validate"]


class Client:
    """A realtime connection of the unmodified SDK that keeps and checks every frame it gets."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.sdk = connection
        self.events: list[Event] = []
        self.rules = StreamRules()

    async def next(self) -> Event:
        """The next frame, validated."""
        event = orjson.loads(await self.sdk.recv_bytes())
        validate(event)
        self.rules.see(event)
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

    def kinds(self, since: int = 0) -> list[str]:
        """Types of the events from a position on, deltas of one kind in a row once."""
        kinds: list[str] = []
        for event in self.events[since:]:
            if not kinds or kinds[-1] != event["type"] or not event["type"].endswith("delta"):
                kinds.append(event["type"])
        return kinds

    def all(self, kind: str, **fields: object) -> list[Event]:
        """The events of this type with these fields so far."""
        return [
            event for event in self.events
            if event["type"] == kind and all(event.get(name) == value for name, value in fields.items())
        ]  # fmt: skip

    def count(self) -> Counter[str]:
        """How often each type came."""
        return Counter(event["type"] for event in self.events)


def _dial(openai: AsyncOpenAI, model: str, query: dict[str, object] | None) -> AsyncRealtimeConnectionManager:
    """With a query of its own the connection names no model."""
    return openai.realtime.connect(extra_query=query) if query else openai.realtime.connect(model=model)


@asynccontextmanager
async def connect(
    simulator: Simulator, model: str = "gpt-realtime-2.1-mini", extra_query: dict[str, object] | None = None
) -> AsyncIterator[Client]:
    """Dial the simulator with the SDK; at the end, nothing that was begun may be open."""
    async with (
        AsyncOpenAI(base_url=simulator.base_url, api_key="test-key") as openai,
        _dial(openai, model, extra_query) as connection,
    ):
        client = Client(connection)
        await client.until("session.created")
        yield client
    client.rules.end()
