"""How often, and how soon, a lost connection is made again."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..errors import SettingsError


@dataclass(frozen=True)
class Reconnect:
    """How a lost connection is made again. The first try comes at once.

    Attributes:
        attempts: Tries in a row until the session gives up.
        first_wait_s: Before the second try, in seconds; it doubles with each, and half of it is left to chance.
        longest_wait_s: Longest wait between two tries, in seconds.

    Raises:
        SettingsError: A value that cannot work.
    """

    attempts: int = 6
    first_wait_s: float = 0.5
    longest_wait_s: float = 8.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 <= self.first_wait_s <= self.longest_wait_s:
            raise SettingsError(
                f"{self!r} cannot work.", "Use 1 or more attempts, and waits from 0 up, the first not over the longest."
            )

    def wait_s(self, failures: int, rng: random.Random) -> float:
        """Seconds to wait after so many failures in a row."""
        if not failures:
            return 0.0
        return min(self.longest_wait_s, self.first_wait_s * 2.0 ** (failures - 1)) * rng.uniform(0.5, 1)
