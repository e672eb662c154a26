"""Words of a sentence, as the rules of the built-in responder read them. Pure."""

from __future__ import annotations

import re

NUMBERS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "another": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
}
"""What number words stand for."""

STOP_WORDS = frozenset(
    "a an the is are was were be to of in on at for and or i you it my me we do does did what which who how "
    "please can could would tell about that this get set with by from".split()
)
"""Words that say nothing about the subject."""


def words_of(text: str) -> list[str]:
    """Words in lower case, without punctuation."""
    return re.findall(r"[a-z0-9']+", text.lower())
