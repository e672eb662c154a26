"""Frames from a client that wait for their turn, up to a number of bytes."""

from __future__ import annotations

import asyncio
from collections import deque

from aiohttp.http_websocket import WSMessageDecodeText


class Inbox:
    """A queue that makes its writer wait.

    Args:
        most_bytes: How much may wait; one frame always may.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._waiting_bytes = 0
        self._frames: deque[tuple[float, WSMessageDecodeText]] = deque()
        self._changed = asyncio.Condition()

    async def put(self, due_s: float, frame: WSMessageDecodeText) -> None:
        """Add a frame that may be handled from `due_s` on (monotonic clock), when there is room."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting_bytes < self._most_bytes)
            self._frames.append((due_s, frame))
            self._waiting_bytes += len(frame.data)
            self._changed.notify_all()

    async def take(self) -> tuple[float, WSMessageDecodeText]:
        """The next frame."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._frames))
            due_s, frame = self._frames.popleft()
            self._waiting_bytes -= len(frame.data)
            self._changed.notify_all()
            return due_s, frame
