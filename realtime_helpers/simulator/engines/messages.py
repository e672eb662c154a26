"""A prompt in the words of the chat completions API. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ..prompt import Line, Prompt

Json = dict[str, Any]


def messages_of(prompt: Prompt) -> list[Json]:
    """Messages for a prompt.

    Instructions and the system lines that open the context (a summary) become one system message: many chat
    templates allow just one, and only first. Calls in a row become one assistant message, directly followed by
    their outputs, as the API demands; an output whose call was deleted is told as a system message.
    """
    lines = list(prompt.lines)
    opening = [prompt.instructions]
    while lines and lines[0].role == "system":
        opening.append(lines.pop(0).text)
    messages: list[Json] = []
    if text := "\n\n".join(part for part in opening if part):
        messages.append({"role": "system", "content": text})
    called = {line.call_id for line in lines if line.call}
    outputs = {line.call_id: line.text for line in lines if line.role == "tool"}
    for index, line in enumerate(lines):
        if line.call:
            if index == 0 or not lines[index - 1].call:
                messages += _call_messages(lines[index:], outputs)
        elif line.role == "tool":
            if line.call_id not in called:
                messages.append({"role": "system", "content": f"A function returned: {line.text}"})
        elif line.role == "user" and line.images:
            messages.append({"role": "user", "content": _parts(line)})
        elif line.text:
            messages.append({"role": line.role, "content": line.text})
    return messages


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
    if prompt.max_output_tokens is not None:
        options["max_tokens"] = prompt.max_output_tokens  # the older name: every compatible server knows it
    return options
