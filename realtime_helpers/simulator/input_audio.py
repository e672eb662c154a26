"""The input audio buffer of a connection: what was appended and not yet committed."""

from __future__ import annotations

from ..audio.formats import BYTES_PER_MS


class InputAudioBuffer:
    """Audio by its position in milliseconds since the connection began. Old audio is dropped when told."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._first_ms = 0.0

    @property
    def end_ms(self) -> float:
        """Milliseconds written since the connection began."""
        return self._first_ms + self.length_ms

    @property
    def length_ms(self) -> float:
        """Milliseconds held now."""
        return len(self._pcm) / BYTES_PER_MS

    def write(self, pcm: bytes) -> None:
        """Append audio."""
        self._pcm += pcm

    def take(self, start_ms: float, end_ms: float) -> bytes:
        """Remove everything up to `end_ms` and return the part from `start_ms` on."""
        start, end = self._index(start_ms), self._index(end_ms)
        taken = bytes(self._pcm[start:end])
        del self._pcm[:end]
        self._first_ms += end / BYTES_PER_MS
        return taken

    def take_all(self) -> bytes:
        """Remove and return everything."""
        return self.take(self._first_ms, self.end_ms)

    def keep_last(self, length_ms: float) -> None:
        """Drop what is older than `length_ms`: unspoken audio must not pile up."""
        cut_ms = max(self._first_ms, self.end_ms - length_ms)
        self.take(cut_ms, cut_ms)

    def _index(self, at_ms: float) -> int:
        samples = round((at_ms - self._first_ms) * BYTES_PER_MS / 2)
        return min(max(0, samples * 2), len(self._pcm))
