"""What is behind a talk: the server's conversation item by item, and every event both ways."""

from __future__ import annotations

from typing import Any, Literal

import traitlets

from ..conversation import Item, Transcript
from ..errors import SettingsError
from ..memory import estimate_item_tokens
from ..protocol import hide_keys
from ..runtime import background_loop
from ..session import RealtimeSession, Snapshot
from ..session.views import VIEWS_THREAD
from .drawing import Soon
from .event_record import EventRecord, Facts, Filter, Row
from .in_words import counted
from .panel import Panel, script

NEWEST_ITEMS = 40
_BATCH = 80
"""Events in one message to the page: 12 kB. At 20 messages a second that is more than a session makes."""
_WORDS = 70


def inspector_picture(now: Snapshot, facts: Facts) -> dict[str, Any]:
    """What an inspector shows of the conversation: its newest items, and how they stand.

    Args:
        now: The session.
        facts: What the events told besides.
    """
    shown = now.items[-NEWEST_ITEMS:]
    present = {item.id for item in now.items}
    pending = {item_id: kind for item_id, kind in facts.pending.items() if item_id not in present}
    rows = [_row(number, item, facts) for number, item in enumerate(shown, len(now.items) - len(shown) + 1)]
    rows += [
        {"number": "–", "id": item_id, "role": kind, "type": "", "tokens": "", "audio": "", "words": "",
         "state": "pending: sent, not acknowledged"}
        for item_id, kind in list(pending.items())[-NEWEST_ITEMS // 4 :]
    ]  # fmt: skip
    earlier = len(now.items) - len(shown)
    said = {"of yours": "user", "of the bot": "assistant", "of the system": "system"}
    count = {who: sum(item.role == role for item in now.items) for who, role in said.items()}
    count["of tools"] = sum(item.role is None for item in now.items)
    whose = ", ".join(f"{number:,} {who}" for who, number in count.items() if number)
    sentence = f"The server holds {counted(len(now.items), 'item')}{': ' if whose else ''}{whose}."
    if now.responses:
        sentence += f" The latest response read {counted(now.window_tokens, 'conversation token')}."
    if pending:
        sentence += f" {counted(len(pending), 'item')} not acknowledged yet."
    return {
        "items": rows,
        "earlier": f"{counted(earlier, 'item')} before these: session.snapshot.items has them all." if earlier else "",
        "sentence": sentence,
    }


def _row(number: int, item: Item, facts: Facts) -> dict[str, Any]:
    counted_tokens = facts.tokens.get(item.id) if item.heard_ms is None else None  # a cut one is smaller now
    estimate = estimate_item_tokens(item)
    words = hide_keys(" ".join(part for part in (item.name, item.heard_text) if part))
    return {
        "number": number,
        "id": item.id,
        "role": "summary" if item.is_summary else item.role or "tool",
        "type": item.kind,
        "tokens": f"{counted_tokens:,} counted" if counted_tokens else f"≈ {estimate:,}",
        "audio": f"{_heard_ms(item) / 1000:.1f} s" if item.spoken else "",
        "state": _state(item, facts),
        "words": words if len(words) <= _WORDS else f"{words[:_WORDS]}…",
    }


def _heard_ms(item: Item) -> float:
    return item.audio_ms if item.heard_ms is None else min(item.heard_ms, item.audio_ms)


def _state(item: Item, facts: Facts) -> str:
    if item.id in facts.leaving:
        return "pending: being deleted"
    if item.status == "in_progress":
        return "being said"
    if item.transcript is Transcript.PENDING:
        return "acknowledged; words pending"
    if item.transcript is Transcript.FAILED:
        return "acknowledged; words unknown"
    if item.heard_ms is not None and item.heard_ms < item.audio_ms:
        return f"acknowledged; cut at {item.heard_ms / 1000:.1f} s"
    return "acknowledged"


class Inspector(Panel):
    """The server's conversation, and every event both ways from when the inspector was made.

    Filter the events in the page, or with `filter`; open one to see its JSON. Audio is left out, and so are keys.

    Args:
        session: What is looked into.
    """

    _esm = script("panel.js", "views.js", "inspector.js")
    _css = script("panel.css", "views.css")

    filters = traitlets.Dict().tag(sync=True)
    """What the page shows: see `Filter`."""
    log_sentence = traitlets.Unicode("No event yet.").tag(sync=True)
    """The event log in words."""

    def __init__(self, session: RealtimeSession) -> None:
        self._tell_soon = Soon(self._tell)
        self.record = EventRecord(self._tell_soon)
        """The newest events."""
        self._told = 0
        self.filters = {"direction": "both", "text": "", "errors_only": False, "pieces": False}
        super().__init__(session)
        self.on_msg(self._on_message)
        self._hear_no_more = session.watch_events(self.record)

    def draw(self, now: Snapshot) -> dict[str, Any]:
        """See `Panel.draw`."""
        return inspector_picture(now, self.record.facts)

    def filter(
        self,
        direction: Literal["sent", "received", "both"] = "both",
        text: str = "",
        *,
        errors_only: bool = False,
        pieces: bool = False,
    ) -> list[Row]:
        """Set the filters of the page.

        Args:
            direction: Which way events went.
            text: What their type must contain.
            errors_only: Only what went wrong.
            pieces: Also the pieces in which audio and words come.

        Returns:
            The events that it shows now, oldest first.

        Raises:
            SettingsError: There is no such direction.
        """
        if direction not in {"sent", "received", "both"}:
            raise SettingsError(f"There is no direction {direction!r}.", 'Use "sent", "received" or "both".')
        self.filters = {"direction": direction, "text": text, "errors_only": errors_only, "pieces": pieces}
        return self.events

    @property
    def events(self) -> list[Row]:
        """The events that pass the filters, oldest first."""
        wanted = Filter(**self.filters)
        return [row for row in self.record.after(0) if wanted.shows(row)]

    def json(self, number: int) -> str:
        """The JSON of an event, as the page gets it when somebody opens it.

        Raises:
            SettingsError: There is none of this number, or not any more.
        """
        row = self.record.find(number)
        if row is None:
            raise SettingsError(
                f"Event {number} is not kept.", f"The newest {len(self.record.after(0)):,} are: see inspector.events."
            )
        return row.json

    def _on_message(self, _widget: object, content: Any, _buffers: object) -> None:
        match content:
            case {"kind": "hello", "after": int(number)}:
                background_loop(VIEWS_THREAD).call(self._send_again_after, number)  # not in the middle of a batch
            case {"kind": "open", "number": int(number)}:
                try:
                    text = self.json(number)
                except SettingsError as error:
                    text = f"{error.what} {error.next_step}"
                self.send({"kind": "json", "number": number, "text": text})

    def _send_again_after(self, number: int) -> None:
        self._told = min(self._told, number)  # a page that came later gets what it missed
        self._tell_soon()

    def _tell(self) -> None:
        """Send the page what it has not seen."""
        record = self.record
        rows = record.after(self._told, _BATCH)
        if rows:
            self._told = rows[-1].number
            self.send({"kind": "events", "rows": [row.wire for row in rows]})
        self.log_sentence = (
            f"{counted(record.count, 'event')}: {record.sent:,} sent, {record.received:,} received, "
            f"{counted(record.errors, 'error')}."
        )
        if self._told < record.count:
            self._tell_soon()

    def close(self) -> None:
        """See `Panel.close`."""
        self._hear_no_more()
        self._tell_soon.end()
        super().close()
