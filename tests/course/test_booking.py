"""Lesson 10: a tool is judged by what the model gets to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from realtime_helpers.course.booking import check_book_table
from realtime_helpers.tools import ToolError, as_tool

TOO_MANY = "A table seats 1 to 8 people. Offer two tables."


def good(people: int, day: str) -> str:
    """Book a table."""
    if not 1 <= people <= 8:
        raise ToolError(TOO_MANY)
    return f"Booked for {people} on {day}."


def without_hints(people, day):  # type: ignore[no-untyped-def]
    """Book a table."""


def without_docstring(people: int, day: str) -> str:
    return ""


def books_anything(people: int, day: str) -> str:
    """Book a table."""
    return f"Booked for {people} on {day}."


def forgets_nobody(people: int, day: str) -> str:
    """Book a table."""
    if people > 8:
        raise ToolError(TOO_MANY)
    return f"Booked for {people} on {day}."


def seats_seven(people: int, day: str) -> str:
    """Book a table."""
    if not 1 <= people < 8:
        raise ToolError(TOO_MANY)
    return f"Booked for {people} on {day}."


def raises_something_else(people: int, day: str) -> str:
    """Book a table."""
    if not 1 <= people <= 8:
        raise ValueError(TOO_MANY)
    return f"Booked for {people} on {day}."


def says_nothing_useful(people: int, day: str) -> str:
    """Book a table."""
    if not 1 <= people <= 8:
        raise ToolError("That did not work.")
    return f"Booked for {people} on {day}."


def takes_any_day(people: int, day: str = "today") -> str:
    """Book a table."""
    return good(people, day)


def confirms_no_day(people: int, day: str) -> str:
    """Book a table."""
    return "Booked."


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (good, "Passed: 6 calls, 6 outputs"),
        (as_tool(good, timeout_s=3), "Passed: "),
        (without_hints, "has no type hint"),
        (without_docstring, "Nothing tells the model what without_docstring does"),
        (confirms_no_day, "It should be able to confirm the day"),
        (seats_seven, "eight people, which just fits"),
        (books_anything, "twelve people, too many"),
        (raises_something_else, "Say what is wrong with ToolError"),
        (says_nothing_useful, "Tell it how many people a table seats"),
        (forgets_nobody, "nobody: "),
        (takes_any_day, "no day: "),
    ],
    ids=lambda value: getattr(value, "__name__", "why"),
)
def test_each_way_to_write_it_is_judged(function: Callable[..., Any], why: str) -> None:
    verdict = repr(check_book_table(function))
    assert why in verdict
    assert verdict.startswith("Passed") == why.startswith("Passed")
