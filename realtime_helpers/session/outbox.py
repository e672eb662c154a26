"""What waits to be sent. Control events overtake audio; audio is bounded."""

from __future__ import annotations

import asyncio
from collections import deque

from ..protocol import Event, append_audio

MAX_WAITING_CHUNKS = 50


class Outbox:
    """Two lanes to one socket.

    Control events are never dropped and go first: an interruption must not stand in line behind speech. Audio
    is bounded: a source that can wait is made to, a live one loses its oldest chunks, which are counted.
    """

    def __init__(self, max_waiting_chunks: int = MAX_WAITING_CHUNKS) -> None:
        self._control: deque[Event] = deque()
        self._audio: deque[bytes] = deque()
        self._max_waiting = max_waiting_chunks
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.dropped_chunks = 0

    def send(self, event: Event) -> None:
        """Queue a control event."""
        self._control.append(event)
        self._something.set()

    def offer_audio(self, pcm: bytes) -> None:
        """Queue live audio; when the lane is full its oldest chunk goes."""
        if len(self._audio) >= self._max_waiting:
            self._audio.popleft()
            self.dropped_chunks += 1
        self._queue_audio(pcm)

    async def put_audio(self, pcm: bytes) -> None:
        """Queue audio that can wait; returns when there was room."""
        await self._room.wait()
        self._queue_audio(pcm)

    def _queue_audio(self, pcm: bytes) -> None:
        self._audio.append(pcm)
        self._something.set()
        if len(self._audio) >= self._max_waiting:
            self._room.clear()

    async def take(self) -> Event:
        """The next event to send."""
        while True:
            if self._control:
                return self._control.popleft()
            if self._audio:
                pcm = self._audio.popleft()
                self._room.set()
                return append_audio(pcm)
            self._something.clear()
            await self._something.wait()
