"""pocketsphinx with three searches: a grammar of known phrases, and a general model, quick and careful.

Runs as its own process.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

from .worker import serve

RATE_HZ = 16_000
_FRAMES_PER_BYTE = 1 / 320  # 10 ms frames of 16-bit samples at 16 kHz

# The grammar always answers with one of its phrases, so its answer is taken only where it explains the sound better
# than the general model's quick guess (log score per frame), and the less clearly it does, the more alike the words
# must be. Of a phrase of one to three words there is little sound to tell by.
# Pairs of (score gap at most, likeness at least), fitted with benchmarks/hearing.py: docs/simulator.md.
_TRUST_SHORT = ((-9.0, 0.2), (-2.0, 0.38))
_TRUST_LONG = ((-21.0, 0.1), (-14.0, 0.35), (-11.0, 0.55), (-7.0, 0.8))
_SHORT_WORDS = 3

# How the general model searches. The quick guess takes less than half of the careful one's time, and is only compared
# with the grammar's answer; words are taken from the careful one.
_QUICK = {"fwdflat": False, "bestpath": False, "maxhmmpf": 2_000}
_CAREFUL = {"fwdflat": True, "bestpath": True, "maxhmmpf": 30_000}


class Recogniser:
    """Hears one utterance at a time."""

    def __init__(self, phrases: list[str]) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=RATE_HZ, loglevel="FATAL", **_QUICK)
        self._log = self._decoder.get_logmath()
        self._phrases = {phrase for phrase in phrases if self._pronounceable(phrase)}
        self._is_careful = False
        if self._phrases:
            alternatives = " | ".join(sorted(self._phrases))
            self._decoder.add_jsgf_string("phrases", f"#JSGF V1.0;\ngrammar g;\npublic <u> = {alternatives};\n")

    def _pronounceable(self, phrase: str) -> bool:
        return all(self._decoder.lookup_word(word) is not None for word in phrase.split())

    def hear(self, pcm: bytes) -> tuple[str, str]:
        """The words heard and where they come from: `phrases` or `general` (approximate)."""
        if self._phrases:
            guess, guess_score = self._search("_default", pcm)
            phrase, phrase_score = self._search("phrases", pcm)
            if phrase in self._phrases:
                gap = (guess_score - phrase_score) / max(1.0, len(pcm) * _FRAMES_PER_BYTE)
                likeness = SequenceMatcher(None, guess, phrase).ratio()
                trust = _TRUST_SHORT if len(phrase.split()) <= _SHORT_WORDS else _TRUST_LONG
                if any(gap <= most and likeness >= least for most, least in trust):
                    return phrase, "phrases"
        return self._listen_carefully(pcm), "general"

    def _listen_carefully(self, pcm: bytes) -> str:
        if not self._is_careful:  # a quarter of a second, which whoever says only known phrases never waits for
            for name, value in _CAREFUL.items():
                self._decoder.config[name] = value  # a search is made as the configuration stands at that moment
            self._decoder.add_lm("careful", self._decoder.get_lm("_default"))
            self._is_careful = True
        return self._search("careful", pcm)[0]

    def _search(self, name: str, pcm: bytes) -> tuple[str, float]:
        self._decoder.activate_search(name)
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        if hypothesis is None:
            return "", float("-inf")
        return hypothesis.hypstr, self._log.log(hypothesis.score)


def main() -> None:
    """Answer `{phrases}` once with `{}`, then `{}` and PCM16 at 16 kHz with `{text, source}`."""
    recogniser: Recogniser | None = None

    def answer(request: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        nonlocal recogniser
        if "phrases" in request:
            recogniser = Recogniser(request["phrases"])
            return {}, b""
        if recogniser is None:
            raise RuntimeError("the phrases must be sent first")
        text, source = recogniser.hear(payload)
        return {"text": text, "source": source}, b""

    serve(answer)


if __name__ == "__main__":
    main()
