"""Voice detection on the audio itself. Offsets follow the 32 ms frame arithmetic of reference §3.3.

The detector is WebRTC's, with an energy gate in front. It gives no probability, so the protocol's `threshold`
moves the gate instead (an imitation): 0.5 listens from -45 dBFS up, each tenth is 4 dB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..audio.formats import PCM16, AudioFormat, pcm_from_samples, samples_from_pcm

FRAME_MS = 32
_ONSET_FRAMES = 2
_ADAPTATION_MS = 100  # the detector reports speech at first, whatever it hears
_DETECTOR_MS = 30  # of the lengths it takes, the one nearest to a frame
_WIDE_HZ = 16_000


@dataclass(frozen=True)
class SpeechStarted:
    """Speech began; `start_ms` includes the prefix padding."""

    start_ms: int


@dataclass(frozen=True)
class SpeechPaused:
    """Speech has paused for the pause that was asked for; `finish()` would end the turn at `end_ms`."""

    end_ms: int


@dataclass(frozen=True)
class SpeechStopped:
    """Speech ended; `end_ms` includes the silence that was waited for."""

    end_ms: int


@dataclass(frozen=True)
class Idled:
    """Nobody spoke up to `end_ms`, the time that was set."""

    end_ms: int


Change = SpeechStarted | SpeechPaused | SpeechStopped | Idled


class VoiceDetector:
    """Finds where speech starts and stops in the audio written so far.

    Args:
        audio_format: How the audio is encoded.
        at_ms: Milliseconds of audio that were written before it began to listen.
        is_speaking: Whether a turn is open already, which another detector heard begin.

    Attributes:
        idle_at_ms: When to report that nobody has spoken; `None` for never.
    """

    def __init__(self, audio_format: AudioFormat = PCM16, *, at_ms: int = 0, is_speaking: bool = False) -> None:
        self.format = audio_format
        self.idle_at_ms: float | None = None
        self._pending = b""
        self._at_ms = at_ms
        self._listened_ms = 0
        self._loud_frames = 0
        self._quiet_ms = 0
        self._speaking = is_speaking
        self._last_end_ms = 0
        self._frame_bytes = FRAME_MS * audio_format.bytes_per_ms
        self._detector, self._resampler = _detector(audio_format)
        self._detector_hz = _WIDE_HZ if self._resampler else audio_format.rate_hz
        self._detector_bytes = self._detector_hz * 2 * _DETECTOR_MS // 1000

    def configure(
        self, *, threshold: float, prefix_padding_ms: int, silence_duration_ms: int, pause_ms: int | None = None
    ) -> None:
        """Set the dials, also in the middle of a turn.

        Args:
            threshold: 0 to 1; higher needs louder speech.
            prefix_padding_ms: Audio kept before the onset.
            silence_duration_ms: Silence that ends a turn.
            pause_ms: Silence that is reported as a pause, once for each; `None` for none.
        """
        self._prefix_ms = prefix_padding_ms
        self._silence_ms = silence_duration_ms
        self._pause_ms = pause_ms
        self._gate = 10 ** ((-45 + (threshold - 0.5) * 40) / 20)

    @property
    def at_ms(self) -> int:
        """Milliseconds of audio heard since the connection began, in whole frames."""
        return self._at_ms

    @property
    def speaking(self) -> bool:
        """Whether a turn is open."""
        return self._speaking

    def close_turn(self) -> None:
        """Forget an open turn: it was committed."""
        self._speaking = False
        self._loud_frames = 0
        self._quiet_ms = 0
        self._last_end_ms = self._at_ms  # its audio is gone from the buffer: no padding reaches back into it

    def feed(self, data: bytes) -> Iterator[Change]:
        """Hear more audio, frame by frame: what is done at a change takes effect before the next frame."""
        heard = self._pending + data
        whole = len(heard) - len(heard) % self._frame_bytes
        self._pending = heard[whole:]
        for start in range(0, whole, self._frame_bytes):
            change = self._step(self._is_speech(heard[start : start + self._frame_bytes]))
            if change is not None:
                yield change

    def _is_speech(self, frame: bytes) -> bool:
        pcm = self.format.pcm16(frame)
        samples = samples_from_pcm(pcm)
        loud = float(np.sqrt(np.mean(samples**2))) >= self._gate
        if self._resampler is not None:
            pcm = pcm_from_samples(self._resampler.resample_chunk(samples))
        window = pcm[-self._detector_bytes :]
        if self._listened_ms < _ADAPTATION_MS or len(window) < self._detector_bytes:
            return False
        return bool(self._detector.is_speech(window, self._detector_hz)) and loud

    def _step(self, is_speech: bool) -> Change | None:
        self._at_ms += FRAME_MS
        self._listened_ms += FRAME_MS
        if not self._speaking:
            return self._step_in_silence(is_speech)
        self._quiet_ms = 0 if is_speech else self._quiet_ms + FRAME_MS
        if self._quiet_ms >= max(self._silence_ms, FRAME_MS):
            self.close_turn()
            return SpeechStopped(self._at_ms)
        if self._pause_ms is not None and 0 <= self._quiet_ms - self._pause_ms < FRAME_MS:
            return SpeechPaused(self._at_ms)
        return None

    def _step_in_silence(self, is_speech: bool) -> Change | None:
        self._loud_frames = self._loud_frames + 1 if is_speech else 0
        if self._loud_frames >= _ONSET_FRAMES:
            self._speaking = True
            self._quiet_ms = 0
            return SpeechStarted(max(self._last_end_ms, self._at_ms - self._prefix_ms))
        if self.idle_at_ms is not None and self._at_ms >= self.idle_at_ms and not self._loud_frames:
            self.idle_at_ms = None
            return Idled(self._at_ms)
        return None


def _detector(audio_format: AudioFormat) -> tuple[Any, Any]:
    """WebRTC's detector, and a resampler where it does not know the rate."""
    import soxr
    import webrtcvad

    if audio_format.rate_hz in (8_000, _WIDE_HZ):
        return webrtcvad.Vad(2), None
    return webrtcvad.Vad(2), soxr.ResampleStream(audio_format.rate_hz, _WIDE_HZ, 1, dtype="float32")
