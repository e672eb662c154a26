"""What each summary stands for, which stands for an item now, and whether anything was lost. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..conversation import Item, Turn, Usage

Occasion = Literal["due", "asked", "undone", "reconnected"]
"""Why a memory item was made: the trigger, the user, an undo, or a new connection."""


@dataclass(frozen=True, slots=True)
class SummaryRecord:
    """One memory item: what it says, what it stands for, and what it did to the window.

    Attributes:
        id: Id of its system item.
        text: The summary; empty while everything stands word for word.
        covers: Ids of the items that left the conversation for it, in order.
        merges: Id of the earlier memory item that it took in, whose items it stands for too.
        window_before: Conversation tokens of the response before it.
        summarised: Ids of the items that its text was written from, besides the earlier text.
        verbatim: Ids of the items that stand in it word for word, in order.
        pinned: Those of them that an undo brought back: they are summarised again only when the user asks.
        layer: Id of the record whose writing `text` is; `None` for an empty text.
        beneath: Id of the record whose text that writing merged; undoing goes back to it.
        occasion: Why it was made.
        usage: Tokens that writing it took.
        model: Whose prices apply to them; `None` when it cost nothing.
        window_after: Conversation tokens of the first response after it; `None` until then.
        left_over: Items it covers that the server refused to delete: they stay verbatim as well.
    """

    id: str
    text: str
    covers: tuple[str, ...]
    merges: str | None
    window_before: int
    summarised: tuple[str, ...] = ()
    verbatim: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    layer: str | None = None
    beneath: str | None = None
    occasion: Occasion = "due"
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    window_after: int | None = None
    left_over: tuple[str, ...] = ()

    @property
    def is_summary(self) -> bool:
        """Whether turns were summarised; an undo or a new connection makes a memory item, too."""
        return self.occasion in ("due", "asked")


def covered_by(records: Sequence[SummaryRecord], on_server: Iterable[Item]) -> dict[str, str]:
    """For each covered item the id of the summary that stands for it now, following merges.

    Args:
        records: Summaries, oldest first.
        on_server: Items on the server now: a summary counts only while it is there.
    """
    present = {item.id for item in on_server}
    standing: dict[str, int] = {}  # for each summary the newest one on the server that took it in, or is it
    for number, record in reversed(tuple(enumerate(records))):
        if record.id in present:
            standing.setdefault(record.id, number)
        if record.merges and record.id in standing:
            standing[record.merges] = max(standing[record.id], standing.get(record.merges, 0))
    found: dict[str, int] = {}
    for record in records:
        if record.id in standing:
            newest = standing[record.id]
            found.update({item_id: max(newest, found.get(item_id, 0)) for item_id in record.covers})
    return {item_id: records[number].id for item_id, number in found.items()}


def lost_items(turns: Iterable[Turn], on_server: Sequence[Item], records: Sequence[SummaryRecord]) -> tuple[Item, ...]:
    """What was said and is neither on the server nor covered by a summary there. Always empty: that is the promise.

    A reply of which nothing was said, or nothing was heard, is nothing that could be lost.
    """
    safe = {item.id for item in on_server} | covered_by(records, on_server).keys()
    said = (
        item for turn in turns for item in turn.items
        if item.role == "user" or (item.role == "assistant" and item.heard_text)
    )  # fmt: skip
    return tuple(item for item in said if item.id not in safe)
