"""Which tools a sentence makes the built-in mind call, and what it says about their outputs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Optional

import pytest

from realtime_helpers.simulator.prompt import Line, Prompt, ToolCall
from realtime_helpers.simulator.responder import BuiltinResponder, Reply
from realtime_helpers.tools import Toolbox, as_tool
from realtime_helpers.tools.examples import example_tools

EXAMPLES = Toolbox(example_tools()).declared_in({})["tools"]


class Unit(Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


@dataclass
class Place:
    city: str
    unit: Optional[Unit] = None  # noqa: UP045


@dataclass
class Node:
    name: str
    child: Node


def weather_at(place: Place, days: int = 1) -> None:
    """Tell the weather."""


def weather_for(cities: list[str]) -> None:
    """Tell the weather."""


def search_web(query: str) -> None:
    """Search."""


def set_timer(seconds: int) -> None:
    """Set a timer."""


def switch_lights(state: Literal["on", "off"], room: str = "all") -> None:
    """Switch."""


def plant_tree(tree: Node) -> None:
    """Plant."""


def answer(lines: list[Line], tools: list[dict[str, Any]] = EXAMPLES, **prompt: Any) -> Reply:
    return BuiltinResponder().answer(Prompt(lines, tools=tools, **prompt))


def calls(question: str, tools: list[dict[str, Any]] = EXAMPLES, **prompt: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(call.name, call.arguments) for call in answer([Line("user", question)], tools, **prompt).calls]


def weather(*cities: str, **more: str) -> list[tuple[str, dict[str, Any]]]:
    return [("get_weather", {"city": city, **more}) for city in cities]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the weather in Paris?", weather("Paris")),
        ("what is the weather in paris", weather("Paris")),
        ("Tell me about the weather in New York right now", weather("New York")),
        ("What is the weather in Rome in fahrenheit?", weather("Rome", unit="fahrenheit")),
        ("What is the weather in Paris and London?", weather("Paris", "London")),
        ("How is the weather in Rome, Oslo and Vienna?", weather("Rome", "Oslo", "Vienna")),
        ("what is the weather in paris and thanks", weather("Paris")),
        ("What time is it in Lisbon?", [("what_time", {"city": "Lisbon"})]),
        ("what time is it", []),
        ("Remind me to call Anna in ten minutes.", [("remind_me", {"what": "call Anna", "minutes": 10})]),
        ("remind me to call anna and ben in twenty five minutes please",
         [("remind_me", {"what": "call anna and ben", "minutes": 25})]),
        ("In half an hour remind me to stretch.", [("remind_me", {"what": "stretch", "minutes": 30})]),
        ("Remind me about the meeting in 2 hours.", [("remind_me", {"what": "the meeting", "minutes": 120})]),
        ("Remind me to call Anna.", []),
        ("What are my reminders?", [("list_reminders", {})]),
        ("What is the weather in Paris and what time is it in Tokyo?",
         [*weather("Paris"), ("what_time", {"city": "Tokyo"})]),
        ("Tell me a story.", []),
        ("My dog is called Biscuit.", []),
    ],
)  # fmt: skip
def test_a_sentence_makes_the_calls_that_it_names(question: str, expected: list[tuple[str, dict[str, Any]]]) -> None:
    assert calls(question) == expected


@pytest.mark.parametrize(
    ("function", "question", "arguments"),
    [
        (weather_at, "What is the weather in Paris in fahrenheit?", {"place": {"city": "Paris", "unit": "fahrenheit"}}),
        (weather_for, "What is the weather in Rome, Oslo and Vienna?", {"cities": ["Rome", "Oslo", "Vienna"]}),
        (search_web, "Search the web for red shoes.", {"query": "red shoes"}),
        (set_timer, "Set a timer for two minutes.", {"seconds": 120}),
        (switch_lights, "Turn the lights off.", {"state": "off"}),
    ],
)
def test_arguments_of_many_kinds_are_found(function: Any, question: str, arguments: dict[str, Any]) -> None:
    tool = as_tool(function)
    assert calls(question, [tool.wire]) == [(tool.name, arguments)]
    assert tool.validate(arguments), "and they fit"


def test_a_type_that_holds_itself_ends() -> None:
    assert calls("Plant a tree for Anna.", [as_tool(plant_tree).wire], tool_choice="required")


def test_one_call_at_a_time_is_one_after_the_other() -> None:
    question = "What is the weather in Paris and London?"
    lines = [Line("user", question)]
    for city in ("Paris", "London"):
        (call,) = answer(lines, parallel_tool_calls=False).calls
        assert call == ToolCall("get_weather", {"city": city})
        lines.append(Line("assistant", "", call, city))
        assert not answer(lines, parallel_tool_calls=False).calls, "it waits for the result"
        lines.append(Line("tool", f"It is sunny in {city}.", call_id=city))
    said = answer(lines, parallel_tool_calls=False)
    assert said == Reply("Here is what I found. It is sunny in Paris. It is sunny in London.")


CALL = Line("assistant", "", ToolCall("get_weather", {"city": "Paris"}), "c")
OUTPUT = Line("tool", '{"sky": "clear"}', call_id="c")
ASKED = Line("user", "What is the weather in Paris?")
THANKS = Line("user", "Thank you.")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([ASKED, CALL, OUTPUT], "Here is what I found. sky clear."),
        ([ASKED, CALL, OUTPUT, THANKS], "Here is what I found. sky clear. You are welcome."),
        ([ASKED, CALL, THANKS, OUTPUT], "Here is what I found. sky clear. You are welcome."),
        ([ASKED, CALL], "I am still waiting for the result."),
        ([ASKED, CALL, THANKS], "You are welcome."),
        ([ASKED, CALL, THANKS, Line("assistant", "You are welcome."), OUTPUT], "Here is what I found. sky clear."),
        ([ASKED, CALL, OUTPUT, Line("assistant", "It is clear."), THANKS], "You are welcome."),
        ([ASKED, CALL, Line("tool", '{"error": "No such city."}', call_id="c")],
         "Here is what I found. That did not work. No such city."),
        ([ASKED, CALL, Line("tool", '[{"a_b": 1}, {"a_b": [2, 3]}]', call_id="c")],
         "Here is what I found. a b 1; a b 2; 3."),
        ([ASKED, CALL, Line("tool", "[]", call_id="c")], "Here is what I found. nothing."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("choice", ["auto", "none"])
def test_outputs_are_reported_once_whenever_they_come(lines: list[Line], expected: str, choice: str) -> None:
    tools = EXAMPLES if choice == "auto" else []
    assert answer(lines, tools, tool_choice=choice) == Reply(expected)
