"""Hear English words in audio, offline and approximately: pocketsphinx in a process of its own."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..audio.formats import RATE_HZ, pcm_from_samples, resample, samples_from_pcm
from ..errors import MissingPartError
from .worker import Worker, WorkerError

if TYPE_CHECKING:
    from ..audio.formats import Samples

_RECOGNISER_HZ = 16_000
_FRAME = _RECOGNISER_HZ // 100
_QUIETER_IS_SILENCE_DB = 40
_MARGIN_FRAMES = 10


@dataclass(frozen=True)
class Heard:
    """Recognised words, lower case, without punctuation.

    Attributes:
        text: The words; empty when none were recognised.
        source: `phrases` when a known phrase explains the sound best, else `general`, which is approximate.
    """

    text: str
    source: Literal["phrases", "general"]


class Transcriber:
    """Transcribes one utterance at a time. Blocking: a tenth to a third of the audio's length; any thread.

    Args:
        phrases: Phrases that are likely here. They help recognition; they are never an answer by themselves.
    """

    def __init__(self, phrases: Iterable[str] = ()) -> None:
        self._phrases = sorted(set(phrases))
        self._worker = Worker("realtime_helpers.speech.transcriber_worker")
        self._lock = threading.Lock()
        self._loaded = False

    @staticmethod
    def installed() -> bool:
        """Whether the recogniser can be used on this machine."""
        return importlib.util.find_spec("pocketsphinx") is not None

    def load(self) -> None:
        """Start the recogniser and load its model (about half a second), ahead of the first utterance.

        Raises:
            MissingPartError: The recogniser is not installed.
        """
        if not self.installed():
            raise MissingPartError(
                "Nothing can be heard: the package 'pocketsphinx' is not installed.",
                "In the workshop's folder: pip install -e '.[simulator]' (Python 3.11 to 3.13).",
            )
        with self._lock:
            if not self._loaded:
                self._worker.request({"phrases": self._phrases})
                self._loaded = True

    def transcribe(self, pcm: bytes) -> Heard:
        """Words in PCM16, 24 kHz, mono.

        Raises:
            MissingPartError: The recogniser is not installed.
            WorkerError: The recogniser failed on this utterance.
        """
        self.load()
        samples = resample(samples_from_pcm(pcm), RATE_HZ, _RECOGNISER_HZ)
        audio = pcm_from_samples(without_silence(samples))
        if not audio:  # the recogniser takes nothing for an error
            return Heard("", "general")
        try:
            reply, _ = self._worker.request({}, audio)
        except WorkerError:  # it may have died while idle: a new one deserves a try
            self._loaded = False
            self.load()
            reply, _ = self._worker.request({}, audio)
        return Heard(reply["text"], reply["source"])

    def close(self) -> None:
        """End the recogniser's process."""
        self._worker.close()
        self._loaded = False


def without_silence(samples: Samples) -> Samples:
    """Audio at 16 kHz from 100 ms before its first sound to 100 ms after its last; nothing, when there is none.

    How long somebody is silent before and after must not decide what they said: the recogniser's scores are compared
    per frame. A sound is what is less than 40 dB below the loudest 10 ms; steady noise is left as it is.
    """
    import numpy as np

    count = len(samples) // _FRAME
    frames = samples[: count * _FRAME].reshape(count, _FRAME)
    power = np.square(frames).mean(axis=1)
    sounding = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (-_QUIETER_IS_SILENCE_DB / 10))
    if not len(sounding):
        return samples[:0]
    first, last = max(0, sounding[0] - _MARGIN_FRAMES), sounding[-1] + 1 + _MARGIN_FRAMES
    return samples[first * _FRAME : last * _FRAME]
