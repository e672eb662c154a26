"""Which declared functions a sentence asks for: words of their names, arguments found in the sentence. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .prompt import Line, Prompt, ToolCall
from .words import NUMBERS, STOP_WORDS, words_of

Tool = dict[str, Any]
Schema = dict[str, Any]

_PLACES = frozenset("city cities place places location locations town country where".split())
_POLITE = frozenset("thanks thank please okay ok hello bye goodbye also too then".split())
_UNITS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_ONES = {word: number for number, word in enumerate(_UNITS.split())} | {"a": 1, "an": 1}
_TENS = {
    word: 10 * number for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_SPAN = re.compile(
    rf"(?:\b(?:in|for|after|within)\s+)?\b(?P<half>half\s+)?"
    rf"(?P<amount>\d{{1,6}}(?:\.\d+)?|(?:(?:{'|'.join(_TENS)})(?:[\s-](?:{'|'.join(_ONES)}))?)|(?:{'|'.join(_ONES)}))"
    rf"[\s-]+(?P<unit>{'|'.join(_SECONDS)})s?\b",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r".*\b(?:in|for|to|at|about|of) ([^\W\d_][\w' -]*?)"
    r"(?: today| tomorrow| right now| now| please| and thanks)*[.?!]*\s*$"
)
_MATTER = re.compile(r"\b(?:to|about|that|of|for|in|at) (.+?)(?:,? please)?[\s.?!]*$", re.IGNORECASE)


def choose_calls(question: str, prompt: Prompt) -> tuple[ToolCall, ...]:
    """The calls to make now, in the order of the sentence; none when nothing fits and nothing is forced.

    What was called already since the sentence was said is not called again; where only one call at a time is allowed,
    the next one is made when the last one has its output.
    """
    tools = [tool for tool in prompt.tools if tool.get("type") == "function"]
    if not tools:
        return ()
    if prompt.tool_choice != "auto":
        return (_forced_call(question, tools, prompt.tool_choice),)
    tool = _best_tool(question, tools)
    calls = [] if tool and _takes_a_list(tool) else _calls_of_clauses(question, tools)
    if len(calls) < 2:
        arguments = _arguments(question, tool) if tool else None
        calls = [ToolCall(tool["name"], arguments)] if tool and arguments is not None else calls
    made = [line.call for line in calls_since_question(prompt.lines)]
    calls = [call for call in calls if call not in made]
    return tuple(calls if prompt.parallel_tool_calls else calls[:1])


def calls_since_question(lines: Sequence[Line]) -> list[Line]:
    """The calls that were made since the user last said something."""
    last = max((place for place, line in enumerate(lines) if line.role == "user"), default=-1)
    return [line for line in lines[last + 1 :] if line.call is not None]


def _calls_of_clauses(question: str, tools: list[Tool]) -> list[ToolCall]:
    """Calls for "the weather in Lisbon and Paris" or "turn on the lights and get the weather in Rome"."""
    calls: list[ToolCall] = []
    current: Tool | None = None
    for clause in re.split(r"\band\b|\bthen\b|,", question):
        own = _best_tool(clause, tools)
        if own is None and calls and _is_bare_name(clause):
            clause = f"in {clause.strip()}"  # noqa: PLW2901 - said like the one before
        current = own or current
        arguments = _arguments(clause, current) if current else None
        if current is None or arguments is None or (own is None and not _names_a_value(clause, current)):
            continue
        call = ToolCall(current["name"], arguments)
        if call not in calls:
            calls.append(call)
    return calls


def _is_bare_name(clause: str) -> bool:
    words = words_of(clause)
    return 0 < len(words) <= 3 and not set(words) & (STOP_WORDS | _POLITE)


def _forced_call(question: str, tools: list[Tool], choice: str | dict[str, Any]) -> ToolCall:
    named = next((tool for tool in tools if isinstance(choice, dict) and tool["name"] == choice.get("name")), None)
    tool = named or _best_tool(question, tools) or tools[0]
    arguments = _arguments(question, tool)
    if arguments is None:  # it must call, whatever was said: the sentence itself is all there is
        required, _ = _parameters(tool.get("parameters"))
        arguments = {name: _any_value(question, name, schema) for name, schema in required.items()}
    return ToolCall(tool["name"], arguments)


def _best_tool(question: str, tools: list[Tool]) -> Tool | None:
    asked = set(words_of(question)) - STOP_WORDS
    best = max(tools, key=lambda tool: len(asked & _name_words(tool)))
    return best if asked & _name_words(best) else None


def _name_words(tool: Tool) -> set[str]:
    return _split_name(tool["name"]) - STOP_WORDS


def _split_name(name: str) -> set[str]:
    return set(words_of(re.sub(r"[_-]|(?<=[a-z])(?=[A-Z])", " ", name)))


def _parameters(schema: object, definitions: Schema | None = None) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """Those that are required, and those that may be left out."""
    schema = schema if isinstance(schema, dict) else {}
    definitions = definitions or schema.get("$defs")
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    listed = schema.get("required", list(properties))
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    required = {name: _plain(properties.get(name), definitions) for name in names}
    return required, {name: _plain(properties[name], definitions) for name in properties if name not in names}


def _plain(schema: object, definitions: object) -> Schema:
    """A schema without references and without `null` among its choices."""
    if not isinstance(schema, dict):
        return {}
    choices = schema.get("anyOf")
    if isinstance(choices, list):
        real = [one for one in choices if isinstance(one, dict) and one.get("type") != "null"]
        schema = real[0] if real else {}
    name = schema.get("$ref")
    if isinstance(name, str) and isinstance(definitions, dict):
        name = name.rpartition("/")[2]
        schema = found if isinstance(found := definitions.get(name), dict) else {}
        definitions = {other: one for other, one in definitions.items() if other != name}  # a type may hold itself
    if "const" in schema:
        schema = {**schema, "enum": [schema["const"]]}
    return {**schema, "$defs": definitions} if isinstance(definitions, dict) else schema


def _arguments(question: str, tool: Tool) -> dict[str, Any] | None:
    """Values found in the sentence; `None` when one that is required is not there."""
    required, optional = _parameters(tool.get("parameters"))
    named = {}
    for name, schema in optional.items():
        if (option := _named_option(question, schema)) is not None:
            named[name] = option
            question = re.sub(rf"(?:\bin )?\b{re.escape(str(option))}\b", "", question, flags=re.IGNORECASE)
        elif schema.get("type") == "string" and _is_place(name) and (place := _value(question, name, schema)):
            named[name] = place
    values = {name: _value(question, name, schema) for name, schema in required.items()}
    return None if None in values.values() else values | named


def _named_option(question: str, schema: Schema) -> Any:
    """The option of a parameter that may be left out, where the sentence says it."""
    options = schema.get("enum")
    asked = words_of(question)
    return next((one for one in options if str(one).lower() in asked), None) if isinstance(options, list) else None


def _takes_a_list(tool: Tool) -> bool:
    required, _ = _parameters(tool.get("parameters"))
    return any(schema.get("type") == "array" for schema in required.values())


def _names_a_value(clause: str, tool: Tool) -> bool:
    required, _ = _parameters(tool.get("parameters"))
    return any(
        "enum" not in schema and schema.get("type") != "boolean" and _value(clause, name, schema) is not None
        for name, schema in required.items()
    )


def _is_place(name: str) -> bool:
    return bool(_split_name(name) & _PLACES)


def _value(question: str, name: str, schema: Schema) -> Any:
    lower = question.lower()
    options = schema.get("enum")
    if isinstance(options, list) and options:
        return next((option for option in options if str(option).lower() in lower), options[0])
    match schema.get("type", "string"):
        case "number" | "integer" as kind:
            number = _number(lower, name)
            return int(number) if number is not None and kind == "integer" else number
        case "boolean":
            return " not " not in f" {lower} "
        case "array":
            items = _plain(schema.get("items"), schema.get("$defs"))
            parts = [part if _PLACE.search(part.lower()) else f"in {part}" for part in re.split(r"\band\b|,", question)]
            values = [_value(part.replace("  ", " "), name, items) for part in parts]
            return values if values and None not in values else None
        case "object":
            return _arguments(question, {"parameters": schema})
        case _ if _is_place(name):
            found = _PLACE.search(lower)
            return found[1].strip().title() if found else None
        case _:
            found = _MATTER.search(" ".join(_SPAN.sub(" ", question).split()))
            return found[1].strip() if found else None


def _number(lower: str, name: str) -> float | None:
    unit = next((unit for unit in _SECONDS if {unit, f"{unit}s"} & _split_name(name)), None)
    if unit is not None:
        found = _SPAN.search(lower)
        return _seconds(found) / _SECONDS[unit] if found else None
    if found := re.search(r"-?\d{1,15}(?:\.\d+)?", lower):
        return float(found[0])
    return next((NUMBERS[word] for word in words_of(lower) if word in NUMBERS), None)


def _seconds(span: re.Match[str]) -> float:
    amount = span["amount"]
    if not amount[0].isdigit():
        amount = str(sum(_TENS.get(word, 0) + _ONES.get(word, 0) for word in re.split(r"[\s-]", amount)))
    return float(amount) * _SECONDS[span["unit"]] * (0.5 if span["half"] else 1)


def _any_value(question: str, name: str, schema: Schema) -> Any:
    found = _value(question, name, schema)
    if found is not None:
        return found
    return 0 if schema.get("type") in ("number", "integer") else question
