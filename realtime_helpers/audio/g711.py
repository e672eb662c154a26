"""G.711: telephone audio, one byte a sample. Pure; bit-exact with the ITU's reference (and Python's old `audioop`)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Law = Literal["mu", "a"]
_MU_BIAS = 33
_MU_CLIP = 8158  # 13-bit magnitude, so that adding the bias cannot overflow the eighth segment
_A_INVERTED_BITS = 0x55


def encode(pcm: bytes, law: Law) -> bytes:
    """One byte for each PCM16 sample."""
    import numpy as np

    return bytes(_encode_table(law)[np.frombuffer(pcm, "<u2", count=len(pcm) // 2)].tobytes())


def decode(data: bytes, law: Law) -> bytes:
    """PCM16 samples for G.711 bytes."""
    import numpy as np

    return bytes(_decode_table(law)[np.frombuffer(data, np.uint8)].tobytes())


@lru_cache(maxsize=2)
def _decode_table(law: Law) -> npt.NDArray[np.int16]:
    import numpy as np

    codes = np.arange(256)
    if law == "mu":
        codes = ~codes & 0xFF
        segment, step = (codes >> 4) & 7, codes & 15
        magnitude = (((step << 1) + _MU_BIAS) << segment) - _MU_BIAS
        value = np.where(codes & 0x80, -magnitude, magnitude) << 2
    else:
        codes ^= _A_INVERTED_BITS
        segment, step = (codes >> 4) & 7, codes & 15
        magnitude = np.where(segment == 0, (step << 1) + 1, ((step << 1) + 33) << np.maximum(segment - 1, 0))
        value = np.where(codes & 0x80, magnitude, -magnitude) << 3
    table: npt.NDArray[np.int16] = value.astype("<i2")
    return table


@lru_cache(maxsize=2)
def _encode_table(law: Law) -> npt.NDArray[np.uint8]:
    """Codes by the sample's 16 bits read as an unsigned number."""
    import numpy as np

    samples = np.arange(65_536).astype(np.uint16).view(np.int16).astype(np.int32)
    if law == "mu":
        value = samples >> 2
        magnitude = np.minimum(np.abs(value), _MU_CLIP) + _MU_BIAS
        segment = np.searchsorted([64, 128, 256, 512, 1024, 2048, 4096], magnitude, side="right")
        code = (segment << 4) | ((magnitude >> (segment + 1)) & 15)
        return np.asarray(np.where(value < 0, code ^ 0x7F, code ^ 0xFF), np.uint8)
    value = samples >> 3
    magnitude = np.where(value < 0, -value - 1, value)
    segment = np.searchsorted([32, 64, 128, 256, 512, 1024, 2048], magnitude, side="right")
    code = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 15)
    return np.asarray(code ^ np.where(value < 0, _A_INVERTED_BITS, _A_INVERTED_BITS | 0x80), np.uint8)
