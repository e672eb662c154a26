"""What a self-check says: passed or not yet, and why. It never raises: a notebook runs to its end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """The last line of a self-check's cell.

    Attributes:
        passed: Whether the exercise is solved.
        why: What was found, in a sentence that helps on: never only "wrong".
    """

    passed: bool
    why: str

    def __repr__(self) -> str:
        return f"{'Passed' if self.passed else 'Not yet'}: {self.why}"
