"""When to summarise and what: a pure decision from the conversation to a plan."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from ..conversation import Conversation, Item, Transcript, Turn, estimate_text_tokens
from ..errors import SettingsError

_USER_TOKENS_PER_SECOND = 10
_ASSISTANT_TOKENS_PER_SECOND = 20


def estimate_item_tokens(item: Item) -> int:
    """What an item adds to the window (reference §4.1). An estimate; audio dominates it."""
    text = 0 if item.spoken and item.role == "user" else estimate_text_tokens(item.text)
    per_second = _ASSISTANT_TOKENS_PER_SECOND if item.role == "assistant" else _USER_TOKENS_PER_SECOND
    audio_ms = item.audio_ms if item.heard_ms is None else min(item.heard_ms, item.audio_ms)
    return text + int(audio_ms / 1000 * per_second)


class Trigger(Protocol):
    """Says when a summary is due. Pure: it looks at the conversation and nothing else."""

    def is_due(self, conversation: Conversation) -> bool:
        """Asked once after each response that measured the window."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What a summary should cover.

    Attributes:
        turns: Whole old turns, oldest first.
        previous: The summary that stands now, to be merged and replaced.
    """

    turns: tuple[Turn, ...]
    previous: Item | None

    @property
    def pending(self) -> tuple[Item, ...]:
        """User items among the turns whose words are not known yet."""
        return tuple(item for turn in self.turns for item in turn.pending)


@dataclass(frozen=True)
class SummaryPolicy:
    """Summarise when the window reaches `trigger_tokens`; leave the newest `keep_turns` turns as they are.

    Attributes:
        trigger_tokens: Conversation tokens (instructions and tools not counted) of a response that set it off.
        keep_turns: Whole turns that stay verbatim; at least one, because the newest may still be playing.
        least_saving_tokens: Do nothing when less than this would go: otherwise kept turns that are larger than
            the trigger would be summarised again at every response. Default: a quarter of the trigger.

    Raises:
        SettingsError: A value that cannot work.
    """

    trigger_tokens: int = 2_000
    keep_turns: int = 2
    least_saving_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.trigger_tokens < 1:
            raise SettingsError(
                f"trigger_tokens is {self.trigger_tokens}.", "Use a positive number of tokens, such as 2000."
            )
        if self.keep_turns < 1:
            raise SettingsError(
                f"keep_turns is {self.keep_turns}: the newest turn may still be playing.",
                "Use 1 or more turns, such as 2.",
            )

    def is_due(self, conversation: Conversation) -> bool:
        """Whether the window has reached the trigger."""
        return conversation.ledger.window_tokens >= self.trigger_tokens

    def plan(self, conversation: Conversation, given_up: Collection[str] = ()) -> Plan | None:
        """What to summarise now; `None` when too little would go.

        Args:
            conversation: What there is.
            given_up: Ids of items whose words were waited for in vain: their turns stay until the words come.
        """
        turns = conversation.turns
        old = map(_without_system, turns[: max(0, len(turns) - self.keep_turns)])
        covered = tuple(turn for turn in old if turn.items and turn.is_settled and _may_be_read(turn, given_up))
        saving = sum(estimate_item_tokens(item) for turn in covered for item in turn.items)
        least = self.trigger_tokens // 4 if self.least_saving_tokens is None else self.least_saving_tokens
        if not covered or saving < least:
            return None
        return Plan(covered, next((item for item in conversation.items if item.is_summary), None))


def _may_be_read(turn: Turn, given_up: Collection[str]) -> bool:
    """Whether the words are known, or may still come."""
    failed = any(item.transcript is Transcript.FAILED for item in turn.items)
    return not failed and not any(item.id in given_up for item in turn.pending)


def _without_system(turn: Turn) -> Turn:
    """System items that are not ours are instructions to the model: they stay."""
    return Turn(tuple(item for item in turn.items if item.role != "system"))
