"""Word times for engines that give none."""

from __future__ import annotations

import re

from ...audio.formats import duration_ms
from ...speech import Speech, Word


def with_estimated_word_marks(text: str, pcm: bytes) -> Speech:
    """Speech whose word times are an estimate: each word starts where its first character stands in proportion.

    Args:
        text: What is said.
        pcm: PCM16, 24 kHz, mono.
    """
    length_ms = duration_ms(pcm)
    words = re.finditer(r"\S+", text)
    marks = tuple(Word(word.start(), len(word[0]), int(length_ms * word.start() / len(text))) for word in words)
    return Speech(text, pcm, marks)
