"""Where the user's audio comes from: one small interface, whatever is behind it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol, runtime_checkable

from ..runtime import Pending, background_loop
from ..speech import USER_VOICE, Voice
from .formats import CHUNK_MS, chunks_of, duration_ms, silence
from .sinks import Telling


@runtime_checkable
class Source(Protocol):
    """Audio of the user, in chunks."""

    @property
    def is_live(self) -> bool:
        """It sends at the speed of sound and without a break, also what is silent, and it cannot wait: when the
        network is slow its oldest chunks are dropped. So does a microphone; a file can wait.
        """
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """PCM16, 24 kHz, mono, in chunks of about 40 ms, until the source ends or the iterator is closed.

        Raises:
            AudioError: The device or file cannot be used.
        """
        ...


@runtime_checkable
class Scripted(Protocol):
    """What a source adds that is told what to say: it knows when it was said."""

    def when_said(self, said: Callable[[], None]) -> bool:
        """Have `said` called once, on the session's loop, between the last sample of what it was told and the next.

        Returns:
            Whether there is anything to wait for; otherwise `said` is not called.
        """
        ...


class TappedSource:
    """The same source, with somebody who looks at each chunk before it goes on.

    Args:
        source: Any source.
        look: Called with each chunk, on the session's loop; it must return at once.
    """

    def __init__(self, source: Source, look: Callable[[bytes], object]) -> None:
        self._source = source
        self._look = look

    @property
    def is_live(self) -> bool:
        """See `Source.is_live`."""
        return self._source.is_live

    @property
    def tell(self) -> Callable[[str], None] | None:
        """See `Telling`."""
        return self._source.tell if isinstance(self._source, Telling) else None

    @tell.setter
    def tell(self, tell: Callable[[str], None] | None) -> None:
        if isinstance(self._source, Telling):
            self._source.tell = tell

    def when_said(self, said: Callable[[], None]) -> bool:
        """See `Scripted.when_said`."""
        return isinstance(self._source, Scripted) and self._source.when_said(said)

    async def chunks(self) -> AsyncIterator[bytes]:
        """See `Source.chunks`."""
        chunks = self._source.chunks()
        try:
            async for chunk in chunks:
                self._look(chunk)
                yield chunk
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()  # a device is let go now, not when the garbage is collected


LEAD_MS = 200
"""Silence before a clip: voice detection listens to a room before it hears a voice in it."""


class SpeechSource:
    """A user who says what you tell them to: `say` text, or `play` a clip. Silent otherwise.

    Args:
        realtime: Be like an open microphone: speak at the speed of speech, and send silence when nothing is said.
            Otherwise clips go as fast as the connection takes them, and nothing between them: the server's turn
            detection follows the samples, not the clock.
        voice: espeak voice of `say`.
        pause_ms: Silence after each clip: longer than the server's `silence_duration_ms`, so that it hears the end.
    """

    def __init__(
        self,
        *,
        realtime: bool = False,
        voice: str = USER_VOICE,
        pause_ms: int = 800,
        engine: Voice | None = None,
    ) -> None:
        self.is_live = realtime
        self._voice = voice
        self._pause_ms = pause_ms
        self._engine = engine or Voice()
        self._clips: asyncio.Queue[asyncio.Future[bytes]] = asyncio.Queue()
        self._told = self._said = 0
        self._awaited: deque[tuple[int, Callable[[], None]]] = deque()

    def say(self, text: str) -> Pending[None]:
        """Speak `text` with a synthesised voice, after what was said before. From any thread.

        Say the next thing when this one was answered: the server may hear two as one turn.

        The result comes when the text is on its way, or raises `MissingPartError` without a speech engine. For a
        push-to-talk button there is nothing to wait for: what was said before `end_turn` belongs to the turn.
        """
        places: list[asyncio.Future[bytes]] = []
        # taken at once, before the speech is made: what was said first is heard first, and before a button is released
        background_loop().call(lambda: places.append(self._queue()))

        async def speak() -> None:
            (place,) = places
            try:
                speech = await asyncio.to_thread(self._engine.speak, text, self._voice)
            except Exception as error:
                place.set_exception(error)  # the session that listens tells it too, if nobody looks at our result
                place.exception()
                raise
            place.set_result(speech.pcm)

        return background_loop().submit(speak())

    def _queue(self, pcm: bytes | None = None) -> asyncio.Future[bytes]:
        place: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if pcm is not None:
            place.set_result(pcm)
        self._clips.put_nowait(place)
        self._told += 1
        return place

    def play(self, pcm: bytes) -> None:
        """Speak a clip (PCM16, 24 kHz, mono). From any thread."""
        background_loop().call(self._queue, pcm)

    def said(self) -> Pending[None]:
        """Done when a session has taken everything that it was told to say."""
        return background_loop().submit(self._clips.join())

    def when_said(self, said: Callable[[], None]) -> bool:
        """See `Scripted.when_said`."""
        if self._said == self._told:
            return False
        self._awaited.append((self._told, said))
        return True

    def _count_said(self) -> None:
        self._clips.task_done()
        self._said += 1

    def _was_said(self) -> None:
        self._count_said()
        while self._awaited and self._awaited[0][0] <= self._said:
            self._awaited.popleft()[1]()

    def chunks(self) -> AsyncIterator[bytes]:
        """See `Source.chunks`."""
        return at_the_speed_of_sound(self._speak()) if self.is_live else self._speak()

    async def _speak(self) -> AsyncGenerator[bytes, None]:
        while True:
            clip = asyncio.ensure_future(self._next_clip())
            try:
                while self.is_live and not clip.done():
                    yield silence(CHUNK_MS)
                pcm = await clip
            finally:
                clip.cancel()
            try:
                for chunk in chunks_of(silence(LEAD_MS) + pcm + silence(self._pause_ms)):
                    yield chunk
            finally:
                self._was_said()

    async def _next_clip(self) -> bytes:
        place = await self._clips.get()
        try:
            await asyncio.wait({place})  # a session that stops now must not cancel what is being spoken
            return place.result()
        except BaseException:
            self._count_said()  # nobody will hear it: whoever listens is told so
            raise


async def at_the_speed_of_sound(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same chunks, each when the one before has had the time to sound. A delay is caught up with, not kept."""
    loop = asyncio.get_running_loop()
    next_at = loop.time()
    async with contextlib.aclosing(chunks):
        async for chunk in chunks:
            yield chunk
            next_at += duration_ms(chunk) / 1000
            await asyncio.sleep(next_at - loop.time())
