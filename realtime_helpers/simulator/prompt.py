"""What a responder is given to read, and the calls it may decide on: plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ToolCall:
    """A decision to call a declared function."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Line:
    """One item of the context window.

    Attributes:
        role: Who: `user`, `assistant`, `system`, or `tool` for the output of a function.
        text: What can be read of it; empty when there is nothing to read.
        call: The function call that an assistant line stands for.
        call_id: Ties a function call to the `tool` line with its output.
        images: Pictures of a user line, as `data:` URLs.
    """

    role: Literal["user", "assistant", "system", "tool"]
    text: str
    call: ToolCall | None = None
    call_id: str | None = None
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """Everything a response may be based on.

    Attributes:
        lines: The context window, oldest first.
        instructions: The session's or the response's.
        tools: Declared functions; none when `tool_choice` is `none`.
        tool_choice: `auto`, `required`, or the name of the function that must be called as `{"type", "name"}`.
        parallel_tool_calls: Whether several calls may be made at once.
        max_output_tokens: Upper limit, or `None`.
        is_task: Whether it stands outside the conversation, with instructions of its own: work to do, not talk.
        json_schema: What the answer must look like, with a `name` and a `schema`; `None`: plain text.
    """

    lines: Sequence[Line]
    instructions: str = ""
    tools: Sequence[dict[str, Any]] = ()
    tool_choice: str | dict[str, Any] = "auto"
    parallel_tool_calls: bool = True
    max_output_tokens: int | None = None
    is_task: bool = False
    json_schema: dict[str, Any] | None = None
