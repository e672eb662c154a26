"""What waits to be sent. Control events overtake audio; audio is bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from ..audio.formats import chunks_of
from ..protocol import Event

MAX_WAITING_CHUNKS = 50
MAX_WAITING_CHUNKS_OFFLINE = 1_500
"""A minute of speech: what is said while the connection is being made again is not lost."""


class Outbox:
    """Two lanes to one socket.

    Control events are never dropped and go first: an interruption must not stand in line behind speech. Audio
    is bounded: a source that can wait is made to, a live one loses its oldest chunks, which are counted. What was held
    back may drain before the ordinary bound is in force again. What speaks about the audio goes with it, in order.
    """

    def __init__(self, max_waiting_chunks: int = MAX_WAITING_CHUNKS) -> None:
        self._control: deque[Event] = deque()
        self._audio: deque[bytes | Event] = deque()
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
            self._drop_oldest_chunk()
        self._queue(pcm)

    def _drop_oldest_chunk(self) -> None:
        oldest = next((place for place, entry in enumerate(self._audio) if isinstance(entry, bytes)), None)
        if oldest is not None:
            del self._audio[oldest]
            self.dropped_chunks += 1

    def queue_audio(self, pcm: bytes) -> None:
        """Queue audio of somebody who waited for room."""
        self._queue(pcm)

    async def room(self) -> None:
        """Wait until there is room for audio that can wait."""
        await self._room.wait()

    def send_in_order(self, event: Event) -> None:
        """Queue an event that concerns the audio before it, and must not overtake it."""
        self._queue(event)

    def _queue(self, entry: bytes | Event) -> None:
        self._audio.append(entry)
        self._something.set()
        if len(self._audio) >= self._online_limit:
            self._room.clear()

    async def take(self) -> Event | bytes:
        """The next event to send, or the next chunk of audio."""
        while True:
            if self._control:
                return self._control.popleft()
            if self._audio and self._is_open.is_set():
                entry = self._audio.popleft()
                self._audio_left()
                return entry
            self._something.clear()
            await self._something.wait()

    def hold_audio(self) -> None:
        """Keep audio back, and drop what was to be edited in a conversation that is gone."""
        self._control.clear()
        self._is_open.clear()
        self._max_waiting = MAX_WAITING_CHUNKS_OFFLINE

    def release_audio(self, before: Sequence[bytes | Event] = ()) -> None:
        """Let audio flow again.

        Args:
            before: Audio, and events about it, to send before everything that waits.
        """
        for entry in reversed(before):
            self._audio.extendleft(reversed(list(chunks_of(entry))) if isinstance(entry, bytes) else [entry])
        self._max_waiting = max(MAX_WAITING_CHUNKS_OFFLINE, len(self._audio) + self._online_limit)
        self._audio_left()
        self._is_open.set()
        self._something.set()

    def _audio_left(self) -> None:
        if len(self._audio) < self._online_limit:
            self._max_waiting = self._online_limit
            self._room.set()
