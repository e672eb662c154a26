"""Sockets below the SDK, for what the SDK hides: headers, subprotocols, close codes, frames that are no events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.typing import Subprotocol

from realtime_helpers.simulator import Simulator

from .stream import Event, validate

MODEL = "?model=gpt-realtime-2.1-mini"
KEY: Mapping[str, str] = {"Authorization": "Bearer test-key"}
MOST_BYTES = 2**20
"""What stock clients accept in one frame: a larger one ends the connection (reference §1.1)."""


@asynccontextmanager
async def dial(
    simulator: Simulator,
    query: str = MODEL,
    *,
    headers: Mapping[str, str] = KEY,
    path: str = "/v1/realtime",
    subprotocols: list[str] | None = None,
) -> AsyncIterator[ClientConnection]:
    """A connection right after the upgrade; nothing is read yet."""
    url = simulator.base_url.replace("http", "ws").removesuffix("/v1") + path + query
    offered = None if subprotocols is None else [Subprotocol(name) for name in subprotocols]
    async with connect(url, additional_headers=headers, subprotocols=offered, max_size=MOST_BYTES) as socket:
        yield socket


async def read(socket: ClientConnection, kind: str | None = None) -> Event:
    """The next event, validated; with a type, the next of that type."""
    while True:
        event: Event = orjson.loads(await socket.recv())
        validate(event)
        if kind is None or event["type"] == kind:
            return event


async def send(socket: ClientConnection, kind: str, **fields: Any) -> None:
    """Send an event."""
    await socket.send(orjson.dumps({"type": kind, **fields}).decode())


async def closed(socket: ClientConnection) -> Close:
    """How the other side ended the connection; nothing else may come before."""
    with pytest.raises(ConnectionClosed) as end:
        await socket.recv()
    assert end.value.rcvd is not None, "the line was cut without a close frame"
    return end.value.rcvd
