"""Captions of both sides, one line an item, in the order in which each was first heard of. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, ClassVar, Literal

from .frozen_view import FrozenView
from .items import Item, Transcript, words_until
from .reducer import Conversation

_RECENT = 100
"""Captions that may change without a copy of all others."""
_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class CaptionState(Enum):
    """What is to be expected of a caption."""

    PARTIAL = "partial"
    """Words are still to come."""
    FINAL = "final"
    """Every word is here. Of a reply, the last of them may still be about to sound."""
    FAILED = "failed"
    """The user said something, and what it was will not be known."""
    INTERRUPTED = "interrupted"
    """A reply that ended before its end: `text` was generated, `heard` was heard. The user cut it off, or it reached
    `max_output_tokens`, a filter or the end of the line: what ended it other than the user is told as a problem."""


@dataclass(frozen=True, slots=True)
class Caption:
    """What one side said.

    Attributes:
        id: Of the item; also while the user still speaks and there is none yet.
        role: Who said it.
        text: Words typed, understood or generated so far.
        heard: The same for the user; of a reply, the words that have sounded so far.
        state: What is to be expected of it.
    """

    id: str
    role: Literal["user", "assistant"]
    text: str
    heard: str
    state: CaptionState

    def __str__(self) -> str:
        return _line(self, self.heard)


def captions_text(captions: Iterable[Caption], *, show: Literal["heard", "generated"] = "heard") -> str:
    """Captions as plain text, a line each; what was heard to be nothing has none.

    Args:
        captions: Such as `session.snapshot.captions`.
        show: Words of a reply as they are heard, or as they are generated, which is seconds earlier.
    """
    shown = ((caption, caption.heard if show == "heard" else caption.text) for caption in captions)
    return "\n".join(_line(caption, words) for caption, words in shown if words or not _says_nothing(caption))


def _says_nothing(caption: Caption) -> bool:
    return caption.state is CaptionState.FINAL and not caption.text


def _line(caption: Caption, words: str) -> str:
    match caption.state:
        case CaptionState.FAILED:
            end = "[not understood]"
        case CaptionState.INTERRUPTED:
            end = "[interrupted]"
        case CaptionState.PARTIAL:
            end = "…"
        case CaptionState.FINAL:
            end = "…" if len(words) < len(caption.text) else ""
    return f"{'you' if caption.role == 'user' else 'bot'}  {f'{words} {end}'.strip()}"


class Captions:
    """The captions of a conversation: a list that only grows, but for speech that came to nothing.

    A line has its place from the moment its speech begins: `speech_started` names the coming item. So the user's
    line stands before the reply to it, though its words come later. Nothing ever changes places.

    Args:
        conversation: Takes in every event first.
        heard_ms: How many milliseconds of a reply have sounded; without it every reply counts as heard when it comes.
    """

    def __init__(self, conversation: Conversation, heard_ms: Callable[[str], float] | None = None) -> None:
        self._conversation = conversation
        self._heard_ms = heard_ms
        self._made: list[Caption] = []
        self._shared = 0
        self._view: FrozenView[Caption] = FrozenView([])
        self._places: dict[str, int] = {}
        self._stale: set[str] = set()
        self._unsettled: set[str] = set()
        self._sounding: set[str] = set()
        self._uncommitted: dict[str, bool] = {}  # speech by the id of its coming item, and whether it has ended
        self._came_to_nothing: set[str] = set()

    @property
    def view(self) -> Sequence[Caption]:
        """The captions as they are now; the sequence never changes. Costs what changed since the last look."""
        if self._stale or self._sounding:
            changed = [self._refresh(item_id) for item_id in self._stale | self._sounding]
            self._stale.clear()
            if any(changed):
                self._make_view()
        return self._view

    def apply(self, event: dict[str, Any]) -> None:
        """Take in a server event that the conversation has already taken in."""
        handler = self._HANDLERS.get(event["type"])
        if handler is not None:
            handler(self, event)

    def line_lost(self) -> None:
        """The conversation has lost its line: what became no item will be said again, under another id."""
        for item_id in list(self._unsettled):
            if self._conversation.find(item_id) is None:
                self._drop(item_id)
        self._uncommitted.clear()
        self._came_to_nothing.clear()
        self._stale |= self._unsettled

    # -- places ---------------------------------------------------------------------------------------

    def _on_speech_started(self, event: dict[str, Any]) -> None:
        self._forget_speech()
        self._uncommitted[event["item_id"]] = False
        self._reserve(event["item_id"], "user")

    def _on_speech_stopped(self, event: dict[str, Any]) -> None:
        if event["item_id"] in self._uncommitted:
            self._uncommitted[event["item_id"]] = True

    def _on_committed(self, event: dict[str, Any]) -> None:
        self._uncommitted.pop(event["item_id"], None)
        self._forget_speech()  # what else was begun is in this audio
        self._reserve(event["item_id"], "user")

    def _on_session(self, _event: dict[str, Any]) -> None:
        if not self._conversation.detects_turns:
            self._forget_speech()  # nobody will tell its end

    def _on_cleared(self, _event: dict[str, Any]) -> None:
        self._forget_speech(ended_too=True)

    def _forget_speech(self, *, ended_too: bool = False) -> None:
        for item_id, has_ended in list(self._uncommitted.items()):
            if ended_too or not has_ended:
                del self._uncommitted[item_id]
                self._came_to_nothing.add(item_id)
                self._drop(item_id)

    def _on_user_words(self, event: dict[str, Any]) -> None:
        if event["item_id"] not in self._came_to_nothing:
            self._reserve(event["item_id"], "user")

    def _on_item(self, event: dict[str, Any]) -> None:
        item = self._conversation.find(event["item"]["id"])
        if item is not None and item.kind == "message" and item.role in {"user", "assistant"}:
            self._uncommitted.pop(item.id, None)
            self._reserve(item.id, "user" if item.role == "user" else "assistant")

    def _on_reply(self, event: dict[str, Any], *, sounds: bool = False) -> None:
        item_id = event["item_id"]
        if item_id in self._places:  # otherwise it is outside of the conversation
            self._stale.add(item_id)
            if sounds and self._heard_ms is not None:
                self._sounding.add(item_id)

    def _reserve(self, item_id: str, role: Literal["user", "assistant"]) -> None:
        self._stale.add(item_id)
        if item_id not in self._places:
            self._came_to_nothing.discard(item_id)
            self._places[item_id] = len(self._made)
            self._made.append(Caption(item_id, role, "", "", CaptionState.PARTIAL))
            self._unsettled.add(item_id)
            self._make_view()

    def _drop(self, item_id: str) -> None:
        place = self._places.pop(item_id, None)
        if place is None:
            return
        self._own(place)
        del self._made[place]
        self._shared = min(self._shared, len(self._made))
        for later in self._made[place:]:
            self._places[later.id] -= 1
        for record in (self._stale, self._unsettled, self._sounding):
            record.discard(item_id)
        self._make_view()

    # -- captions -------------------------------------------------------------------------------------

    def _refresh(self, item_id: str) -> bool:
        """Say a caption anew; whether it is another one now."""
        place = self._places[item_id]
        before = self._made[place]
        item = self._conversation.find(item_id)
        if item is None:
            text, transcript = self._conversation.early_words(item_id)
            now = Caption(item_id, before.role, text, text, _USER_STATES[transcript])
        elif before.role == "user":
            now = Caption(item_id, before.role, item.text, item.text, _USER_STATES[item.transcript])
        else:
            now = Caption(item_id, before.role, item.text, self._heard(item, before), _reply_state(item))
        if now == before:
            return False
        self._own(place)
        self._made[place] = now
        if now.state is CaptionState.PARTIAL:
            self._unsettled.add(item_id)
        else:
            self._unsettled.discard(item_id)
        return True

    def _heard(self, item: Item, before: Caption) -> str:
        if item.heard_ms is not None:
            if item.status != "in_progress":
                self._sounding.discard(item.id)
            return item.heard_text
        if self._heard_ms is None or item.id not in self._sounding:
            return item.text
        heard_ms = self._heard_ms(item.id)
        if heard_ms >= int(item.audio_ms) and item.status != "in_progress":
            self._sounding.discard(item.id)
            return item.text
        heard = words_until(heard_ms, item.text, item.audio_ms) if item.audio_ms else ""
        # text runs ahead of its audio, so the share falls when more audio comes: a word that was shown stays
        return before.heard if len(heard) < len(before.heard) and item.text.startswith(before.heard) else heard

    def _own(self, place: int) -> None:
        if place < self._shared:
            self._made = list(self._made)  # views hold the old list

    def _make_view(self) -> None:
        if len(self._made) > self._shared + 2 * _RECENT:
            self._shared = len(self._made) - _RECENT
        self._view = FrozenView(self._made, self._shared)

    _HANDLERS: ClassVar[dict[str, Callable[[Captions, dict[str, Any]], None]]] = {
        "session.updated": _on_session,
        "input_audio_buffer.speech_started": _on_speech_started,
        "input_audio_buffer.speech_stopped": _on_speech_stopped,
        "input_audio_buffer.committed": _on_committed,
        "input_audio_buffer.cleared": _on_cleared,
        "conversation.item.added": _on_item,
        "conversation.item.done": _on_item,
        "conversation.item.truncated": _on_reply,
        f"{_TRANSCRIPTION}.delta": _on_user_words,
        f"{_TRANSCRIPTION}.completed": _on_user_words,
        f"{_TRANSCRIPTION}.failed": _on_user_words,
        "response.output_audio_transcript.delta": partial(_on_reply, sounds=True),
        "response.output_audio_transcript.done": partial(_on_reply, sounds=True),
        "response.output_audio.delta": partial(_on_reply, sounds=True),
        "response.output_text.delta": _on_reply,
        "response.output_text.done": _on_reply,
    }


_USER_STATES = {
    Transcript.PENDING: CaptionState.PARTIAL,
    Transcript.FINAL: CaptionState.FINAL,
    Transcript.FAILED: CaptionState.FAILED,
}


def _reply_state(item: Item) -> CaptionState:
    if item.status == "incomplete" or (item.heard_ms is not None and item.heard_ms < item.audio_ms):
        return CaptionState.INTERRUPTED
    return CaptionState.PARTIAL if item.status == "in_progress" else CaptionState.FINAL
