"""How loud audio is: a level meter that counts its time in audio, so it shows the same at every pace. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .formats import BYTES_PER_MS
from .sources import Source, TappedSource

QUIETEST_DBFS = -96.0
"""What 16 bits can tell from nothing; digital silence is shown as this."""
_SILENT_BELOW_DBFS = -60.0
_FULL_SCALE = 32_767
_CLIPPED_SAMPLES = 3
"""So many samples at full scale in a row were cut off; a single one may just be loud."""


@dataclass(frozen=True)
class Level:
    """Loudness in dBFS: 0 is the loudest that fits, speech has about -30 to -15, a quiet room -60 and less.

    Attributes:
        rms_dbfs: Mean power of the chunk; a full-scale sine has -3.
        peak_dbfs: Its loudest sample.
        held_dbfs: Its loudest sample, or an earlier peak that is still shown.
        is_clipped: Whether it was too loud to be recorded whole.
    """

    rms_dbfs: float = QUIETEST_DBFS
    peak_dbfs: float = QUIETEST_DBFS
    held_dbfs: float = QUIETEST_DBFS
    is_clipped: bool = False

    @property
    def is_silent(self) -> bool:
        """Nothing that could be speech: with a microphone that is muted it stays like this."""
        return self.rms_dbfs < _SILENT_BELOW_DBFS


class LevelMeter:
    """Measures one stream of PCM16, 24 kHz, mono, chunk by chunk.

    Args:
        hold_ms: How long a peak stays.
        fall_db_per_s: How fast it falls after that.
    """

    def __init__(self, hold_ms: int = 1_000, fall_db_per_s: float = 20.0) -> None:
        self.level = Level()
        """Of the latest chunk."""
        self.clippings = 0
        """How often the sound was cut off at full scale."""
        self.silent_ms = 0.0
        """How long it has been silent without a break."""
        self._hold_ms = hold_ms
        self._fall_db_per_ms = fall_db_per_s / 1000
        self._held_for_ms = 0.0
        self._at_full_scale = 0  # samples at the end of the chunk before

    def add(self, pcm: bytes) -> Level:
        """Measure the next chunk; half a sample at its end is ignored."""
        import numpy as np

        samples = np.frombuffer(pcm, "<i2", count=len(pcm) // 2).astype(np.float32)
        if not len(samples):
            return self.level
        length_ms = len(pcm) / BYTES_PER_MS
        loudness = np.abs(samples)
        peak = float(loudness.max())
        if peak >= _FULL_SCALE:
            is_clipped = self._count_clippings((loudness >= _FULL_SCALE).tolist())
        else:
            is_clipped, self._at_full_scale = False, 0
        rms_dbfs, peak_dbfs = _dbfs(math.sqrt(float(np.dot(samples, samples)) / len(samples))), _dbfs(peak)
        self.level = Level(rms_dbfs, peak_dbfs, self._hold(peak_dbfs, length_ms), is_clipped)
        self.silent_ms = self.silent_ms + length_ms if self.level.is_silent else 0.0
        return self.level

    def _hold(self, peak_dbfs: float, length_ms: float) -> float:
        self._held_for_ms += length_ms
        falls_ms = min(length_ms, max(0.0, self._held_for_ms - self._hold_ms))
        held_dbfs = self.level.held_dbfs - falls_ms * self._fall_db_per_ms
        if peak_dbfs < held_dbfs:
            return held_dbfs
        self._held_for_ms = 0.0
        return peak_dbfs

    def _count_clippings(self, at_full_scale: list[bool]) -> bool:
        """Find the runs of samples at full scale, also one that began in the chunk before."""
        is_clipped, run = False, self._at_full_scale
        for is_full in at_full_scale:
            run = run + 1 if is_full else 0
            self.clippings += run == _CLIPPED_SAMPLES
            is_clipped |= run >= _CLIPPED_SAMPLES
        self._at_full_scale = run
        return is_clipped


def metered(source: Source, meter: LevelMeter) -> Source:
    """The same source, measured as it is read."""
    return TappedSource(source, meter.add)


def _dbfs(amplitude: float) -> float:
    return max(QUIETEST_DBFS, 20 * math.log10(amplitude / (_FULL_SCALE + 1))) if amplitude else QUIETEST_DBFS
