"""PCM16 arithmetic and conversions: pure functions on bytes and arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

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
