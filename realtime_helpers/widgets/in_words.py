"""How pictures say things: lists of numbers, lengths of text, amounts. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def shortened(text: str, most_bytes: int) -> str:
    """The text, or its beginning with a note of how much is left out: no more than about `most_bytes` on the wire."""
    if len(text) * 4 <= most_bytes or len(encoded := text.encode("utf-8", "replace")) <= most_bytes:
        return text
    shown = encoded[:most_bytes].decode("utf-8", "ignore")
    return f"{shown}… ({len(text) - len(shown):,} more characters)"


def numbers(values: Iterable[int]) -> str:
    """Whole numbers in words: `1 to 4, 6`."""
    runs: list[list[int]] = []
    for value in sorted(set(values)):
        if runs and runs[-1][1] == value - 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in runs)


def counted(count: int, one: str, several: str = "") -> str:
    """`1 line`, `2 lines`."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"
