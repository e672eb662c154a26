"""Lesson 10: calls as a model writes them, and the check of a tool that must answer all of them well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import SettingsError
from ..runtime import background_loop
from ..tools import Outcome, Tool, Toolbox, as_tool
from .verdict import Verdict

_PATIENCE_S = 20.0


class WrittenCall(NamedTuple):
    """Arguments as a model writes them.

    Attributes:
        arguments: JSON text; some models add spaces and line ends.
        about: What is special.
        ending: How a good tool's call ends.
    """

    arguments: str
    about: str
    ending: str


WRITTEN_CALLS = (
    WrittenCall('{"people": 4, "day": "Friday"}', "four people, as it should be", "answered"),
    WrittenCall('{  \n  "people": 8, "day": "Monday" \n} \n', "eight people, which just fits", "answered"),
    WrittenCall('{"people": 12, "day": "Friday"}', "twelve people, too many", "failed"),
    WrittenCall('{"people": 0, "day": "Friday"}', "nobody", "failed"),
    WrittenCall('{"people": "a few", "day": "Friday"}', "no number", "refused"),
    WrittenCall('{"people": 4}', "no day", "refused"),
)
"""Calls of `book_table(people, day)`, for tables that seat one to eight."""


def _outcomes(function: Callable[..., Any] | Tool) -> list[Outcome]:
    """How each of the written calls ends, just as a session would carry it out."""
    tool = function if isinstance(function, Tool) else as_tool(function)
    toolbox = Toolbox([tool])
    return [
        background_loop().submit(toolbox.call(tool.name, call.arguments)).result(_PATIENCE_S) for call in WRITTEN_CALLS
    ]


def check_book_table(function: Callable[..., Any] | Tool) -> Verdict:
    """Whether every written call ends as it should, with words that help the model on."""
    try:
        ends = _outcomes(function)
    except SettingsError as error:
        return Verdict(False, str(error))
    for call, end in zip(WRITTEN_CALLS, ends, strict=True):
        if problem := _problem(call, end):
            return Verdict(False, f"{call.about}: {call.arguments.strip()}. {problem}")
    return Verdict(True, f"{len(ends)} calls, {len(ends)} outputs that a model can go on with.")


def _problem(call: WrittenCall, end: Outcome) -> str:
    told = f"The model is told {end.output!r}."
    if end.ending == call.ending == "answered":
        day = call.arguments.split('"day": "')[1].partition('"')[0]
        return "" if day.casefold() in end.output.casefold() else f"{told} It should be able to confirm the day."
    if end.ending == call.ending == "failed":
        if end.problem:  # any other exception: the model learns its kind alone
            return f"{told} That does not help it on. Say what is wrong with ToolError, in your own words."
        named = any(word in end.output.casefold() for word in ("8", "eight"))
        return "" if named else f"{told} Tell it how many people a table seats, so that it can offer that."
    if end.ending == call.ending:
        return ""
    if end.ending == "answered":
        return f"{told} It will promise a table that nobody has." if call.ending == "failed" else (
            f"{told} But these arguments do not fit. Do people and day have type hints, and no default?"
        )  # fmt: skip
    return f"{told} It ended as {end.ending!r}, and should have been {call.ending!r}."
