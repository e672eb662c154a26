"""An imitation of semantic turn detection: does what was said so far sound finished? Pure.

The service asks a model; this looks at the last recognised word, so it needs ears. Without a recognised word the
longest wait decides (reference §1.6).
"""

from __future__ import annotations

from dataclasses import dataclass

from .words import words_of


@dataclass(frozen=True)
class Eagerness:
    """How long to wait.

    Attributes:
        pause_ms: Silence after which the words are looked at.
        longest_wait_ms: Silence that ends the turn whatever was said.
    """

    pause_ms: int
    longest_wait_ms: int


_MEDIUM = Eagerness(pause_ms=576, longest_wait_ms=4_000)
EAGERNESS = {
    "low": Eagerness(pause_ms=896, longest_wait_ms=8_000),
    "medium": _MEDIUM,
    "auto": _MEDIUM,
    "high": Eagerness(pause_ms=320, longest_wait_ms=2_000),
}

_GOES_ON = frozenset(
    "a about an and are as at because but by can could for from had has have i if in into is like maybe my of on or "
    "our some than the their then they to um uh was we well were what when where which while who will with would "
    "your".split()
)


def sounds_finished(words: str) -> bool:
    """Whether a speaker who pauses after these words has probably said what they wanted."""
    spoken = words_of(words)
    return bool(spoken) and spoken[-1] not in _GOES_ON
