"""A connection without a socket: what goes in is a dictionary, what comes out is a list."""

from __future__ import annotations

import random
from typing import Any

import orjson

from realtime_helpers.protocol import IdMint
from realtime_helpers.simulator import PACES, Parts
from realtime_helpers.simulator.connection import Connection
from realtime_helpers.simulator.models import find_model
from realtime_helpers.simulator.session import ServerSession
from realtime_helpers.simulator.session_config import default_session

Event = dict[str, Any]


class Desk:
    """Talks to a `Connection` directly.

    Args:
        name: Model.
        changes: Other attributes of its `ServerSession`.
    """

    def __init__(self, name: str = "gpt-realtime", **changes: Any) -> None:
        self.sent: list[Event] = []
        model = find_model(name)
        assert model is not None
        values: dict[str, Any] = {
            "parts": Parts(),
            "ids": IdMint(lambda: 1.8e9, random.Random(0)),
            "pace": PACES["fast"],
            "rng": random.Random(0),
            "clock": lambda: 1.8e9,
            **changes,
        }
        wire = default_session("sess_1", name, model, 1_800_003_600)
        self.session = ServerSession(self._take, wire, model, **values)
        self.connection = Connection(self.session)
        self.connection.start()

    def _take(self, event: Event) -> None:
        self.sent.append(orjson.loads(orjson.dumps(event)))

    async def say(self, kind: str, **fields: Any) -> list[Event]:
        """Send a client event; returns what it brought about."""
        return await self.frame(orjson.dumps({"type": kind, **fields}).decode())

    async def frame(self, frame: str) -> list[Event]:
        """Send any frame; returns what it brought about."""
        before = len(self.sent)
        await self.connection.receive(frame)
        return self.sent[before:]

    async def type_turn(self, text: str) -> Event:
        """A typed turn with a text answer; returns its response."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        await self.say("conversation.item.create", item=item)
        return await self.respond()

    async def respond(self, **response: Any) -> Event:
        """A response; returns it as `response.done` shows it."""
        events = await self.say("response.create", response={"output_modalities": ["text"], **response})
        done: Event = next(event["response"] for event in events if event["type"] == "response.done")
        return done

    async def close(self) -> None:
        """Stop everything."""
        await self.connection.close()
