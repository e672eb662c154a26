"""A prompt in the words of the chat completions API. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ..prompt import Line, Prompt

Json = dict[str, Any]


def messages_of(prompt: Prompt) -> list[Json]:
    """Messages for a prompt.

    Instructions and everything the system says become one system message: the chat templates of many models allow
    just one, and only first. Calls in a row become one assistant message, directly followed by their outputs, as
    the API demands; an output whose call was deleted is told by the system.
    """
    called = {line.call_id for line in prompt.lines if line.call}
    outputs = {line.call_id: line.text for line in prompt.lines if line.role == "tool"}
    system = [prompt.instructions]
    messages: list[Json] = []
    before: Line | None = None
    for index, line in enumerate(prompt.lines):
        if line.call:
            if before is None or not before.call:
                messages += _call_messages(prompt.lines[index:], outputs)
        elif line.role == "tool":
            if line.call_id not in called:
                system.append(f"A function returned: {line.text}")
        elif line.role == "system":
            system.append(line.text)
        elif line.images:
            messages.append({"role": line.role, "content": _parts(line)})
        elif line.text:
            messages.append({"role": line.role, "content": line.text})
        before = line
    text = "\n\n".join(part for part in system if part)
    return [{"role": "system", "content": text}, *messages] if text else messages


def _call_messages(lines: Sequence[Line], outputs: dict[str | None, str]) -> list[Json]:
    calls: list[Json] = []
    for line in lines:
        if line.call is None:
            break
        function = {"name": line.call.name, "arguments": orjson.dumps(line.call.arguments).decode()}
        calls.append({"id": line.call_id or line.call.name, "type": "function", "function": function})
    tools = [
        {"role": "tool", "tool_call_id": call["id"], "content": outputs.get(call["id"], "No output yet.")}
        for call in calls
    ]
    return [{"role": "assistant", "content": None, "tool_calls": calls}, *tools]


def _parts(line: Line) -> list[Json]:
    text = [{"type": "text", "text": line.text}] if line.text else []
    return [*text, *({"type": "image_url", "image_url": {"url": image}} for image in line.images)]


def options_of(prompt: Prompt) -> Json:
    """Tools, the choice among them and the limit, where the prompt has them."""
    options: Json = {}
    tools = [tool for tool in prompt.tools if tool.get("type") == "function"]
    if tools:
        names = ("name", "description", "parameters")
        options["tools"] = [
            {"type": "function", "function": {name: tool[name] for name in names if tool.get(name) is not None}}
            for tool in tools
        ]
        choice = prompt.tool_choice
        if isinstance(choice, dict):
            options["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
        elif choice != "auto":  # the default; some servers know no other and refuse the word
            options["tool_choice"] = choice
        if not prompt.parallel_tool_calls:
            options["parallel_tool_calls"] = False
    if prompt.json_schema is not None:
        options["response_format"] = {"type": "json_schema", "json_schema": prompt.json_schema}
    if prompt.max_output_tokens is not None:
        options["max_tokens"] = prompt.max_output_tokens  # the older name: every compatible server knows it
    return options
