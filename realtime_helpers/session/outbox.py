"""What waits to be sent. Control events overtake audio; audio is bounded."""

from __future__ import annotations

import asyncio
from collections import deque

from ..audio.formats import chunks_of
from ..protocol import Event

MAX_WAITING_CHUNKS = 50
MAX_WAITING_CHUNKS_OFFLINE = 1_500
"""A minute of speech: what is said while the connection is being made again is not lost."""


class Outbox:
    """Two lanes to one socket.

    Control events are never dropped and go first: an interruption must not stand in line behind speech. Audio
    is bounded: a source that can wait is made to, a live one loses its oldest chunks, which are counted. What was held
    back may drain before the ordinary bound is in force again.
    """

    def __init__(self, max_waiting_chunks: int = MAX_WAITING_CHUNKS) -> None:
        self._control: deque[Event] = deque()
        self._audio: deque[bytes] = deque()
        self._online_limit = max_waiting_chunks
        self._max_waiting = max_waiting_chunks
        self._is_open = asyncio.Event()
        self._is_open.set()
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
        if len(self._audio) >= self._online_limit:
            self._room.clear()

    async def take(self) -> Event | bytes:
        """The next event to send, or the next chunk of audio."""
        while True:
            if self._control:
                return self._control.popleft()
            if self._audio and self._is_open.is_set():
                pcm = self._audio.popleft()
                self._audio_left()
                return pcm
            self._something.clear()
            await self._something.wait()

    def hold_audio(self) -> None:
        """Keep audio back, and drop what was to be edited in a conversation that is gone."""
        self._control.clear()
        self._is_open.clear()
        self._max_waiting = MAX_WAITING_CHUNKS_OFFLINE

    def release_audio(self, before: bytes = b"") -> None:
        """Let audio flow again.

        Args:
            before: Audio to send before everything that waits.
        """
        self._audio.extendleft(reversed(list(chunks_of(before))))
        self._max_waiting = max(MAX_WAITING_CHUNKS_OFFLINE, len(self._audio) + self._online_limit)
        self._audio_left()
        self._is_open.set()
        self._something.set()

    def _audio_left(self) -> None:
        if len(self._audio) < self._online_limit:
            self._max_waiting = self._online_limit
            self._room.set()
