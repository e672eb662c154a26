"""A function becomes a tool: what the model is told, and which functions are refused in a sentence."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field

from realtime_helpers import SettingsError
from realtime_helpers.tools import Tool, as_tool
from realtime_helpers.tools.tool import ArgumentsError


class Unit(Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


@dataclass
class Place:
    city: str
    country: str | None = None


class Trip(BaseModel):
    places: list[Place]
    start: date
    size: int = Field(default=1, ge=1)


def plan_trip(
    trip: Trip,
    pace: Literal["slow", "quick"],
    unit: Unit = Unit.CELSIUS,
    days: Annotated[int, Field(ge=1, le=30, description="How many days, said in Annotated.")] = 7,
    note: Optional[str] = None,  # noqa: UP045 - the older way of writing it must work too
) -> str:
    """Plan a trip through some places.

    It takes a moment.

    Args:
        trip: Where to go, and
            when.
        pace (str): How fast.
        days: Said in the docstring, which Annotated overrules.

    Returns:
        A plan.
    """
    return f"{trip} {pace} {unit} {days} {note}"


def test_type_hints_become_the_schema_and_the_docstring_the_descriptions() -> None:
    wire = as_tool(plan_trip).wire
    assert list(wire) == ["type", "name", "description", "parameters"], "flat, as the protocol wants it"
    assert (wire["type"], wire["name"]) == ("function", "plan_trip")
    assert wire["description"] == "Plan a trip through some places.\n\nIt takes a moment."
    schema = wire["parameters"]
    assert (schema["type"], schema["required"], schema["additionalProperties"]) == ("object", ["trip", "pace"], False)
    parameters = schema["properties"]
    assert parameters["trip"] == {"$ref": "#/$defs/Trip", "description": "Where to go, and when."}
    assert parameters["pace"] == {"enum": ["slow", "quick"], "type": "string", "description": "How fast."}
    assert parameters["unit"] == {"$ref": "#/$defs/Unit", "default": "celsius"}
    assert parameters["days"] == {"type": "integer", "minimum": 1, "maximum": 30, "default": 7,
                                  "description": "How many days, said in Annotated."}  # fmt: skip
    assert parameters["note"] == {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    assert schema["$defs"]["Unit"]["enum"] == ["celsius", "fahrenheit"]
    assert {"Trip", "Place", "Unit"} == set(schema["$defs"])


def test_arguments_become_what_the_hints_say_and_defaults_stay_pythons() -> None:
    trip = {"places": [{"city": "Oslo"}, {"city": "Rome", "country": "Italy"}], "start": "2027-01-31"}
    values = as_tool(plan_trip).validate({"trip": trip, "pace": "slow", "unit": "fahrenheit"})
    assert values == {
        "trip": Trip(places=[Place("Oslo"), Place("Rome", "Italy")], start=date(2027, 1, 31)),
        "pace": "slow", "unit": Unit.FAHRENHEIT,
    }  # fmt: skip
    assert "Unit.FAHRENHEIT 7 None" in plan_trip(**values)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"pace": "slow"}, "trip: it is missing"),
        ({"trip": {"places": [{"town": "Oslo"}], "start": "2027-01-31"}, "pace": "slow"}, "trip.places.0.city"),
        ({"trip": {"places": [], "start": "soon"}, "pace": "slow"}, "trip.start: Input should be a valid date"),
        ({"trip": {"places": [], "start": "2027-01-31"}, "pace": "lazy"}, "pace: Input should be 'slow' or 'quick'"),
        (
            {"trip": {"places": [], "start": "2027-01-31"}, "pace": "slow", "days": 31},
            "days: Input should be less than",
        ),
        ({"trip": {"places": [], "start": "2027-01-31"}, "pace": "slow", "mood": 1}, "mood: there is no such argument"),
    ],
)
def test_arguments_that_do_not_fit_are_told_by_name(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ArgumentsError, match=told):
        as_tool(plan_trip).validate(arguments)


class Desk:
    def __init__(self, owner: str) -> None:
        self.owner = owner

    def look_up(self, word: str) -> str:
        """Look a word up."""
        return f"{word} for {self.owner}"

    def __call__(self, word: str) -> str:
        """Find a word."""
        return f"{self.owner} found {word}"


def ask(question: str, key: str, limit: int = 3) -> str:
    """Ask a service."""
    return f"{question} {key} {limit}"


def test_bound_methods_partials_and_objects_can_be_tools() -> None:
    desk = Desk("Ada")
    method = as_tool(desk.look_up)
    assert (method.name, list(method.parameters["properties"])) == ("look_up", ["word"])
    assert method.call(**method.validate({"word": "owl"})) == "owl for Ada"

    finder = as_tool(desk)
    assert (finder.name, finder.description) == ("Desk", "Find a word.")
    assert finder.call(**finder.validate({"word": "owl"})) == "Ada found owl"

    keyed = as_tool(functools.partial(ask, key="hidden-key"))
    assert (keyed.name, keyed.description) == ("ask", "Ask a service.")
    assert list(keyed.parameters["properties"]) == ["question", "limit"]
    assert "hidden-key" not in repr(keyed) + repr(keyed.wire), "what is filled in is nobody's business"
    assert keyed.call(**keyed.validate({"question": "why"})) == "why hidden-key 3"
    with pytest.raises(ArgumentsError, match="no such argument"):
        keyed.validate({"question": "why", "key": "other"})


def test_a_decorated_function_is_told_as_it_was_written() -> None:
    def loudly(function: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> str:
            return function(*args, **kwargs).upper()

        return wrapper

    @loudly
    def greet(name: str) -> str:
        """Greet somebody."""
        return f"hello {name}"

    tool = as_tool(greet)
    assert (tool.name, tool.parameters["required"]) == ("greet", ["name"])
    assert tool.call(**tool.validate({"name": "Ada"})) == "HELLO ADA"


def no_hint(city) -> str:  # type: ignore[no-untyped-def]
    """Hm."""


def many(*cities: str) -> None:
    """Hm."""


def options(**cities: str) -> None:
    """Hm."""


def only_by_place(city: str, /) -> None:
    """Hm."""


def unsaid(city: str) -> None:
    pass


def only_sections(city: str) -> None:
    """Args:
    city: A city.
    """


def of_functions(city: Callable[[], str]) -> None:
    """Hm."""


def of_anything(city: Desk) -> None:
    """Hm."""


def of_nothing(city: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821
    """Hm."""


def with_field(city: str = Field(default="Oslo")) -> None:
    """Hm."""


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (no_hint, "city of no_hint has no type hint. Write city: str"),
        (many, r"The parameter \*cities: .* of many has no name of its own"),
        (options, "options has no name of its own"),
        (only_by_place, "only_by_place has no name of its own"),
        (unsaid, "Nothing tells the model what unsaid does. Give the function a docstring"),
        (only_sections, "Nothing tells the model what only_sections does"),
        (of_functions, "The type Callable of the parameter city of of_functions cannot be described in JSON"),
        (of_anything, "The type Desk of the parameter city of of_anything cannot be described in JSON"),
        (of_nothing, "A type hint of of_nothing cannot be read: name 'Nowhere' is not defined"),
        (with_field, r"The default of city of with_field is a Field. Write city: Annotated"),
        (lambda: None, "A tool cannot be called '<lambda>'"),
        (Desk, "A type cannot be a tool"),
        ("get_weather", "A str cannot be a tool"),
        (7, "A int cannot be a tool"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_in_a_sentence(function: Any, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        as_tool(function)


def test_a_tool_can_be_made_by_hand() -> None:
    schema = {"type": "object", "properties": {"word": {"type": "string"}}}
    tool = Tool("say-it_2", "Says a word.", schema, lambda word="": word)
    assert tool.wire["parameters"] == schema
    assert tool.validate({"word": "owl"}) == {"word": "owl"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "get weather"}, "A tool cannot be called 'get weather'"),
        ({"name": "x" * 65}, "cannot be called"),
        ({"name": ""}, "cannot be called"),
        ({"description": "  "}, "Nothing tells the model what say does"),
        ({"parameters": {"type": "string"}}, "no JSON schema of an object"),
        ({"parameters": None}, "no JSON schema of an object"),
        ({"call": None}, "has nothing to call"),
        ({"timeout_s": 0}, "timeout_s=0"),
        ({"timeout_s": float("inf")}, "timeout_s=inf"),
        ({"max_characters": 0}, "max_characters=0"),
    ],
)
def test_a_tool_made_by_hand_is_checked(change: dict[str, Any], told: str) -> None:
    values = {"name": "say", "description": "Says.", "parameters": {"type": "object"}, "call": str}
    with pytest.raises(SettingsError, match=told):
        Tool(**(values | change))


def test_as_tool_is_a_decorator_with_and_without_arguments() -> None:
    @as_tool
    def plain(city: str) -> str:
        """Tell the weather."""
        return city

    @as_tool(timeout_s=3, name="slow_weather")
    def slow(city: str) -> str:
        """Tell the weather, slowly."""
        return city

    assert (plain.name, plain.timeout_s) == ("plain", 15)
    assert (slow.name, slow.timeout_s, slow.description) == ("slow_weather", 3, "Tell the weather, slowly.")


def test_nothing_cannot_be_a_tool() -> None:
    with pytest.raises(SettingsError, match="NoneType cannot be a tool"):
        as_tool(None)  # type: ignore[call-overload]
