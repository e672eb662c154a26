"""Sound files: heard as the user's speech, and written with what was heard of the replies."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from ..errors import AudioError
from .formats import BYTES_PER_MS, CHUNK_BYTES, CHUNK_MS, RATE_HZ, pcm_from_samples, resample, silence
from .resampling import Resampler
from .sinks import UnattendedSink
from .sources import LEAD_MS, at_the_speed_of_sound

_SAMPLE_BYTES = 2
_HEADER_BYTES = 44
_MOST_BYTES = 2**32 - 1 - 36
"""A WAV file counts its bytes in 32 bits: a day of one channel, half a day of two. Programs play on beyond it."""


def read_sound_file(path: Path | str) -> bytes:
    """PCM16, 24 kHz, mono from any sound file that libsndfile reads (WAV, FLAC, OGG, MP3), at once.

    Raises:
        AudioError: No such file, not a sound file, or empty.
    """
    with _reading(Path(path)) as file:
        samples, rate_hz = file.read(dtype="float32", always_2d=True), file.samplerate
    return pcm_from_samples(resample(samples.mean(axis=1), rate_hz, RATE_HZ))


def sound_file(path: Path | str, *, realtime: bool = False, pause_ms: int = 800) -> SoundFile:
    """A sound file as the user's speech. It is read while it plays, however long it is.

    Args:
        path: Any file that libsndfile reads (WAV, FLAC, OGG, MP3), at any rate, with any number of channels.
        realtime: Be like an open microphone: play at the speed of sound, and be silent afterwards. Otherwise the file
            goes as fast as the connection takes it, and the source ends with it.
        pause_ms: Silence after the file: longer than the server's `silence_duration_ms`, so that it hears the end.

    Raises:
        AudioError: No such file, not a sound file, or empty.
    """
    return SoundFile(path, realtime=realtime, pause_ms=pause_ms)


class SoundFile:
    """What `sound_file` gives. Each session that uses it hears the file from its beginning.

    Attributes:
        duration_s: Of the file, without the silence around it.
    """

    def __init__(self, path: Path | str, *, realtime: bool = False, pause_ms: int = 800) -> None:
        self.is_live = realtime
        self._path = Path(path)
        self._pause_ms = pause_ms
        with _reading(self._path) as file:  # what is wrong with it is said here, not in the middle of a session
            self.duration_s = file.frames / file.samplerate

    def chunks(self) -> AsyncIterator[bytes]:
        """See `Source.chunks`."""
        return at_the_speed_of_sound(self._speak()) if self.is_live else self._speak()

    async def _speak(self) -> AsyncGenerator[bytes, None]:
        waiting = bytearray()
        for block in self._blocks():
            waiting += block
            while len(waiting) >= CHUNK_BYTES:
                yield bytes(waiting[:CHUNK_BYTES])
                del waiting[:CHUNK_BYTES]
        if waiting:
            yield bytes(waiting)
        while self.is_live:
            yield silence(CHUNK_MS)

    def _blocks(self) -> Iterator[bytes]:
        yield silence(LEAD_MS)
        with _reading(self._path) as file:
            resampler = Resampler(file.samplerate, RATE_HZ, file.channels)
            # soundfile seeks after each read, and in an MP3 that lands somewhere else: the sound would break up
            file.seekable = lambda: False
            size = file.samplerate * CHUNK_MS // 1000
            while len(block := file.read(size, dtype="float32", always_2d=True)):
                yield resampler.convert(pcm_from_samples(block.reshape(-1)))
            yield resampler.end()
        yield silence(self._pause_ms)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """An open `soundfile.SoundFile` with something in it."""
    import soundfile

    if not path.is_file():
        raise AudioError(f"There is no sound file {path}.", "Check the name, or record one as WAV.")
    try:
        with soundfile.SoundFile(path) as file:
            if not file.frames:
                raise AudioError(f"{path.name} holds no sound.", "Record it again.")
            yield file
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{path.name} cannot be read as sound ({error.error_string.strip()}).",
            "Convert it to WAV, for example with: ffmpeg -i INPUT -ar 24000 -ac 1 OUTPUT.wav",
        ) from None


class FileSink(UnattendedSink):
    """Writes what is heard of the replies to a WAV file (24 kHz, mono). The file is whole at any moment.

    Args:
        path: Written anew by each session that uses the sink.
        realtime: Take as long as real sound: a reply can be interrupted, and then only the part that was heard is in
            the file; the silence between replies is there too. Otherwise replies are heard as they come, one after
            the other.
    """

    def __init__(self, path: Path | str, *, realtime: bool = False) -> None:
        super().__init__(realtime=realtime)
        self._path = Path(path)
        self._writer: WavWriter | None = None
        self._error: AudioError | None = None

    def open(self) -> None:
        """See `Sink.open`.

        Raises:
            AudioError: The file cannot be written.
        """
        self._error = None
        self._writer = WavWriter(self._path, channels=1)
        super().open()

    def play(self, item_id: str, pcm: bytes) -> None:
        """See `Sink.play`.

        Raises:
            AudioError: The file cannot be written any more.
        """
        super().play(item_id, pcm)
        self._complain()

    def _hear(self, pcm: bytes, length_ms: int) -> None:
        if self._writer is not None:
            try:
                self._writer.write(pcm.ljust(length_ms * BYTES_PER_MS, b"\0"))
            except AudioError as error:  # in a tick of the clock nobody would hear of it: it is told with the next call
                self._error = error
                self._writer = None

    def close(self) -> None:
        """See `Sink.close`.

        Raises:
            AudioError: The file could not be written to its end.
        """
        super().close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._complain()

    def _complain(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error


class WavWriter:
    """A WAV file of PCM16 at 24 kHz that is whole after each write, whatever happens next.

    Args:
        path: Overwritten if it is there.
        channels: Interleaved in what is written.

    Raises:
        AudioError: It cannot be written: no folder, no permission, no room.
    """

    def __init__(self, path: Path, channels: int) -> None:
        self._path = path
        self._channels = channels
        self._size = 0
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise self._complaint(error.strerror) from None
        self._write(0, self._header())

    def write(self, pcm: bytes) -> None:
        """Add to its end.

        Raises:
            AudioError: There is no room for it. What fitted in is there, and the file is closed.
        """
        if pcm:
            self._write(_HEADER_BYTES + self._size, pcm)
            self._write(0, self._header())

    def close(self) -> None:
        """Let go of it. Harmless when it is closed."""
        self._file.close()

    def _header(self) -> bytes:
        frame_bytes = self._channels * _SAMPLE_BYTES
        size = min(self._size, _MOST_BYTES)
        about = struct.pack(
            "<IHHIIHH", 16, 1, self._channels, RATE_HZ, RATE_HZ * frame_bytes, frame_bytes, 8 * _SAMPLE_BYTES
        )
        return (
            struct.pack("<4sI4s4s", b"RIFF", size + 36, b"WAVE", b"fmt ") + about + struct.pack("<4sI", b"data", size)
        )

    def _write(self, position: int, data: bytes) -> None:
        try:
            self._file.seek(position)
            count = self._file.write(data)
            reason = "no room left"
        except OSError as error:
            count, reason = 0, error.strerror or "unknown error"
        self._size = max(self._size, position + count - _HEADER_BYTES)
        if count < len(data):
            with contextlib.suppress(OSError), self._file:
                self._file.seek(0)
                self._file.write(self._header())
            raise self._complaint(reason)

    def _complaint(self, reason: str | None) -> AudioError:
        return AudioError(f"{self._path} cannot be written ({reason}).", "Name another place, or make room there.")
