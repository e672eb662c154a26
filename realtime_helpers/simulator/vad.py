"""Server VAD on the audio itself. Offsets follow the 32 ms frame arithmetic of reference §3.3.

The detector is WebRTC's, with an energy gate in front. It gives no probability, so the protocol's `threshold`
moves the gate instead (an imitation): 0.5 listens from -45 dBFS up, each tenth is 4 dB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..audio.formats import BYTES_PER_MS, RATE_HZ, pcm_from_samples, samples_from_pcm

FRAME_MS = 32
_FRAME_BYTES = FRAME_MS * BYTES_PER_MS
_ONSET_FRAMES = 2
_ADAPTATION_MS = 100  # the detector reports speech at first, whatever it hears
_DETECTOR_HZ = 16_000
_DETECTOR_BYTES = _DETECTOR_HZ * 2 * 30 // 1000


@dataclass(frozen=True)
class SpeechStarted:
    """Speech began; `start_ms` includes the prefix padding."""

    start_ms: int


@dataclass(frozen=True)
class SpeechStopped:
    """Speech ended; `end_ms` includes the silence that was waited for."""

    end_ms: int


class VoiceDetector:
    """Finds where speech starts and stops in the audio written so far.

    Args:
        at_ms: Milliseconds of audio that were written before it began to listen.
    """

    def __init__(self, *, at_ms: int = 0) -> None:
        self._pending = b""
        self._at_ms = at_ms
        self._listened_ms = 0
        self._loud_frames = 0
        self._quiet_ms = 0
        self._speaking = False
        self._detector, self._resampler = _detector()

    def configure(self, *, threshold: float, prefix_padding_ms: int, silence_duration_ms: int) -> None:
        """Set the dials, also in the middle of a turn.

        Args:
            threshold: 0 to 1; higher needs louder speech.
            prefix_padding_ms: Audio kept before the onset.
            silence_duration_ms: Silence that ends a turn.
        """
        self._prefix_ms = prefix_padding_ms
        self._silence_ms = silence_duration_ms
        self._gate = 10 ** ((-45 + (threshold - 0.5) * 40) / 20)

    @property
    def speaking(self) -> bool:
        """Whether a turn is open."""
        return self._speaking

    def close_turn(self) -> None:
        """Forget an open turn: the client committed it itself."""
        self._speaking = False
        self._loud_frames = 0
        self._quiet_ms = 0

    def feed(self, pcm: bytes) -> list[SpeechStarted | SpeechStopped]:
        """Hear more audio (PCM16, 24 kHz)."""
        events: list[SpeechStarted | SpeechStopped] = []
        heard = self._pending + pcm
        whole = len(heard) - len(heard) % _FRAME_BYTES
        for start in range(0, whole, _FRAME_BYTES):
            event = self._step(self._is_speech(heard[start : start + _FRAME_BYTES]))
            if event is not None:
                events.append(event)
        self._pending = heard[whole:]
        return events

    def _is_speech(self, frame: bytes) -> bool:
        samples = samples_from_pcm(frame)
        narrow = pcm_from_samples(self._resampler.resample_chunk(samples))[-_DETECTOR_BYTES:]
        loud = float(np.sqrt(np.mean(samples**2))) >= self._gate
        if self._listened_ms < _ADAPTATION_MS or len(narrow) < _DETECTOR_BYTES:
            return False
        return bool(self._detector.is_speech(narrow, _DETECTOR_HZ)) and loud

    def _step(self, is_speech: bool) -> SpeechStarted | SpeechStopped | None:
        self._at_ms += FRAME_MS
        self._listened_ms += FRAME_MS
        if not self._speaking:
            self._loud_frames = self._loud_frames + 1 if is_speech else 0
            if self._loud_frames >= _ONSET_FRAMES:
                self._speaking = True
                self._quiet_ms = 0
                return SpeechStarted(max(0, self._at_ms - self._prefix_ms))
            return None
        self._quiet_ms = 0 if is_speech else self._quiet_ms + FRAME_MS
        if self._quiet_ms >= max(self._silence_ms, FRAME_MS):
            self.close_turn()
            return SpeechStopped(self._at_ms)
        return None


def _detector() -> tuple[Any, Any]:
    import soxr
    import webrtcvad

    return webrtcvad.Vad(2), soxr.ResampleStream(RATE_HZ, _DETECTOR_HZ, 1, dtype="float32")
