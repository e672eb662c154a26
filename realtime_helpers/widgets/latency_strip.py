"""How quickly a talk goes, turn by turn."""

from __future__ import annotations

from typing import Any

from ..session import MEASURES, Samples, Snapshot
from .in_words import counted
from .panel import Panel, script

NEWEST_TURNS = 60
_NEWEST_VALUES = 2 * NEWEST_TURNS  # a turn may have two replies
_NAMES = {
    "first_audio": "first audio", "first_sound": "first sound", "silence": "barge-in to silence",
    "transcript": "transcript delay",
}  # fmt: skip


def latency_picture(now: Snapshot) -> dict[str, Any]:
    """What a latency strip shows: the waits of the newest turns, and figures over all of them. In milliseconds."""
    newest = now.turns[-NEWEST_TURNS:]
    first = len(now.turns) - len(newest) + 1
    turn_of = {item.id: number for number, turn in enumerate(newest, first) for item in turn.items}
    rows = []
    for measure in MEASURES:
        if measure.name not in _NAMES:
            continue
        samples: Samples = getattr(now.latency, measure.name)
        rows.append({
            "name": _NAMES[measure.name],
            "title": measure.title,
            "dots": [
                [turn_of[item_id], round(ms, 1)]
                for item_id, ms in zip(samples.item_ids[-_NEWEST_VALUES:], samples.ms[-_NEWEST_VALUES:], strict=True)
                if item_id in turn_of
            ],
            "count": samples.count,
            "median": _rounded(samples.median),
            "p95": _rounded(samples.p95),
            "longest": _rounded(samples.longest),
            "if_none": measure.if_none,
        })  # fmt: skip
    return {
        "rows": rows,
        "turns": [first, max(first, len(now.turns))],
        "earlier": first - 1,
        "sentence": _sentence(now, rows),
    }


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 1)


def _sentence(now: Snapshot, rows: list[dict[str, Any]]) -> str:
    told = [
        f"{row['name']}: median {row['median']:,.0f} ms, 95th percentile {row['p95']:,.0f} ms ({row['count']:,})"
        for row in rows
        if row["count"]
    ]
    unseen = [f"{row['name']} ({row['if_none']})" for row in rows if not row["count"]]
    if not told:
        return "No wait was measured yet."
    parts = [f"{told[0][0].upper()}{'; '.join(told)[1:]}."]
    if unseen:
        parts.append(f"Not measured: {'; '.join(unseen)}.")
    if now.latency.replies:
        parts.append(f"{now.latency.interrupted:,} of {counted(now.latency.replies, 'reply', 'replies')} interrupted.")
    return " ".join(parts)


class LatencyStrip(Panel):
    """First audio, first sound, barge-in to silence and transcript delay, a dot for each turn.

    Args:
        session: Whose waits are shown.
    """

    _esm = script("panel.js", "views.js", "latency_strip.js")
    _css = script("panel.css", "views.css")

    def draw(self, now: Snapshot) -> dict[str, Any]:
        """See `Panel.draw`."""
        return latency_picture(now)
