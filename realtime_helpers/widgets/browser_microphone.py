"""The browser's microphone as a source."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from ..audio.formats import CHUNK_MS, chunks_of, silence
from ..audio.jitter import JitterBuffer
from ..errors import AudioError
from ..runtime import prompt_threads
from .page import Page

_LONGEST_WAIT = 60_000 // CHUNK_MS
_A_BACKLOG = 400 // CHUNK_MS
_PAUSE_MS = 1_000


class BrowserMicrophone:
    """Chunks of the page's microphone, in order and each exactly once. Made by `BrowserAudio`."""

    def __init__(self, page: Page) -> None:
        self.is_live = True
        """A microphone cannot wait. But what a blocked kernel held up comes all at once, and nothing of it may drop."""
        self.tell: Callable[[str], None] | None = None
        """Told what went wrong without ending the microphone."""
        self.dropped_chunks = 0
        """Chunks that waited too long for the session: a minute."""
        self._page = page
        self._order = JitterBuffer()
        self._stream: int | None = None
        self._waiting: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._error: AudioError | None = None
        self._is_used = False
        self._has_begun = False
        page.add(self)

    @property
    def missing_chunks(self) -> int:
        """Chunks that got lost between the browser and here; silence stands in their place."""
        return self._order.missing

    @property
    def duplicated_chunks(self) -> int:
        """Chunks that came twice; the second was thrown away."""
        return self._order.duplicated

    async def chunks(self) -> AsyncIterator[bytes]:
        """See `Source.chunks`. The page's Stop button interrupts it, Start lets it go on.

        Once it has begun, a microphone that goes away is told: Start lets that go on too, as soon as it is back.

        Raises:
            AudioError: No page shows the widget, the browser gives it no microphone, the widget was closed, or
                somebody listens already.
        """
        if self._is_used:
            raise AudioError("Another session uses this microphone.", "Stop that one first.")
        self._is_used = True
        self._error = None
        self._has_begun = False
        self._waiting.clear()
        self._page.use("microphone", True)
        try:
            with prompt_threads():
                await self._page.shown()
                while True:
                    await self._news.wait()
                    self._news.clear()
                    while self._waiting:
                        yield self._waiting.popleft()
                    self.is_live = True
                    if self._error is not None:
                        raise self._error
        finally:
            self._is_used = False
            self._page.use("microphone", False)

    # -- the page ---------------------------------------------------------------------------------------

    def page_came(self) -> None:
        """See `Part`."""

    def page_left(self, problem: str) -> None:
        """See `Part`."""
        self._fall_silent()
        self._stream = None
        if self._is_used:
            self.tell_user(problem)

    def tell_user(self, problem: str) -> None:
        """See `Part`."""
        if self._is_used and self.tell is not None:
            self.tell(problem)

    def take(self, kind: str, content: dict[str, Any], buffers: Sequence[bytes]) -> None:
        """See `Part`."""
        match kind:
            case "audio":
                self._hear(content["stream"], content["sequence"], buffers[0])
            case "stopped":
                self._fall_silent()
            case "problem" if self._has_begun:
                self._fall_silent()
                self.tell_user(f"{content['what']} {content['next']}")
            case "problem" | "closed":
                self._error = AudioError(content["what"], content["next"])
                self._news.set()
            case "blocked":
                self.tell_user(f"{content['what']} {content['next']}")

    def _hear(self, stream: int, sequence: int, pcm: bytes) -> None:
        if stream != self._stream:  # each start of the microphone numbers anew
            self._queue(self._order.end())
            self._stream = stream
        self._has_begun = True
        self._queue(self._order.add(sequence, pcm))

    def _fall_silent(self) -> None:
        """Whoever listens for the end of a turn needs silence to hear it."""
        if self._stream is not None:
            self._queue([*self._order.end(), *chunks_of(silence(_PAUSE_MS))])
            self._stream = None

    def _queue(self, chunks: list[bytes]) -> None:
        if not self._is_used:
            return
        self._waiting.extend(chunks)
        if len(self._waiting) > _A_BACKLOG:
            self.is_live = False
        while len(self._waiting) > _LONGEST_WAIT:
            self._waiting.popleft()
            self.dropped_chunks += 1
        self._news.set()
