"""The newest events of a session, numbered, without audio and without keys; and what they say about items."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from ..protocol import Event, hide_keys, without_audio, without_keys
from .in_words import shortened

KEPT = 2_000
_MOST_FACTS = 1_000
_GIST_BYTES = 110
_JSON_BYTES = 15_000
_AUDIO = frozenset({"input_audio_buffer.append", "response.output_audio.delta"})
_PIECES = (".append", ".delta")
_STRANGE = (LookupError, TypeError, AttributeError, ValueError)

Direction = Literal["sent", "received"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are wanted.

    Attributes:
        direction: `sent`, `received`, or `both`.
        text: What the type must contain, in any case.
        errors_only: Only what went wrong.
        pieces: Also the pieces in which audio and words come: most events by far.
    """

    direction: Literal["sent", "received", "both"] = "both"
    text: str = ""
    errors_only: bool = False
    pieces: bool = False

    def shows(self, row: Row) -> bool:
        """Whether an event is wanted. The page's `shows` says the same."""
        return (
            self.direction in {"both", row.direction}
            and self.text.strip().lower() in row.type
            and (row.is_error or not self.errors_only)
            and (self.pieces or not row.type.endswith(_PIECES))
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One event.

    Attributes:
        number: From 1, in order.
        at_ms: Since the first event, in milliseconds.
        direction: Which way it went.
        event: Itself, without audio.
    """

    number: int
    at_ms: float
    direction: Direction
    event: Event

    @property
    def type(self) -> str:
        """Its type."""
        return str(self.event["type"])

    @property
    def is_error(self) -> bool:
        """Whether it tells that something went wrong."""
        response = self.event.get("response")
        failed = isinstance(response, dict) and response.get("status") == "failed"
        return self.type == "error" or self.type.endswith(".failed") or failed

    @property
    def wire(self) -> list[Any]:
        """The row as the page gets it."""
        return [self.number, round(self.at_ms), self.direction, self.type, self.gist, int(self.is_error)]

    @property
    def gist(self) -> str:
        """What it says, in a line."""
        try:
            gist = _gist(self.event)
        except _STRANGE:
            gist = "of a shape that is not known"
        return shortened(" ".join(hide_keys(gist).split()), _GIST_BYTES)

    @property
    def json(self) -> str:
        """The event as JSON; of a very long one the beginning."""
        text = orjson.dumps(without_keys(self.event), option=orjson.OPT_INDENT_2).decode()
        return shortened(text, _JSON_BYTES)


@dataclass
class Facts:
    """What events tell about items, beyond what a snapshot holds.

    Attributes:
        tokens: Of replies that were the only item of their response: tokens generated, as billed.
        pending: Items that were sent and are not acknowledged, with their roles or types.
        leaving: Items whose deletion is not acknowledged.
    """

    tokens: dict[str, int] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)
    leaving: dict[str, None] = field(default_factory=dict)
    _asked_by: dict[str, str] = field(default_factory=dict)

    def note(self, direction: Direction, event: Event) -> None:
        """Take in an event."""
        match direction, event["type"]:
            case "sent", "conversation.item.create" if "id" in event["item"]:
                item = event["item"]
                _remember(self.pending, item["id"], item.get("role") or item["type"])
                _remember(self._asked_by, event.get("event_id", ""), item["id"])
            case "sent", "conversation.item.delete":
                _remember(self.leaving, event["item_id"], None)
                _remember(self._asked_by, event.get("event_id", ""), event["item_id"])
            case "received", "conversation.item.added":
                self.pending.pop(event["item"]["id"], None)
            case "received", "conversation.item.deleted":
                self.leaving.pop(event["item_id"], None)
            case "received", "error":
                item_id = self._asked_by.pop((event.get("error") or {}).get("event_id") or "-", "")
                self.pending.pop(item_id, None)
                self.leaving.pop(item_id, None)
            case "received", "session.created":  # a new conversation: nothing is on its way to it
                self.pending.clear()
                self.leaving.clear()
            case "received", "response.done":
                output = event["response"].get("output") or []
                tokens = (event["response"].get("usage") or {}).get("output_tokens")
                if len(output) == 1 and tokens:
                    _remember(self.tokens, output[0]["id"], tokens)


class EventRecord:
    """A ring of the newest events: a trace for `session.watch_events`. Any thread may look at it.

    Args:
        news: Called after each event, on the session's loop.
        kept: How many events.
    """

    def __init__(self, news: Callable[[], object] = lambda: None, kept: int = KEPT) -> None:
        self.facts = Facts()
        self.sent = 0
        self.received = 0
        self.errors = 0
        self._news = news
        self._rows: deque[Row] = deque(maxlen=kept)
        self._first_s: float | None = None
        self._lock = threading.Lock()

    def __call__(self, direction: Direction, event: Event, at_s: float) -> None:
        """Note an event."""
        if self._first_s is None:
            self._first_s = at_s
        try:
            event = without_audio(event)
        except _STRANGE:  # a server that sends strange things is what an event log is for
            event = {"type": event["type"], "strange": shortened(repr(event), _JSON_BYTES)}
        row = Row(self.count + 1, (at_s - self._first_s) * 1000, direction, event)
        with self._lock:
            self._rows.append(row)
            with contextlib.suppress(*_STRANGE):
                self.facts.note(direction, event)
            if direction == "sent":
                self.sent += 1
            else:
                self.received += 1
            self.errors += row.is_error
        self._news()

    @property
    def count(self) -> int:
        """Events so far."""
        return self.sent + self.received

    def after(self, number: int, most: int | None = None) -> list[Row]:
        """Events after this number, oldest first, at most so many of them."""
        with self._lock:
            first = self._rows[0].number if self._rows else 1
            start = max(0, number + 1 - first)
            rows = list(self._rows)
        return rows[start : None if most is None else start + most]

    def find(self, number: int) -> Row | None:
        """An event by its number, while it is kept."""
        rows = self.after(number - 1, 1)
        return rows[0] if rows and rows[0].number == number else None


def _remember(record: dict[str, Any], key: str, value: Any) -> None:
    record[key] = value
    if len(record) > _MOST_FACTS:
        del record[next(iter(record))]


def _gist(event: Event) -> str:
    """What an event says, in a line."""
    kind = str(event["type"])
    if kind in _AUDIO:
        return str(event.get("audio") or event.get("delta"))
    if error := event.get("error"):
        return f"{error.get('code') or error.get('type') or 'error'}: {error.get('message') or 'no message'}"
    if isinstance(event.get("item"), dict):
        return _item_gist(event["item"])
    if isinstance(event.get("response"), dict):
        return _response_gist(event["response"])
    if isinstance(event.get("session"), dict):
        session = event["session"]
        return ", ".join(str(part) for part in (session.get("model"), *sorted(session)) if part)
    for name in ("transcript", "delta", "text", "arguments"):
        if event.get(name):
            return f"“{event[name]}”"
    told = {name: value for name, value in event.items() if name not in {"type", "event_id"}}
    return ", ".join(f"{name} {value}" for name, value in told.items() if isinstance(value, str | int | float))


def _item_gist(item: dict[str, Any]) -> str:
    parts = [part.get("text") or part.get("transcript") or part.get("type") for part in item.get("content") or ()]
    said = " ".join(str(part) for part in parts if part)
    said = said or item.get("arguments") or item.get("output") or ""
    return " ".join(str(part) for part in (item.get("role") or item.get("type"), item.get("name"), said) if part)


def _response_gist(response: dict[str, Any]) -> str:
    usage = response.get("usage") or {}
    read = usage.get("input_tokens")
    tokens = f"read {read:,}, wrote {usage.get('output_tokens', 0):,} tokens" if read is not None else ""
    reason = ((response.get("status_details") or {}).get("error") or {}).get("message") or ""
    return ", ".join(part for part in (response.get("status") or "asked for", tokens, reason) if part)
