"""Which declared functions a sentence asks for: words of their names, arguments found in the sentence. Pure."""

from __future__ import annotations

import re
from typing import Any

from .prompt import Prompt, ToolCall
from .words import NUMBERS, STOP_WORDS, words_of

Tool = dict[str, Any]


def choose_calls(question: str, prompt: Prompt) -> tuple[ToolCall, ...]:
    """The calls to make, in the order of the sentence; none when nothing fits and nothing is forced."""
    tools = [tool for tool in prompt.tools if tool.get("type") == "function"]
    if not tools:
        return ()
    if prompt.tool_choice != "auto":
        return (_forced_call(question, tools, prompt.tool_choice),)
    calls = _calls_of_clauses(question, tools) if prompt.parallel_tool_calls else []
    if len(calls) < 2:
        tool = _best_tool(question, tools)
        arguments = _arguments(question, tool) if tool else None
        calls = [ToolCall(tool["name"], arguments)] if tool and arguments is not None else calls
    return tuple(calls)


def _calls_of_clauses(question: str, tools: list[Tool]) -> list[ToolCall]:
    """Calls for "the weather in Lisbon and in Paris" or "turn on the lights and get the weather in Rome"."""
    calls: list[ToolCall] = []
    current: Tool | None = None
    for clause in re.split(r"\band\b|\bthen\b|,", question):
        own = _best_tool(clause, tools)
        current = own or current
        arguments = _arguments(clause, current) if current else None
        if current is None or arguments is None or (own is None and not _names_a_value(clause, current)):
            continue
        call = ToolCall(current["name"], arguments)
        if call not in calls:
            calls.append(call)
    return calls


def _forced_call(question: str, tools: list[Tool], choice: str | dict[str, Any]) -> ToolCall:
    named = next((tool for tool in tools if isinstance(choice, dict) and tool["name"] == choice.get("name")), None)
    tool = named or _best_tool(question, tools) or tools[0]
    arguments = _arguments(question, tool)
    if arguments is None:  # it must call, whatever was said: the sentence itself is all there is
        arguments = {name: _any_value(question, schema) for name, schema in _needed(tool)}
    return ToolCall(tool["name"], arguments)


def _best_tool(question: str, tools: list[Tool]) -> Tool | None:
    asked = set(words_of(question)) - STOP_WORDS
    best = max(tools, key=lambda tool: len(asked & _name_words(tool)))
    return best if asked & _name_words(best) else None


def _name_words(tool: Tool) -> set[str]:
    return set(words_of(re.sub(r"[_-]|(?<=[a-z])(?=[A-Z])", " ", tool["name"]))) - STOP_WORDS


def _needed(tool: Tool) -> list[tuple[str, dict[str, Any]]]:
    schema = tool.get("parameters") or {}
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    required = schema.get("required", list(properties))
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return [(name, prop if isinstance(prop := properties.get(name), dict) else {}) for name in names]


def _arguments(question: str, tool: Tool) -> dict[str, Any] | None:
    """Values for the required parameters, found in the sentence; `None` when one is not there."""
    values = {name: _value(question, schema) for name, schema in _needed(tool)}
    return None if None in values.values() else values


def _names_a_value(clause: str, tool: Tool) -> bool:
    return any(
        "enum" not in schema and schema.get("type") != "boolean" and _value(clause, schema) is not None
        for _, schema in _needed(tool)
    )


def _value(question: str, schema: dict[str, Any]) -> Any:
    lower = question.lower()
    options = schema.get("enum")
    if isinstance(options, list) and options:
        return next((option for option in options if str(option).lower() in lower), options[0])
    match schema.get("type", "string"):
        case "number" | "integer" as kind:
            found = re.search(r"-?\d{1,15}(?:\.\d+)?", lower)
            if found:
                return int(float(found[0])) if kind == "integer" else float(found[0])
            return next((NUMBERS[word] for word in words_of(question) if word in NUMBERS), None)
        case "boolean":
            return " not " not in f" {lower} "
        case _:
            place = r"\b(?:in|for|to|at|about) ([^\W\d_][\w' -]*?)(?: today| tomorrow| now| please)*[.?!]*\s*$"
            found = re.search(place, lower)
            return found[1].strip().title() if found else None


def _any_value(question: str, schema: dict[str, Any]) -> Any:
    found = _value(question, schema)
    if found is not None:
        return found
    return 0 if schema.get("type") in {"number", "integer"} else question
