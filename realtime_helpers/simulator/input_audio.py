"""The input audio buffer of a connection: what was appended and not yet committed. Pure."""

from __future__ import annotations

from ..audio.formats import PCM16, AudioFormat


class InputAudioBuffer:
    """Audio by its position in milliseconds since the connection began. Old audio is dropped when told.

    Args:
        audio_format: How the audio is encoded.
    """

    def __init__(self, audio_format: AudioFormat = PCM16) -> None:
        self.format = audio_format
        self._data = bytearray()
        self._first_ms = 0.0

    @property
    def end_ms(self) -> float:
        """Milliseconds written since the connection began."""
        return self._first_ms + self.length_ms

    @property
    def length_ms(self) -> float:
        """Milliseconds held now."""
        return self.format.duration_ms(self._data)

    def change_format(self, audio_format: AudioFormat) -> None:
        """Go on in another format; what is held is converted."""
        if audio_format != self.format:
            self._data = bytearray(audio_format.from_pcm24k(self.format.to_pcm24k(bytes(self._data))))
            self.format = audio_format

    def write(self, data: bytes) -> None:
        """Append audio."""
        self._data += data

    def copy(self, start_ms: float, end_ms: float) -> bytes:
        """The audio of a span."""
        return bytes(self._data[self._index(start_ms) : self._index(end_ms)])

    def take(self, start_ms: float, end_ms: float) -> bytes:
        """Remove everything up to `end_ms` and return the part from `start_ms` on."""
        taken = self.copy(start_ms, end_ms)
        end = self._index(end_ms)
        del self._data[:end]
        self._first_ms += end / self.format.bytes_per_ms
        return taken

    def take_all(self) -> bytes:
        """Remove and return everything."""
        taken = bytes(self._data)  # also half a sample, which would shift all that comes after
        self._first_ms = self.end_ms
        self._data.clear()
        return taken

    def keep_last(self, length_ms: float) -> None:
        """Drop what is older than `length_ms`: unspoken audio must not pile up."""
        cut_ms = max(self._first_ms, self.end_ms - length_ms)
        self.take(cut_ms, cut_ms)

    def _index(self, at_ms: float) -> int:
        width = 2 if self.format.law is None else 1
        samples = round((at_ms - self._first_ms) * self.format.rate_hz / 1000)
        return min(max(0, samples * width), len(self._data))
