"""PCM16 arithmetic, the wire's audio formats, and conversions: pure functions on bytes and arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import g711

if TYPE_CHECKING:  # numpy takes a third of the package's import time and only these functions need it
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

RATE_HZ = 24_000
"""The only PCM rate the protocol knows (reference §1.6)."""
BYTES_PER_MS = RATE_HZ * 2 // 1000
CHUNK_MS = 40
CHUNK_BYTES = CHUNK_MS * BYTES_PER_MS


def duration_ms(pcm: bytes) -> float:
    """Milliseconds of PCM16, 24 kHz, mono."""
    return len(pcm) / BYTES_PER_MS


def silence(length_ms: int) -> bytes:
    """PCM16 silence."""
    return bytes(length_ms * BYTES_PER_MS)


def chunks_of(pcm: bytes, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Cut audio into chunks of `size` bytes; the last may be shorter."""
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]


def samples_from_pcm(pcm: bytes) -> Samples:
    """Floats from -1 to 1 for PCM16 bytes. A trailing odd byte is ignored."""
    import numpy as np

    return np.frombuffer(pcm, "<i2", count=len(pcm) // 2).astype(np.float32) / 32768.0


def pcm_from_samples(samples: Samples) -> bytes:
    """PCM16 bytes for floats from -1 to 1; louder is clipped."""
    import numpy as np

    return (np.clip(samples, -1.0, 32767 / 32768) * 32768.0).astype("<i2").tobytes()


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Change the sample rate of a whole clip."""
    if from_hz == to_hz:
        return samples
    import numpy as np
    import soxr

    return np.asarray(soxr.resample(samples, from_hz, to_hz), dtype=np.float32)


@dataclass(frozen=True)
class AudioFormat:
    """One of the wire's audio formats (reference §1.6): mono, at a fixed rate.

    Attributes:
        name: `audio/pcm`, `audio/pcmu` (G.711 mu-law) or `audio/pcma` (G.711 A-law).
        rate_hz: 24,000 for PCM16, 8,000 for G.711.
        bytes_per_ms: 48 or 8.
        law: Which G.711 law, or `None` for PCM16.
    """

    name: str
    rate_hz: int
    bytes_per_ms: int
    law: g711.Law | None = None

    @property
    def wire(self) -> dict[str, Any]:
        """As a session shows it; only PCM has a rate."""
        return {"type": self.name} if self.law else {"type": self.name, "rate": self.rate_hz}

    def duration_ms(self, data: bytes | bytearray) -> float:
        """Length in milliseconds."""
        return len(data) / self.bytes_per_ms

    def pcm16(self, data: bytes) -> bytes:
        """PCM16 at this format's own rate."""
        return g711.decode(data, self.law) if self.law else data

    def to_pcm24k(self, data: bytes) -> bytes:
        """PCM16, 24 kHz."""
        if self.law is None:
            return data
        return pcm_from_samples(resample(samples_from_pcm(self.pcm16(data)), self.rate_hz, RATE_HZ))

    def from_pcm24k(self, pcm: bytes) -> bytes:
        """This format's bytes for PCM16, 24 kHz."""
        if self.law is None:
            return pcm
        narrow = pcm_from_samples(resample(samples_from_pcm(pcm), RATE_HZ, self.rate_hz))
        return g711.encode(narrow, self.law)


PCM16 = AudioFormat("audio/pcm", RATE_HZ, BYTES_PER_MS)
AUDIO_FORMATS = {
    "audio/pcm": PCM16,
    "audio/pcmu": AudioFormat("audio/pcmu", 8_000, 8, "mu"),
    "audio/pcma": AudioFormat("audio/pcma", 8_000, 8, "a"),
}
"""The formats by their `type`."""
