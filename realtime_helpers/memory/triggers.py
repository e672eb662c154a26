"""When a summary is due: small rules that can be combined. Pure; each looks at the conversation and nothing else.

SummaryPolicy(trigger=any_of(AtShareOfWindow(0.5), AtTurns(40)))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..conversation import PRICES, Conversation, find_model, find_prices, split_cost
from ..errors import SettingsError
from .values import check_whole_number, is_number

_UNKNOWN_MODEL_PRICES = PRICES["gpt-realtime-2.1-mini"]
_SMALLEST_WINDOW_TOKENS = 28_672


@runtime_checkable
class Trigger(Protocol):
    """Says when a summary is due."""

    def is_due(self, conversation: Conversation) -> bool:
        """Asked once after each response that measured the window."""
        ...


@dataclass(frozen=True)
class AtTokens:
    """Due when the latest response read `tokens` conversation tokens (instructions and tools not counted)."""

    tokens: int

    def __post_init__(self) -> None:
        check_whole_number("tokens", self.tokens, least=1, usual=2_000)

    def is_due(self, conversation: Conversation) -> bool:
        """See `Trigger.is_due`."""
        return conversation.ledger.window_tokens >= self.tokens


@dataclass(frozen=True)
class AtShareOfWindow:
    """Due when the conversation fills `share` (0 to 1) of what the session's model can read.

    A model that is not listed counts as one with the smallest window.
    """

    share: float

    def __post_init__(self) -> None:
        if not (is_number(self.share) and 0 < self.share < 1):
            raise SettingsError(
                f"A share of {self.share!r} of the window cannot work.", "Use more than 0, less than 1."
            )

    def is_due(self, conversation: Conversation) -> bool:
        """See `Trigger.is_due`."""
        model = find_model(str(conversation.session.get("model")))
        usable = model.usable_input_tokens if model else _SMALLEST_WINDOW_TOKENS
        return conversation.ledger.window_tokens >= self.share * usable


@dataclass(frozen=True)
class AtTurns:
    """Due when `turns` turns stand in the conversation."""

    turns: int

    def __post_init__(self) -> None:
        check_whole_number("turns", self.turns, least=2, usual=40)

    def is_due(self, conversation: Conversation) -> bool:
        """See `Trigger.is_due`."""
        return len(conversation.turns) >= self.turns


@dataclass(frozen=True)
class AtCost:
    """Due when reading for one response costs `usd` or more, at list prices, with what came from the cache.

    A model that is not listed counts as gpt-realtime-2.1-mini.
    """

    usd: float

    def __post_init__(self) -> None:
        if not (is_number(self.usd) and self.usd > 0):
            raise SettingsError(f"A trigger of {self.usd!r} USD cannot work.", "Use a positive amount, such as 0.01.")

    def is_due(self, conversation: Conversation) -> bool:
        """See `Trigger.is_due`."""
        latest = next((entry for entry in reversed(conversation.ledger.entries) if not entry.out_of_band), None)
        if latest is None:
            return False
        prices = find_prices(str(conversation.session.get("model"))) or _UNKNOWN_MODEL_PRICES
        return split_cost(latest.usage, prices).input >= self.usd


@dataclass(frozen=True)
class _Several:
    triggers: tuple[Trigger, ...]
    needs_all: bool

    def is_due(self, conversation: Conversation) -> bool:
        verdicts = (trigger.is_due(conversation) for trigger in self.triggers)
        return all(verdicts) if self.needs_all else any(verdicts)


def any_of(first: Trigger, *others: Trigger) -> Trigger:
    """Due when one of them is."""
    return _Several((first, *others), needs_all=False)


def all_of(first: Trigger, *others: Trigger) -> Trigger:
    """Due when all of them are."""
    return _Several((first, *others), needs_all=True)


def check_against(trigger: Trigger, *, keep_turns: int, keep_tokens: int) -> None:
    """Refuse what is no trigger, and to keep as much as it allows: it would be due for ever, with nothing to take.

    Raises:
        SettingsError: So it is.
    """
    if isinstance(trigger, type) or not isinstance(trigger, Trigger):
        raise SettingsError(
            f"{trigger!r} is no trigger.", "Use trigger_tokens=2000, or one such as trigger=AtTurns(40)."
        )
    match trigger:
        case _Several(triggers):
            for part in triggers:
                check_against(part, keep_turns=keep_turns, keep_tokens=keep_tokens)
        case AtTokens(tokens) if keep_tokens >= tokens:
            raise SettingsError(
                f"keep_tokens is {keep_tokens}, the trigger only {tokens}: there would never be anything to summarise.",
                "Keep fewer tokens than the trigger, such as a quarter of it.",
            )
        case AtTurns(turns) if keep_turns >= turns:
            raise SettingsError(
                f"keep_turns is {keep_turns}, the trigger only {turns} turns: there would never be anything to "
                "summarise.",
                "Keep fewer turns than the trigger, such as 2.",
            )
