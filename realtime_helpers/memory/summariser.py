"""What a writer of summaries is given, and what it gives back. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..conversation import Item, Turn, Usage

HEADING = "Memory of earlier turns:\n"
"""Stands before the summary in the system item, so that the model knows what it reads."""

WORD_FOR_WORD = "Word for word:"
"""Stands before turns that are kept as they were said."""

NOTHING_UNDERSTOOD = "(nothing understood)"
"""Stands for the words of a turn that nobody could make out."""

EARLIER = "Earlier summary:"
"""Stands before the summary that the new one replaces."""


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """What is to be summarised.

    Attributes:
        turns: Whole turns, oldest first, every word known.
        previous: Text of the summary that the new one replaces.
    """

    turns: tuple[Turn, ...]
    previous: str | None = None

    @property
    def item_ids(self) -> tuple[str, ...]:
        """Ids of the items that are still on the server, in order: what a writer could listen to there."""
        return tuple(item.id for turn in self.turns for item in turn.items if not item.deleted)

    @property
    def material(self) -> str:
        """The earlier summary and a transcript, as text for a writer."""
        parts = []
        if self.previous:
            parts.append(f"{EARLIER}\n{self.previous}\n")
        parts.append("Conversation:")
        parts += [line for turn in self.turns for item in turn.items if (line := transcript_line(item))]
        return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class Written:
    """A summary, and what writing it took.

    Attributes:
        text: The summary.
        usage: Tokens of the writer.
        model: Whose prices apply to them; `None` when it costs nothing.
    """

    text: str
    usage: Usage = field(default_factory=Usage)
    model: str | None = None


Summariser = Callable[[SummaryRequest], Awaitable[str | Written]]
"""Anything that writes a summary: an async function from a request to text, or to text with its cost."""

AskOutOfBand = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Ask the live session for a response outside of the conversation (reference §3.7).

Takes the `response` of a `response.create`; returns the `response` of its `response.done`, whatever its status.
"""


def memory_text(summary: str, verbatim: Iterable[Item]) -> str:
    """The text of a memory item.

    Args:
        summary: The summary; may be empty.
        verbatim: Items that stand word for word, oldest first.
    """
    lines = [line for item in verbatim if (line := transcript_line(item))]
    parts = [summary] if summary else []
    if lines:
        parts.append("\n".join([WORD_FOR_WORD, *lines]))
    return HEADING + "\n\n".join(parts or ["(Nothing was said.)"])


def transcript_line(item: Item) -> str:
    """One line of transcript; of an interrupted reply only what was heard. Empty for nothing to show.

    Calls and their outputs carry their call id: a summary must keep what is needed later.
    """
    if item.kind == "function_call":
        return f"Tool: called {item.name} with {_one_line(item.text)}{_call(item)}"
    if item.kind == "function_call_output":
        return f"Tool: answered {_one_line(item.text)}{_call(item)}"
    if item.role == "user":
        return f"User: {_one_line(item.text) or NOTHING_UNDERSTOOD}"
    text = _one_line(item.heard_text)
    speaker = "System" if item.role == "system" else "Assistant"
    return f"{speaker}: {text}" if text else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _call(item: Item) -> str:
    return f" (call id {item.call_id})" if item.call_id else ""
