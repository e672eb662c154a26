"""Which summary stands for an item now, and whether anything was lost. Pure, and linear in what was covered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..conversation import Item, Turn
from .compactor import SummaryRecord


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
    """What was said and is neither on the server nor covered by a summary there. Always empty: that is the promise."""
    safe = {item.id for item in on_server} | covered_by(records, on_server).keys()
    said = (item for turn in turns for item in turn.items if item.role in {"user", "assistant"})
    return tuple(item for item in said if item.id not in safe)
