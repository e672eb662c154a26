"""When to summarise and what: pure decisions from the conversation to a plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..conversation import Conversation, Item, Transcript, Turn, estimate_text_tokens
from ..errors import SettingsError
from .triggers import AtTokens, Trigger, check_against
from .values import check_whole_number, is_number

_USER_TOKENS_PER_SECOND = 10
_ASSISTANT_TOKENS_PER_SECOND = 20


def estimate_item_tokens(item: Item) -> int:
    """What an item adds to the window (reference §4.1). An estimate; audio dominates it."""
    text = 0 if item.spoken and item.role == "user" else estimate_text_tokens(item.text)
    per_second = _ASSISTANT_TOKENS_PER_SECOND if item.role == "assistant" else _USER_TOKENS_PER_SECOND
    audio_ms = item.audio_ms if item.heard_ms is None else min(item.heard_ms, item.audio_ms)
    return text + int(audio_ms / 1000 * per_second)


def _turn_tokens(turn: Turn) -> int:
    return sum(estimate_item_tokens(item) for item in turn.items)


def _word_tokens(turn: Turn) -> int:
    """What a turn adds as words alone."""
    return sum(estimate_text_tokens(item.heard_text) for item in turn.items)


@dataclass(frozen=True, slots=True)
class Standing:
    """The memory item that stands now.

    Attributes:
        item_id: Its id; `None` while there is none.
        summary: Its summary.
        verbatim: Turns that stand in it word for word, oldest first.
        pinned: Ids of items among them that an undo brought back.
    """

    item_id: str | None = None
    summary: str = ""
    verbatim: tuple[Turn, ...] = ()
    pinned: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """What should leave the conversation.

    Attributes:
        turns: Whole old turns that leave it, oldest first.
        standing: The memory item that the new one replaces.
        verbatim_tokens: How much may stand word for word in the new one.
        unpins: Whether turns that an undo brought back may be summarised again.
    """

    turns: tuple[Turn, ...]
    standing: Standing
    verbatim_tokens: float = 0
    unpins: bool = False

    @property
    def pending(self) -> tuple[Item, ...]:
        """User items among the turns whose words may still come."""
        return tuple(item for turn in self.turns for item in turn.pending)

    def divide(self, turns: Iterable[Turn]) -> tuple[tuple[Turn, ...], tuple[Turn, ...]]:
        """Which turns to summarise, and which to keep word for word, both oldest first.

        Nothing is summarised while all fits; then enough that half of the room is free again: a writer that were
        called for every single turn would cost more than it saves.

        Args:
            turns: Those of the plan, as they are known now.
        """
        candidates = (*self.standing.verbatim, *turns)
        pinned = set() if self.unpins else self.standing.pinned
        free = [turn for turn in candidates if not pinned & set(turn.ids)]
        if sum(map(_word_tokens, free)) <= self.verbatim_tokens:
            return (), candidates
        kept: set[str] = set()
        room = self.verbatim_tokens / 2
        for turn in reversed(free):
            room -= _word_tokens(turn)
            if room < 0:
                break
            kept.update(turn.ids)
        summarised = tuple(turn for turn in free if not kept & set(turn.ids))
        gone = {item_id for turn in summarised for item_id in turn.ids}
        return summarised, tuple(turn for turn in candidates if not gone & set(turn.ids))


@dataclass(frozen=True)
class SummaryPolicy:
    """Replace old turns by a memory item when the window reaches a trigger; leave the newest turns as they are.

    Three tiers: the newest turns stay as they were said; older ones may stand word for word, as text, in the memory
    item (`verbatim_tokens`); the oldest are summarised there.

    Attributes:
        trigger_tokens: Conversation tokens (instructions and tools not counted) of a response that set it off.
        keep_turns: Whole turns that stay; at least one, because the newest may still be playing.
        keep_tokens: Keep more than `keep_turns`: as many whole turns as fit in so many tokens.
        verbatim_tokens: Tokens of words that older turns may have in the memory item before the oldest of them are
            summarised. 0: no such tier. `math.inf`: nothing is ever summarised.
        least_saving_tokens: Do nothing when less than this would go: otherwise kept turns that are larger than
            the trigger would be summarised again at every response. Default: a quarter of `trigger_tokens`.
        trigger: When to begin, instead of `trigger_tokens`: see `memory.triggers`.

    Raises:
        SettingsError: Values that cannot work, alone or together.
    """

    trigger_tokens: int = 2_000
    keep_turns: int = 2
    keep_tokens: int = 0
    verbatim_tokens: float = 0
    least_saving_tokens: int | None = None
    trigger: Trigger | None = None

    def __post_init__(self) -> None:
        check_whole_number("trigger_tokens", self.trigger_tokens, least=1, usual=2_000)
        check_whole_number("keep_turns", self.keep_turns, least=1, usual=2)
        check_whole_number("keep_tokens", self.keep_tokens, least=0, usual=0)
        if self.least_saving_tokens is not None:
            check_whole_number("least_saving_tokens", self.least_saving_tokens, least=0, usual=500)
        if not is_number(self.verbatim_tokens) or self.verbatim_tokens < 0:
            raise SettingsError(
                f"verbatim_tokens is {self.verbatim_tokens!r}.", "Use 0 for none, a number, or math.inf."
            )
        check_against(self.starts, keep_turns=self.keep_turns, keep_tokens=self.keep_tokens)

    @property
    def starts(self) -> Trigger:
        """The trigger in force."""
        return AtTokens(self.trigger_tokens) if self.trigger is None else self.trigger

    @property
    def least_saving(self) -> int:
        """Fewest tokens worth a summary."""
        return self.trigger_tokens // 4 if self.least_saving_tokens is None else self.least_saving_tokens

    def is_due(self, conversation: Conversation) -> bool:
        """Whether the trigger is reached."""
        return self.starts.is_due(conversation)

    def plan(
        self,
        conversation: Conversation,
        standing: Standing = Standing(),
        *,
        closed: Collection[str] = (),
        can_hear: bool = False,
        is_asked: bool = False,
    ) -> Plan | None:
        """What should leave now; `None` when too little would go.

        Args:
            conversation: What there is.
            standing: The memory item that stands now.
            closed: Ids of items that must stay: a reply that still plays, words that were sought in vain.
            can_hear: Whether words that no transcript brought can still be found out.
            is_asked: Whether the user wants it now: then every little thing goes.
        """
        turns = conversation.turns
        old = map(_without_system, turns[: len(turns) - self._kept(turns)])
        leaving = _with_whole_calls(turn for turn in old if _may_leave(turn, set(closed), can_hear=can_hear))
        plan = Plan(leaving, standing, self.verbatim_tokens, unpins=is_asked)
        summarised, verbatim = plan.divide(leaving)
        if not leaving and not summarised:
            return None
        before = sum(map(_turn_tokens, leaving)) + sum(map(_word_tokens, standing.verbatim))
        saving = before - sum(map(_word_tokens, verbatim))
        return plan if saving >= (1 if is_asked else max(1, self.least_saving)) else None

    def _kept(self, turns: tuple[Turn, ...]) -> int:
        """How many of the newest turns stay."""
        count, room = 0, self.keep_tokens
        for turn in reversed(turns):
            room -= _turn_tokens(turn)
            if room < 0:
                break
            count += 1
        return min(len(turns), max(self.keep_turns, count))


def _may_leave(turn: Turn, closed: set[str], *, can_hear: bool) -> bool:
    return bool(turn.items) and not turn.is_growing and not closed & set(turn.ids) and (can_hear or not _failed(turn))


def _with_whole_calls(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Those turns that leave no call without its output behind, nor the other way round; an output may come late."""
    leaving = tuple(turns)
    while True:
        calls = {item.call_id for turn in leaving for item in turn.items if item.is_whole_call}
        outputs = {item.call_id for turn in leaving for item in turn.items if item.kind == "function_call_output"}
        open_ids = calls ^ outputs
        whole = tuple(turn for turn in leaving if not open_ids & {item.call_id for item in turn.items if item.call_id})
        if len(whole) == len(leaving):
            return whole
        leaving = whole


def _failed(turn: Turn) -> bool:
    return any(item.transcript is Transcript.FAILED for item in turn.items)


def _without_system(turn: Turn) -> Turn:
    """System items that are not ours are instructions to the model: they stay."""
    return Turn(tuple(item for item in turn.items if item.role != "system"))
