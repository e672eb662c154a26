"""Identifiers in the form the service uses (reference §1.4)."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_EPOCH_S = 1_576_800_000
MAX_ITEM_ID_LENGTH = 32


class IdMint:
    """Mints ids: a prefix, five characters of base-62 time and sixteen random ones.

    Args:
        clock: Seconds since the Unix epoch.
        rng: Source of randomness; seed it to repeat the same ids.
    """

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng

    def new(self, kind: str) -> str:
        """A fresh id such as `item_9ZkQ1…`; `kind` is `event`, `item`, `resp`, `sess`, `conv`, `sum`."""
        return f"{kind}_{self._time()}{self._random(16)}"

    def new_call(self) -> str:
        """A fresh function call id: `call_` and sixteen characters."""
        return f"call_{self._random(16)}"

    def _time(self) -> str:
        seconds = max(0, int(self._clock()) - _EPOCH_S)
        digits = ""
        for _ in range(5):
            seconds, digit = divmod(seconds, 62)
            digits = _ALPHABET[digit] + digits
        return digits

    def _random(self, length: int) -> str:
        return "".join(self._rng.choices(_ALPHABET, k=length))
