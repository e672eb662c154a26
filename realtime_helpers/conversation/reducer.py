"""The conversation as the server's events describe it. No I/O, no clock: `apply(event)` and look.

Rules that clients get wrong, and that this file keeps (reference §3, pitfalls 2, 12 and 20):
items are announced twice (`added`, `done`) and stand where `previous_item_id` of `added` says; transcripts come
when they like, even before the item and after its deletion; a response may hold calls, text, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from ..audio.formats import AUDIO_FORMATS, PCM16, AudioFormat
from ..protocol.frames import Event
from .history import History
from .items import Item, Transcript, Turn, group_turns
from .usage import Ledger, LedgerEntry, Usage, estimate_prefix_tokens


@dataclass(frozen=True, slots=True)
class _Words:
    """A transcript that may arrive before its item."""

    text: str = ""
    state: Transcript = Transcript.PENDING


_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Conversation:
    """Mirror of the server's conversation, plus everything that was ever in it."""

    def __init__(self) -> None:
        self.session: dict[str, Any] = {}
        self.ledger = Ledger()
        self.active_response_id: str | None = None
        self.user_is_speaking = False
        self.turn_is_open = False
        """Push-to-talk: the user holds the button, or what was said is not committed yet. The session sets it."""
        self.unplaced_items = 0
        """Items whose `previous_item_id` was unknown here: above zero, local and server order may differ."""
        self._items = History()
        self._order: list[str] = []
        self._standing: list[Item] | None = None  # the items in that order, as of the last look; None: other ones now
        self._words: dict[str, _Words] = {}
        self._speech_start_ms: dict[str, int] = {}
        self._speech_ms: dict[str, float] = {}
        self._awaited_response: str | None = None
        self._put_back: set[str] = set()
        self._reply_formats: dict[str, AudioFormat] = {}
        self._has_unread = False

    # -- looking --------------------------------------------------------------------------------------

    @property
    def items(self) -> tuple[Item, ...]:
        """Items on the server now, in the server's order. Costs what changed, and a copy of a list."""
        if self._standing is None:
            self._standing = [self._items[item_id] for item_id in self._order]
        else:
            for item in map(self._items.__getitem__, self._items.changed):
                if not item.deleted:
                    self._standing[_last_place(self._order, item.id)] = item
        self._items.changed.clear()
        return tuple(self._standing)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """Turns on the server now."""
        return group_turns(self.items)

    @property
    def all_turns(self) -> Sequence[Turn]:
        """Every turn there ever was, deleted ones included. Costs what changed, not what there is."""
        return self._items.turns

    @property
    def item_ids(self) -> tuple[str, ...]:
        """Ids of the items on the server now, in order."""
        return tuple(self._order)

    def find(self, item_id: str) -> Item | None:
        """An item by id, also after its deletion."""
        return self._items.get(item_id)

    def early_words(self, item_id: str) -> tuple[str, Transcript]:
        """Words of the user that came before their item."""
        words = self._words.get(item_id, _Words())
        return words.text, words.state

    @property
    def is_quiet(self) -> bool:
        """Whether the conversation may be edited: nobody speaks, and no response runs or is due (§7.3)."""
        return not self.user_is_speaking and not self.turn_is_open and not self.reply_is_due

    @property
    def reply_is_due(self) -> bool:
        """Whether a response runs, or was asked for."""
        return self.active_response_id is not None or self._awaited_response is not None

    @property
    def awaits_speech(self) -> bool:
        """Whether the response that is due answers speech that has not become an item yet."""
        return self._awaited_response in self._speech_ms

    @property
    def has_unread(self) -> bool:
        """Whether the user said something since the latest response was asked for."""
        return self._has_unread

    def reply_format(self, response_id: str) -> AudioFormat:
        """How the audio of a response is encoded."""
        return self._reply_formats.get(response_id) or _format_in(self.session.get("audio"), "output")

    @property
    def has_assistant_audio(self) -> bool:
        """Whether the server holds speech of the assistant; after a lost line it holds its words only."""
        return any(item.role == "assistant" and item.spoken and item.id not in self._put_back for item in self.items)

    # -- changing -------------------------------------------------------------------------------------

    def note_sent(self, event: Event) -> None:
        """Take note of an event on its way: a `response.create` makes a response due, a recording has a length."""
        if event["type"] == "response.create" and (event.get("response") or {}).get("conversation") != "none":
            self._awaited_response = event.get("event_id") or "client"
            self._has_unread = False
        elif event["type"] == "conversation.item.create" and "id" in event["item"]:
            audio = [part["audio"] for part in event["item"].get("content") or () if part["type"] == "input_audio"]
            if audio:
                wire = _format_in(self.session.get("audio"), "input")
                self.note_speech(event["item"]["id"], sum(map(_decoded_length, audio)) / wire.bytes_per_ms)

    def note_speech(self, item_id: str, length_ms: float) -> None:
        """Note how long a turn is that the server has not measured: it tells no offsets of what a client commits."""
        if length_ms:
            self._speech_ms.setdefault(item_id, length_ms)

    def note_heard(self, item_id: str, heard_ms: int) -> bool:
        """Note where a reply is being cut off: the line may be lost before the server confirms it.

        Returns:
            Whether the server has its sound, and can be told. One that came back as text after a lost line stays whole.
        """
        item = self._items.get(item_id)
        if item is None or item.deleted or item_id in self._put_back:
            return False
        self._items[item_id] = replace(item, heard_ms=heard_ms)
        return True

    def line_lost(self) -> None:
        """The connection is gone, and with it the server's conversation; what was said stays in the history."""
        for item_id in self._order:
            item = self._items[item_id]
            self._items[item_id] = replace(
                item,
                deleted=True,
                status="incomplete" if item.status == "in_progress" else item.status,
                transcript=Transcript.FAILED if item.transcript is Transcript.PENDING else item.transcript,
            )
        for record in (self._order, self._words, self._speech_start_ms, self._speech_ms, self._reply_formats):
            record.clear()
        self._standing = None
        self.active_response_id = self._awaited_response = None
        self.user_is_speaking = False

    def apply(self, event: Event) -> None:
        """Take in one server event. Unknown events and fields are ignored."""
        handler = self._HANDLERS.get(event["type"])
        if handler is not None:
            handler(self, event)

    def _on_session(self, event: Event) -> None:
        self.session = event["session"]
        if not self._turn_detection:
            self.user_is_speaking = False  # nobody will tell when speech ends

    def _on_speech_started(self, event: Event) -> None:
        self.user_is_speaking = True
        self._speech_start_ms[event["item_id"]] = event["audio_start_ms"]

    def _on_speech_stopped(self, event: Event) -> None:
        self.user_is_speaking = False
        start_ms = self._speech_start_ms.pop(event["item_id"], event["audio_end_ms"])
        self._speech_ms[event["item_id"]] = event["audio_end_ms"] - start_ms
        if self._turn_detection.get("create_response"):
            self._awaited_response = event["item_id"]

    def _on_speech_taken(self, _event: Event) -> None:
        self.user_is_speaking = False

    @property
    def detects_turns(self) -> bool:
        """Whether the server tells when the user begins and ends to speak."""
        return bool(self._turn_detection)

    @property
    def interrupts_replies(self) -> bool:
        """Whether the server cancels a reply when the user begins to speak."""
        return bool(self._turn_detection.get("interrupt_response"))

    @property
    def _turn_detection(self) -> dict[str, Any]:
        return self.session.get("audio", {}).get("input", {}).get("turn_detection") or {}

    def _on_added(self, event: Event) -> None:
        wire = event["item"]
        item_id = wire["id"]
        known = self._items.get(item_id)
        if known is not None and not known.deleted:
            return
        position = self._position_after(event.get("previous_item_id"))
        self._has_unread |= known is None and wire.get("role") == "user"
        if known is not None:
            self._put_back.add(item_id)
            self._items[item_id] = _restored(known, wire)
        else:
            words = self._words.pop(item_id, None)
            item = _from_wire(wire, audio_ms=self._speech_ms.pop(item_id, 0.0))
            if words is not None:
                item = replace(item, text=words.text, transcript=words.state)
            # the history also holds deleted items, so a place in it is found by the item that follows
            self._items.add(item, before=self._order[position] if position < len(self._order) else None)
        self._order.insert(position, item_id)
        self._standing = None

    def _position_after(self, previous: str | None) -> int:
        if previous is None:
            return 0
        if previous not in self._order:
            self.unplaced_items += 1
            return len(self._order)
        return self._order.index(previous) + 1

    def _on_item_done(self, event: Event) -> None:
        wire = event["item"]
        known = self._items.get(wire["id"])
        if known is None:
            self._on_added(event)
            return
        if known.id in self._put_back:
            return  # the history knows better what it was
        done = _from_wire(wire, audio_ms=known.audio_ms)
        if known.role == "user":
            done = replace(done, text=known.text or done.text, transcript=known.transcript)
        elif not done.text:
            done = replace(done, text=known.text)
        self._items[known.id] = replace(done, heard_ms=known.heard_ms, deleted=known.deleted)

    def _on_deleted(self, event: Event) -> None:
        item_id = event["item_id"]
        if item_id in self._items:
            self._items[item_id] = replace(self._items[item_id], deleted=True)
        if item_id in self._order:
            self._order.remove(item_id)
            self._standing = None

    def _on_truncated(self, event: Event) -> None:
        self._change(event["item_id"], heard_ms=event["audio_end_ms"])

    def _on_user_words(self, event: Event, *, state: Transcript) -> None:
        item_id = event["item_id"]
        item = self._items.get(item_id)
        before = (item.text if item else self._words.get(item_id, _Words()).text) or ""
        known = item.transcript if item else self._words.get(item_id, _Words()).state
        if known is Transcript.FINAL:
            return
        text = event.get("transcript", before + event.get("delta", ""))
        if item is None:
            self._words[item_id] = _Words(text, state)
        else:
            self._items[item_id] = replace(item, text=text, transcript=state)

    def _on_reply_delta(self, event: Event) -> None:
        item = self._items.get(event["item_id"])
        if item is not None:
            self._items[item.id] = item.grown(text=event["delta"])

    def _on_reply_text_done(self, event: Event) -> None:
        self._change(event["item_id"], text=event.get("transcript", event.get("text", "")))

    def _on_reply_audio(self, event: Event) -> None:
        item = self._items.get(event["item_id"])
        if item is not None:
            wire = self.reply_format(event.get("response_id", ""))
            self._items[item.id] = item.grown(audio_ms=_decoded_length(event["delta"]) / wire.bytes_per_ms)

    def _on_response_created(self, event: Event) -> None:
        response = event["response"]
        if response.get("conversation_id") is not None:
            self.active_response_id = response["id"]
            self._awaited_response = None
            self._has_unread = False
            if (response.get("audio") or {}).get("output"):
                self._reply_formats[response["id"]] = _format_in(response["audio"], "output")

    def _on_response_done(self, event: Event) -> None:
        response = event["response"]
        self._reply_formats.pop(response["id"], None)
        out_of_band = response.get("conversation_id") is None
        if response["id"] == self.active_response_id:
            self.active_response_id = None
            self._awaited_response = None  # a turn that ended meanwhile gets a response of its own, announced anew
        usage = Usage.from_wire(response.get("usage"))
        own = max(0, usage.input_tokens - estimate_prefix_tokens(self.session))
        self.ledger.record(LedgerEntry(response["id"], response["status"], usage, out_of_band, own))

    def _on_error(self, event: Event) -> None:
        if self._awaited_response is not None and event["error"].get("event_id") == self._awaited_response:
            self._awaited_response = None

    def _change(self, item_id: str, **fields: Any) -> None:
        if item_id in self._items:
            self._items[item_id] = replace(self._items[item_id], **fields)

    _HANDLERS: ClassVar[dict[str, Callable[[Conversation, Event], None]]] = {
        "session.created": _on_session,
        "session.updated": _on_session,
        "input_audio_buffer.speech_started": _on_speech_started,
        "input_audio_buffer.speech_stopped": _on_speech_stopped,
        "input_audio_buffer.committed": _on_speech_taken,
        "input_audio_buffer.cleared": _on_speech_taken,
        "conversation.item.added": _on_added,
        "conversation.item.done": _on_item_done,
        "conversation.item.deleted": _on_deleted,
        "conversation.item.truncated": _on_truncated,
        f"{_TRANSCRIPTION}.delta": partial(_on_user_words, state=Transcript.PENDING),
        f"{_TRANSCRIPTION}.completed": partial(_on_user_words, state=Transcript.FINAL),
        f"{_TRANSCRIPTION}.failed": partial(_on_user_words, state=Transcript.FAILED),
        "response.created": _on_response_created,
        "response.output_audio_transcript.delta": _on_reply_delta,
        "response.output_audio_transcript.done": _on_reply_text_done,
        "response.output_text.delta": _on_reply_delta,
        "response.output_text.done": _on_reply_text_done,
        "response.output_audio.delta": _on_reply_audio,
        "response.function_call_arguments.delta": _on_reply_delta,
        "response.done": _on_response_done,
        "error": _on_error,
    }  # fmt: skip


def _format_in(audio: dict[str, Any] | None, side: str) -> AudioFormat:
    """The format of one side of a session or response; PCM16 where nothing is said of it."""
    wire = ((audio or {}).get(side) or {}).get("format") or {}
    return AUDIO_FORMATS.get(wire.get("type", PCM16.name), PCM16)


def _decoded_length(audio: str) -> int:
    """Bytes in a base64 text."""
    return len(audio) * 3 // 4 - audio[-2:].count("=")


def _restored(known: Item, wire: dict[str, Any]) -> Item:
    """An item that is put back under its old id: it stays what it was, whatever form it comes back in."""
    is_spoken_again = not known.is_known and any(part["type"] == "input_audio" for part in wire.get("content") or ())
    transcript = Transcript.PENDING if is_spoken_again else known.transcript
    return replace(known, deleted=False, transcript=transcript)


def _from_wire(wire: dict[str, Any], *, audio_ms: float) -> Item:
    parts = wire.get("content") or []
    spoken = any(str(part.get("type", "")).endswith("audio") for part in parts)
    text = " ".join(part.get("text") or part.get("transcript") or "" for part in parts).strip()
    waits_for_words = spoken and wire.get("role") == "user" and not text
    return Item(
        id=wire["id"],
        kind=wire["type"],
        role=wire.get("role"),
        status=wire.get("status") or "completed",
        text=text or wire.get("arguments") or wire.get("output") or "",
        spoken=spoken,
        transcript=Transcript.PENDING if waits_for_words else Transcript.FINAL,
        audio_ms=audio_ms,
        call_id=wire.get("call_id"),
        name=wire.get("name"),
    )


def _last_place(order: list[str], item_id: str) -> int:
    """Found from the end: what changes stands there."""
    return next(place for place in range(len(order) - 1, -1, -1) if order[place] == item_id)
