"""Items and turns: what a conversation is made of. Immutable values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

SUMMARY_ID_PREFIX = "sum_"
"""Ids of our own summary items start like this, so that they are known again after a reconnect."""


class Transcript(Enum):
    """What is known of the words in an item."""

    PENDING = "pending"
    """Spoken by the user; the transcription has not come yet."""
    FINAL = "final"
    """Known. Typed items are always in this state."""
    FAILED = "failed"
    """The transcription failed and will not come."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the conversation, as far as it is known now.

    Attributes:
        id: The server's id.
        kind: `message`, `function_call`, `function_call_output`, or another type the server named.
        role: `user`, `assistant`, `system`; `None` for function items.
        status: `in_progress`, `completed` or `incomplete` (cut off).
        text: Words typed, transcribed or generated so far; for function items their arguments or output.
        spoken: Whether it holds audio.
        transcript: What is known of its words.
        audio_ms: Length of its audio; of a reply, what was received.
        heard_ms: Where an interrupted reply was cut; `None` when it was not.
        call_id: Pairs a function call with its output.
        name: Name of the called function.
        deleted: Whether it has left the server's conversation.
    """

    id: str
    kind: str
    role: Literal["user", "assistant", "system"] | None
    status: str = "completed"
    text: str = ""
    spoken: bool = False
    transcript: Transcript = Transcript.FINAL
    audio_ms: float = 0.0
    heard_ms: int | None = None
    call_id: str | None = None
    name: str | None = None
    deleted: bool = False

    def grown(self, text: str = "", audio_ms: float = 0.0) -> Item:
        """The same with more at its end. Done for every delta, so by hand: `replace` takes twice as long."""
        return Item(
            self.id, self.kind, self.role, self.status, self.text + text, self.spoken or audio_ms > 0, self.transcript,
            self.audio_ms + audio_ms, self.heard_ms, self.call_id, self.name, self.deleted,
        )  # fmt: skip

    @property
    def is_summary(self) -> bool:
        """Whether this is one of our summaries."""
        return self.role == "system" and self.id.startswith(SUMMARY_ID_PREFIX)

    @property
    def is_whole_call(self) -> bool:
        """Whether it is a function call that can be carried out: one that was cut off cannot."""
        return self.kind == "function_call" and self.status == "completed"

    @property
    def is_known(self) -> bool:
        """Whether its words are known."""
        return self.transcript is Transcript.FINAL

    @property
    def heard_text(self) -> str:
        """The words that were heard: of an interrupted reply, the share of its text that was played.

        The protocol gives no word times, so the cut is proportional to time and falls on a word boundary.
        """
        if self.heard_ms is None or self.audio_ms <= 0:
            return self.text
        return words_until(self.heard_ms, self.text, self.audio_ms)


def words_until(heard_ms: float, text: str, audio_ms: float) -> str:
    """The whole words of a reply that fall into the first `heard_ms` of its audio, in proportion to time."""
    if heard_ms >= audio_ms:
        return text
    end = int(len(text) * heard_ms / audio_ms)
    if end < len(text) and not text[end].isspace():
        end = text.rfind(" ", 0, end) + 1
    return text[:end].rstrip()


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user said, and everything that answers it until the user speaks again."""

    items: tuple[Item, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of its items, in order."""
        return tuple(item.id for item in self.items)

    @property
    def user_text(self) -> str:
        """The user's words; several items in a row are joined."""
        return " ".join(item.text for item in self.items if item.role == "user").strip()

    @property
    def assistant_text(self) -> str:
        """The assistant's words that were heard."""
        return " ".join(item.heard_text for item in self.items if item.role == "assistant").strip()

    @property
    def is_settled(self) -> bool:
        """Whether nothing of it is still being made: replies ended, every call has its output.

        A call that was cut off is never carried out, so it gets none.
        """
        return not self.open_calls and not self.is_growing

    @property
    def open_calls(self) -> frozenset[str | None]:
        """Ids of calls whose outputs are not in it."""
        return frozenset(item.call_id for item in self.items if item.is_whole_call) - self.answered_calls

    @property
    def answered_calls(self) -> frozenset[str | None]:
        """Ids of calls whose outputs are in it."""
        return frozenset(item.call_id for item in self.items if item.kind == "function_call_output")

    @property
    def is_growing(self) -> bool:
        """Whether something of it is still being said."""
        return any(item.status == "in_progress" for item in self.items)

    @property
    def is_answered(self) -> bool:
        """Whether the assistant said something after the user's last words."""
        roles = [item.role for item in self.items if item.role in {"user", "assistant"}]
        return not roles or roles[-1] == "assistant"

    @property
    def pending(self) -> tuple[Item, ...]:
        """User items whose words are not known yet."""
        return tuple(item for item in self.items if item.transcript is Transcript.PENDING)

    @property
    def is_readable(self) -> bool:
        """Whether the words of every item are known."""
        return all(item.is_known for item in self.items)


def group_turns(items: tuple[Item, ...]) -> tuple[Turn, ...]:
    """Group items into turns. Summaries belong to no turn; other items before the first user item form one."""
    turns: list[list[Item]] = []
    for item in items:
        if item.is_summary:
            continue
        begins = item.role == "user" and (not turns or any(other.role != "user" for other in turns[-1]))
        if begins or not turns:
            turns.append([])
        turns[-1].append(item)
    return tuple(Turn(tuple(group)) for group in turns)
