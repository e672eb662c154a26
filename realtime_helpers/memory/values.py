"""Refuse settings that are no numbers of the right kind. Pure."""

from __future__ import annotations

import math

from ..errors import SettingsError


def check_whole_number(name: str, value: object, *, least: int, usual: int) -> None:
    """Refuse all but whole numbers.

    Raises:
        SettingsError: It is none, or less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingsError(f"{name} is {value!r}.", f"Use a whole number from {least} on, such as {usual}.")


def is_number(value: object) -> bool:
    """Whether it is one, and not NaN; endless counts."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
