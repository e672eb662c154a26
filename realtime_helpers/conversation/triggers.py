"""The trigger that makes a conversation cheapest, with its working shown. Pure, and an estimate throughout."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SettingsError
from .cost import split_cost
from .forecast import LEAST_SAVING, Forecast, Outlook, Strategy, Walker
from .prices import PRICES_AS_OF
from .usage import Usage

_STEP = 1.02  # in windows of many turns, sizes nearer to each other than this cost the same
_MANY_TURNS = 50


@dataclass(frozen=True, slots=True)
class TriggerChoice:
    """Which trigger to use, and why. Estimates at list prices.

    Attributes:
        trigger_tokens: Conversation tokens at which to summarise; `None`: summarising would cost more than it saves.
        hit_rate: Of the cache, as it went in.
        window_tokens: The window that `carry_usd` speaks of: at the trigger, or at its largest without one.
        carry_usd: What one response pays to re-read that window, its newest message not counted.
        splice_usd: What one summary costs: its writer, and what is left of the window once read at full price.
        chosen: The forecast with the trigger.
        never: The forecast without summaries; what it loses to the server's truncation is in its `turns_lost`.
        summarising: The cheapest forecast with at least one summary; `None` when the conversation is too short.
    """

    trigger_tokens: int | None
    hit_rate: float
    window_tokens: int
    carry_usd: float
    splice_usd: float
    chosen: Forecast
    never: Forecast
    summarising: Forecast | None

    def explain(self) -> str:
        """The working in plain English."""
        lines = [
            f"The cache returns {self.hit_rate:.0%} of what it could.",
            f"Re-reading a window of {self.window_tokens:,} tokens costs ${self.carry_usd:.4f} a turn.",
            f"One summary costs ${self.splice_usd:.4f}: writing it, and reading what is left at full price once.",
        ]
        never = f"${self.never.usd_per_hour:.2f} an hour"
        if self.trigger_tokens is not None:
            lines.append(
                f"So summarise at {self.trigger_tokens:,} tokens, {_times(self.chosen.splices)} in "
                f"{_length(self.chosen.hours)}: ${self.chosen.usd_per_hour:.2f} an hour, against {never} without."
            )
            if self.never.turns_lost:
                lines.append(f"Without, the server would also drop {self.never.turns_lost} turns for good.")
        elif self.summarising is None:
            lines.append(f"The conversation is too short for a summary: {never} as it is.")
        else:
            lines.append(
                f"So do not summarise: {never} as it is; even the best trigger, "
                f"{self.summarising.strategy.trigger_tokens:,} tokens, would make it "
                f"${self.summarising.usd_per_hour:.2f}."
            )
        lines.append(f"Estimates, at list prices of {PRICES_AS_OF}.")
        return " ".join(lines)


def best_trigger(
    outlook: Outlook, keep_turns: int = 2, *, verbatim_tokens: int = 0, turns_apart: int = 3
) -> TriggerChoice:
    """The trigger with the lowest expected cost among those that lose no turn.

    Between two sizes that the window can have, all triggers are alike, so the sizes are tried (large ones in steps of
    2 %), and `never` beside them. Where nothing keeps every turn, the choice is the cheapest of those that lose the
    fewest.

    Args:
        outlook: What is expected of the conversation.
        keep_turns: Newest turns that stay as they are.
        verbatim_tokens: Budget for old turns as text, as in `Strategy`.
        turns_apart: Turns from one summary to the next, at least: each is made from the one before and loses a
            little. Where the cache fails, money alone would want one after every turn.

    Raises:
        SettingsError: A number below 1, or a budget below 0.
    """
    if turns_apart < 1:
        raise SettingsError(f"turns_apart is {turns_apart}.", "Use 1 or more turns, such as 3.")
    walker = Walker(outlook)
    never = walker.forecast(Strategy(keep_turns=keep_turns))
    tried = [walker.forecast(one) for one in _candidates(walker, keep_turns, verbatim_tokens, turns_apart)]
    summarising = min((one for one in tried if one.splices), key=_order, default=None)
    chosen = min([never, *([summarising] if summarising else [])], key=_order)
    trigger = chosen.strategy.trigger_tokens
    return TriggerChoice(
        trigger_tokens=trigger,
        hit_rate=outlook.hit_rate,
        window_tokens=chosen.most_window_tokens,
        carry_usd=_carry_usd(walker, chosen.most_window_tokens),
        splice_usd=_splice_usd(walker, chosen),
        chosen=chosen,
        never=never,
        summarising=summarising,
    )


def _order(forecast: Forecast) -> tuple[int, float, float]:
    """Fewest turns lost, then cheapest, then largest trigger: it keeps more words as they were said."""
    trigger = forecast.strategy.trigger_tokens
    return forecast.turns_lost, forecast.total_usd, float("-inf") if trigger is None else -trigger


def _candidates(walker: Walker, keep_turns: int, verbatim_tokens: int, turns_apart: int) -> list[Strategy]:
    """A trigger for every size of the window, before the first splice and after later ones, that keeps them apart."""
    turns, turn_tokens = walker.outlook.turns, walker.outlook.rates.turn_tokens
    first = walker.stretch()
    first.walk_to(turns)
    memory, _ = walker.splice(first.state[0][0], turns, Strategy(1, keep_turns, verbatim_tokens=verbatim_tokens))
    later = walker.stretch(memory, keep_turns, spliced=True)
    later.walk_to(turns)
    smallest = later.window[1]
    # below what a splice leaves, the least saving alone decides when it is worth it again
    by_saving = {LEAST_SAVING * (count * turn_tokens + 1) - 1 for count in range(1, smallest // turn_tokens + 1)}
    found: list[Strategy] = []
    last = 0.0
    for size in sorted({*first.peak[1:], *later.peak[1:], *(size for size in by_saving if size < smallest)}):
        strategy = Strategy(size, keep_turns, verbatim_tokens=verbatim_tokens)
        if (size >= last * _STEP or size < _MANY_TURNS * turn_tokens) and walker.until_due(
            later, strategy, turns_apart
        ) == turns_apart:
            found.append(strategy)
            last = size
    return found


def _carry_usd(walker: Walker, window_tokens: int) -> float:
    """Input of a response in an undisturbed conversation with that window, without its newest message."""
    stretch, outlook = walker.stretch(), walker.outlook
    stretch.walk_to(outlook.turns)
    at = min(range(1, len(stretch.window)), key=lambda count: abs(stretch.window[count] - window_tokens))
    text, audio, cached_text, cached_audio = (
        now - before for now, before in zip(stretch.read[at], stretch.read[at - 1], strict=True)
    )
    user = outlook.rates.user_message
    reading = Usage(
        input_text=text - user.text, input_audio=audio - user.audio, cached_text=cached_text, cached_audio=cached_audio
    )
    return split_cost(reading, outlook.prices).total


def _splice_usd(walker: Walker, chosen: Forecast) -> float:
    """What a splice adds: the first response after it against the same one with an unbroken prefix; the writer."""
    outlook, strategy = walker.outlook, chosen.strategy
    turns = chosen.turns if strategy.trigger_tokens is None else chosen.turns // (chosen.splices + 1)
    memory, material = walker.splice(
        walker.stretch().state[0][0], max(1, turns - walker.kept_turns(strategy)), strategy
    )
    broken = walker.stretch(memory, walker.kept_turns(strategy), spliced=True)
    broken.walk_to(1)
    text, audio, cached_text, cached_audio = broken.read[1]
    user = outlook.rates.user_message
    unbroken_text = int(outlook.hit_rate * (text - user.text))
    unbroken_audio = int(outlook.hit_rate * (audio - user.audio))
    lost = Usage(input_text=text, input_audio=audio, cached_text=cached_text, cached_audio=cached_audio)
    kept = Usage(input_text=text, input_audio=audio, cached_text=unbroken_text, cached_audio=unbroken_audio)
    difference = split_cost(lost, outlook.prices).total - split_cost(kept, outlook.prices).total
    return difference + walker.writing_usd(material)


def _length(hours: float) -> str:
    return f"{hours * 60:.0f} minutes" if hours < 1.5 else f"{hours:.1f} hours"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
