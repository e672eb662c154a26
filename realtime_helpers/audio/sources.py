"""Where the user's audio comes from: one small interface, whatever is behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import AudioError
from ..runtime import Pending, background_loop
from ..speech import USER_VOICE, Voice
from .formats import CHUNK_MS, RATE_HZ, chunks_of, pcm_from_samples, resample, silence


@runtime_checkable
class Source(Protocol):
    """Audio of the user, in chunks.

    Attributes:
        is_live: A microphone cannot wait: when the network is slow its oldest chunks are dropped. A file can.
    """

    is_live: bool

    def chunks(self) -> AsyncIterator[bytes]:
        """PCM16, 24 kHz, mono, in chunks of about 40 ms, until the source ends or the iterator is closed.

        Raises:
            AudioError: The device or file cannot be used.
        """
        ...


class TappedSource:
    """The same source, with somebody who looks at each chunk before it goes on.

    Args:
        source: Any source.
        look: Called with each chunk, on the session's loop; it must return at once.
    """

    def __init__(self, source: Source, look: Callable[[bytes], object]) -> None:
        self.is_live = source.is_live
        self._source = source
        self._look = look

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


class SpeechSource:
    """A user who says what you tell them to: `say` text, or `play` a clip. Silent otherwise.

    Args:
        realtime: Speak at the speed of speech, as a person would. Otherwise as fast as the connection takes it:
            the server's turn detection follows the samples, not the clock.
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
        self.is_live = False
        self._realtime = realtime
        self._voice = voice
        self._pause_ms = pause_ms
        self._engine = engine or Voice()
        self._clips: asyncio.Queue[asyncio.Future[bytes]] = asyncio.Queue()

    def say(self, text: str) -> Pending[None]:
        """Speak `text` with a synthesised voice, after what was said before. From any thread.

        Say the next thing when this one was answered: the server may hear two as one turn.

        The result comes when the text is on its way, or raises `MissingPartError` without a speech engine.
        """

        async def speak() -> None:
            place = self._queue()  # taken before the speech is made: what was said first is heard first
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
        return place

    def play(self, pcm: bytes) -> None:
        """Speak a clip (PCM16, 24 kHz, mono). From any thread."""
        background_loop().call(self._queue, pcm)

    async def chunks(self) -> AsyncIterator[bytes]:
        """See `Source.chunks`."""
        lead = silence(200)
        while True:
            clip = await (await self._clips.get())
            next_at = asyncio.get_running_loop().time()
            for chunk in chunks_of(lead + clip + silence(self._pause_ms)):
                yield chunk
                if self._realtime:
                    next_at += CHUNK_MS / 1000
                    await asyncio.sleep(next_at - asyncio.get_running_loop().time())


def read_sound_file(path: Path | str) -> bytes:
    """PCM16, 24 kHz, mono from any sound file that libsndfile reads (WAV, FLAC, OGG, MP3).

    Raises:
        AudioError: No such file, not a sound file, or empty.
    """
    import soundfile

    file = Path(path)
    if not file.is_file():
        raise AudioError(f"There is no sound file {file}.", "Check the name, or record one as WAV.")
    try:
        samples, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{file.name} cannot be read as sound ({error.error_string.strip()}).",
            "Convert it to WAV, for example with: ffmpeg -i INPUT -ar 24000 -ac 1 OUTPUT.wav",
        ) from None
    if not len(samples):
        raise AudioError(f"{file.name} holds no sound.", "Record it again.")
    return pcm_from_samples(resample(samples.mean(axis=1), rate_hz, RATE_HZ))
