"""Real synthesised speech that needs no download: espeak-ng in a process of its own."""

from __future__ import annotations

import importlib.util
import threading
from collections import OrderedDict
from dataclasses import dataclass

from ..audio.formats import RATE_HZ, duration_ms, pcm_from_samples, resample, samples_from_pcm
from ..errors import AudioError, MissingPartError
from .worker import Worker, WorkerError

USER_VOICE = "en-us+edward"
"""The espeak variant that the built-in recogniser understands best (11 % against 52 % word errors)."""
USER_WORDS_PER_MINUTE = 170
_CACHED_UTTERANCES = 64


@dataclass(frozen=True)
class Word:
    """Where a word stands in the text (characters) and in the audio (milliseconds)."""

    offset: int
    length: int
    at_ms: int


@dataclass(frozen=True)
class Speech:
    """Spoken text: PCM16, 24 kHz, mono, with the time of each word."""

    text: str
    pcm: bytes
    words: tuple[Word, ...]

    @property
    def duration_ms(self) -> float:
        """Length in milliseconds."""
        return duration_ms(self.pcm)


class Voice:
    """Speaks text. Blocking, about a millisecond per second of speech; safe from any thread.

    The same text, voice and speed give the same audio, in every process (on Windows: in one). Utterances are kept.

    Raises:
        MissingPartError: On `speak`, when the speech engine is not installed.
        AudioError: On `speak`, when there is no such voice, or the engine fails.
    """

    def __init__(self) -> None:
        self._worker = Worker("realtime_helpers.speech.voice_worker")
        self._lock = threading.Lock()
        self._spoken: OrderedDict[tuple[str, str, int], Speech] = OrderedDict()

    def speak(self, text: str, voice: str = USER_VOICE, words_per_minute: int = USER_WORDS_PER_MINUTE) -> Speech:
        """Speak `text` with an espeak voice such as `en-us`, `fr` or `en-us+edward`."""
        key = (text, voice, words_per_minute)
        with self._lock:
            if key in self._spoken:
                self._spoken.move_to_end(key)
                return self._spoken[key]
        if importlib.util.find_spec("espeakng_loader") is None:
            raise MissingPartError(
                "There is no voice: the package 'espeakng-loader' is not installed.",
                "In the workshop's folder: pip install -e '.[simulator]'",
            )
        request = {"text": text, "voice": voice, "words_per_minute": words_per_minute}
        try:
            reply, pcm = self._worker.request(request)
        except WorkerError as error:
            raise AudioError(
                f"The voice could not speak ({error}).",
                f"Try the voice {USER_VOICE!r}, or look at: realtime-workshop doctor",
            ) from error
        samples = resample(samples_from_pcm(pcm), reply["rate_hz"], RATE_HZ)
        words = tuple(Word(*mark) for mark in reply["words"])
        speech = Speech(text, pcm_from_samples(samples), words)
        with self._lock:
            self._spoken[key] = speech
            if len(self._spoken) > _CACHED_UTTERANCES:
                self._spoken.popitem(last=False)
        return speech

    def close(self) -> None:
        """End the engine's process."""
        self._worker.close()
