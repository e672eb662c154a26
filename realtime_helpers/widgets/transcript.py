"""Both sides of a talk as they are said, with the summary where the turns stood that it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import traitlets

from ..conversation import Caption, CaptionState, Item
from ..memory import SummaryRecord
from ..session import Call, RealtimeSession, Snapshot
from .drawing import on_views_thread
from .in_words import counted, numbers, shortened
from .panel import Panel, script

NEWEST_LINES = 30
"""So many lines are sent to the page, at most: a long talk must not cost more with every word."""
_NEWEST_FOLDED = 20
_LINES_BYTES = 7_000
_FOLDED_BYTES = 3_000
_SUMMARY_BYTES = 2_000
_LINE_BYTES = 1_500
_CALL_BYTES = 200
_LATEST = 120

Line = dict[str, Any]


def transcript_picture(now: Snapshot, *, is_unfolded: bool = False) -> dict[str, Any]:
    """What a transcript shows: lines that stand in the conversation, and a fold for those that a summary stands for.

    Args:
        now: The session.
        is_unfolded: Whether the lines in the fold are wanted, too.
    """
    present = {item.id: item for item in now.items}
    record = next((record for record in reversed(now.summaries) if record.id in present), None)
    places = {item.id: (number, item) for number, turn in enumerate(now.turns, 1) for item in turn.items}
    standing: list[Caption] = []
    folded: list[Caption] = []
    for caption in now.captions:
        is_gone = record is not None and caption.id not in present and caption.id in places
        (folded if is_gone else standing).append(caption)
    calls = _calls_by_line(now)
    lines, earlier = _newest(standing, places, calls, NEWEST_LINES, _LINES_BYTES)
    fold = None if record is None else _fold(record, folded, places, calls, is_unfolded=is_unfolded)
    return {
        "lines": lines,
        "earlier": f"{counted(earlier, 'earlier line is', 'earlier lines are')} not shown here; "
        "session.snapshot.captions has them all." if earlier else "",
        "fold": fold,
        "sentence": _sentence(now, fold, lines),
    }  # fmt: skip


def _newest(
    captions: list[Caption],
    places: Mapping[str, tuple[int, Item]],
    calls: Mapping[str, list[Line]],
    most: int,
    most_bytes: int,
) -> tuple[list[Line], int]:
    """The newest lines that fit, oldest first, and how many are before them."""
    lines: list[Line] = []
    shown = 0
    for caption in reversed(captions):
        new = [_line(caption, *places.get(caption.id, (None, None))), *calls.get(caption.id, ())]
        most_bytes -= sum(len(line[part].encode()) for line in new for part in ("text", "rest") if part in line)
        if lines and (most_bytes < 0 or len(lines) + len(new) > most):
            break
        lines[:0] = new
        shown += 1
    return lines, len(captions) - shown


def _line(caption: Caption, turn: int | None, item: Item | None) -> Line:
    line: Line = {"id": caption.id, "who": "You" if caption.role == "user" else "Bot", "state": caption.state.value}
    if turn is not None:
        line["turn"] = turn
    if item is not None and not item.spoken and item.text:
        line["how"] = "typed" if caption.role == "user" else "written"
    line["text"] = shortened(caption.heard, _LINE_BYTES)
    rest = caption.text[len(caption.heard) :].strip() if caption.text.startswith(caption.heard) else ""
    if rest:
        line["rest"] = shortened(rest, _LINE_BYTES // 2)
    match caption.state:
        case CaptionState.INTERRUPTED:
            line["note"] = "interrupted; you did not hear" if rest else "interrupted"
        case CaptionState.FAILED:
            line["note"] = "said something that could not be understood"
        case CaptionState.PARTIAL:
            line["note"] = "is speaking" if caption.role == "assistant" or item is None else "words are on their way"
        case CaptionState.FINAL if rest:
            line["note"] = "is speaking"
    return line


def _calls_by_line(now: Snapshot) -> dict[str, list[Line]]:
    """Calls of tools, by the line after which they stand: that of the user who made the model call."""
    log: dict[str | None, Call] = {call.id: call for call in now.calls}
    found: dict[str, list[Line]] = {}
    if not log and not any(item.kind == "function_call" for item in now.items):
        return found
    for turn in now.turns:
        before = None
        for item in turn.items:
            if item.kind == "message" and item.role in {"user", "assistant"}:
                before = item.id
            elif item.kind == "function_call" and before is not None:
                found.setdefault(before, []).append(_call_line(item, log.get(item.call_id)))
    return found


def _call_line(item: Item, call: Call | None) -> Line:
    text = f"{item.name}({item.text})"
    if call is not None and call.output is not None:
        text += f" → {call.output}"
    state = call.state if call is not None else "not carried out here"
    took = "" if call is None or call.duration_ms is None else f" in {call.duration_ms:,.0f} ms"
    is_open = call is not None and call.state in {"running", "yours"}
    return {
        "id": item.id, "who": "Tool", "state": "partial" if is_open else "final",
        "text": shortened(text, _CALL_BYTES), "note": f"{state}{took}",
    }  # fmt: skip


def _fold(
    record: SummaryRecord,
    folded: list[Caption],
    places: Mapping[str, tuple[int, Item]],
    calls: Mapping[str, list[Line]],
    *,
    is_unfolded: bool,
) -> dict[str, Any]:
    turns = numbers(places[caption.id][0] for caption in folded)
    verbatim = numbers(places[item_id][0] for item_id in record.verbatim if item_id in places)
    stands = f"A summary stands for turn{'s' if not turns.isdigit() else ''} {turns}" if record.text else (
        f"Turns {turns} stand in one memory item"
    )  # fmt: skip
    if verbatim and record.text:
        stands += f"; of these, {verbatim} word for word"
    lines, earlier = _newest(folded, places, calls, _NEWEST_FOLDED, _FOLDED_BYTES) if is_unfolded else ([], len(folded))
    missing = f"{counted(earlier, 'more line')} before these." if is_unfolded and earlier else ""
    return {
        "id": record.id,
        "title": f"{stands} ({counted(len(folded), 'line')}).",
        "text": shortened(record.text or "Every turn in it stands word for word.", _SUMMARY_BYTES),
        "covers": f"What was said in turns {turns}:" if turns else "",
        "lines": lines,
        "earlier": missing,
        "is_unfolded": is_unfolded,
        "boundary": "Boundary: above it the model reads the summary, below it every word.",
    }


def _sentence(now: Snapshot, fold: dict[str, Any] | None, lines: Iterable[Line]) -> str:
    if not len(now.captions):
        return "Nothing was said yet."
    parts = [f"{counted(len(now.turns), 'turn')} so far, {counted(len(now.captions), 'line')}."]
    if fold is not None:
        parts.append(fold["title"])
    latest = next((line for line in reversed(list(lines)) if line["who"] != "Tool"), None)
    if latest is not None:
        words = latest["text"]
        words = f"{words[:_LATEST]}…" if len(words) > _LATEST or not words else words
        note = f" ({latest['note']})" if latest.get("note") else ""
        parts.append(f"{latest['who']}{note}: {words}")
    return " ".join(parts)


class Transcript(Panel):
    """Both sides as they are said. What you did not hear of a reply that you cut off is marked as such.

    A summary is a fold in the place of the turns that it stands for: open it to see them.

    Args:
        session: Whose talk is shown.
    """

    _esm = script("panel.js", "views.js", "transcript.js")
    _css = script("panel.css", "views.css")

    is_unfolded = traitlets.Bool().tag(sync=True)

    def __init__(self, session: RealtimeSession) -> None:
        self._session = session
        super().__init__(session)
        self.observe(self._on_fold, "is_unfolded")

    def draw(self, now: Snapshot) -> dict[str, Any]:
        """See `Panel.draw`."""
        return transcript_picture(now, is_unfolded=self.is_unfolded)

    def unfold(self) -> None:
        """Open the summary: what it stands for, turn by turn."""
        self.is_unfolded = True

    def fold(self) -> None:
        """Close the summary."""
        self.is_unfolded = False

    def _on_fold(self, _change: object) -> None:
        on_views_thread(lambda: self._look(self._session.snapshot))
