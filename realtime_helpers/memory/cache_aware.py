"""A trigger that looks at how well the cache works, and summarises where that is expected to cost least. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..conversation import (
    PRICES,
    Conversation,
    Outlook,
    Prices,
    ServerTruncation,
    SpeechRates,
    TextPrices,
    TriggerChoice,
    Turn,
    best_trigger,
    estimate_prefix_tokens,
    find_model,
    find_prices,
    group_turns,
)

ENOUGH = 5
"""Responses, and turns, that are measured before the measurement takes the place of what was assumed."""
_NEWEST_ITEMS = 80
_NOTICEABLE = 0.1


@dataclass(eq=False)
class CacheAwareTrigger:
    """Due when the window reaches the trigger that is expected to make the whole conversation cheapest.

    Until `ENOUGH` responses and turns are measured, the assumed values stand in; then the conversation's own hit rate
    and the rates of its newest turns do. The trigger is searched for anew when one of them has moved the price of a
    turn by a tenth. Where summarising loses money it waits; but never so long that the server would drop turns.

    Attributes:
        hours: How long the conversation is expected to go on.
        keep_turns: Newest turns that stay as they are; the same number as in the policy.
        verbatim_tokens: Budget for old turns as text; the same number as in the policy. 0: all of them are summarised.
        turns_apart: Turns from one summary to the next, at least.
        summary_tokens: Assumed length of a summary.
        summariser: Prices of the text model that writes it, such as `TEXT_PRICES["gpt-6-luna"]`; `None`: it is free.
        prices: Of the session's model; `None`: looked up by `session["model"]`, an unknown model counting as
            gpt-realtime-2.1-mini.
        retention: Whether older assistant audio is re-read as audio (`documented`) or as text (`observed`; §4.3).
        assumed_hit_rate: Stands in until the cache is measured.
        assumed_rates: Stand in until the turns are measured. Its pause is always used: events do not tell pauses.
    """

    hours: float = 1.0
    keep_turns: int = 2
    verbatim_tokens: int = 0
    turns_apart: int = 3
    summary_tokens: int = 250
    summariser: TextPrices | None = None
    prices: Prices | None = None
    retention: Literal["documented", "observed"] = "documented"
    assumed_hit_rate: float = 0.9
    assumed_rates: SpeechRates = field(default_factory=SpeechRates)
    _outlook: Outlook | None = field(default=None, init=False, repr=False)
    _choice: TriggerChoice | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self._outlook_of(Conversation())  # values that cannot work are refused here, and not in the middle of a talk
        best_trigger(
            Outlook(PRICES["gpt-realtime-2.1-mini"], hours=0.01),
            self.keep_turns,
            verbatim_tokens=self.verbatim_tokens,
            turns_apart=self.turns_apart,
        )

    def is_due(self, conversation: Conversation) -> bool:
        """Whether the window has reached the trigger."""
        return conversation.ledger.window_tokens >= self.trigger_tokens(conversation)

    def trigger_tokens(self, conversation: Conversation) -> int:
        """Conversation tokens at which a summary is due; below what the server would drop turns for."""
        outlook = self._outlook_of(conversation)
        limit, best = _safe_tokens(outlook), self._search(outlook).trigger_tokens
        return limit if best is None else min(best, limit)

    def choice(self, conversation: Conversation) -> TriggerChoice:
        """The latest working."""
        return self._search(self._outlook_of(conversation))

    def explain(self, conversation: Conversation) -> str:
        """The working in plain English, with what is measured and what is still assumed."""
        measured = conversation.ledger.measured_responses
        known = (
            f"Measured over {measured} responses."
            if measured >= ENOUGH
            else f"The hit rate is assumed until {ENOUGH} responses are measured; there are {measured}."
        )
        choice, due_at = self.choice(conversation), self.trigger_tokens(conversation)
        text = f"{known} {choice.explain()}"
        if choice.trigger_tokens != due_at:
            text += f" At {due_at:,} tokens it is due all the same, before the server drops turns."
        return text

    def _search(self, outlook: Outlook) -> TriggerChoice:
        if self._choice is None or self._outlook is None or _has_moved(self._outlook, outlook):
            self._outlook = outlook
            self._choice = best_trigger(
                outlook, self.keep_turns, verbatim_tokens=self.verbatim_tokens, turns_apart=self.turns_apart
            )
        return self._choice

    def _outlook_of(self, conversation: Conversation) -> Outlook:
        session, ledger = conversation.session, conversation.ledger
        name = str(session.get("model"))
        model = find_model(name)
        hit_rate = ledger.hit_rate if ledger.measured_responses >= ENOUGH else None
        turns = _newest_turns(conversation)
        rates = SpeechRates.measured(turns, self.assumed_rates.pause_s) if len(turns) >= ENOUGH else None
        return Outlook(
            prices=self.prices or find_prices(name) or PRICES["gpt-realtime-2.1-mini"],
            rates=rates or self.assumed_rates,
            hit_rate=self.assumed_hit_rate if hit_rate is None else hit_rate,
            hours=self.hours,
            prefix_tokens=estimate_prefix_tokens(session),
            truncation=ServerTruncation.of_session(session),
            summary_tokens=self.summary_tokens,
            summariser=self.summariser,
            replies_kept_as_audio=model.replies_kept_as_audio if model and self.retention == "observed" else None,
        )


def _newest_turns(conversation: Conversation) -> tuple[Turn, ...]:
    """Whole turns among the newest items: looking at a few costs the same however long the conversation is."""
    ids = conversation.item_ids[-_NEWEST_ITEMS:]
    turns = group_turns(tuple(item for item_id in ids if (item := conversation.find(item_id))))
    return tuple(
        turn for turn in turns if turn.is_settled and {"user", "assistant"} <= {item.role for item in turn.items}
    )


def _safe_tokens(outlook: Outlook) -> int:
    """A window that leaves room for the turns that come while a summary is written."""
    room = outlook.truncation.room_after(outlook.prefix_tokens)
    return max(1, room // 2, min(room * 9 // 10, room - 3 * outlook.rates.turn_tokens))


def _has_moved(before: Outlook, now: Outlook) -> bool:
    """Whether a new search may find something else."""
    if (before.prices, before.truncation, before.replies_kept_as_audio) != (
        now.prices, now.truncation, now.replies_kept_as_audio,
    ):  # fmt: skip
        return True
    return any(
        abs(a - b) > _NOTICEABLE * max(a, b) for a, b in zip(_key_figures(before), _key_figures(now), strict=True)
    )


def _key_figures(outlook: Outlook) -> tuple[float, ...]:
    """What the answer depends on: size and length of a turn, the fixed part, the price of reading a token again."""
    prices, hit = outlook.prices, outlook.hit_rate
    again = hit * prices.audio_cached + (1 - hit) * prices.audio_in
    return outlook.rates.turn_tokens, outlook.rates.turn_s, outlook.prefix_tokens + 100, again
