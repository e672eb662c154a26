"""Ways to keep a conversation small, held side by side: the same talk, the same questions, another policy each time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

from ..conversation import PRICES, PRICES_AS_OF, Forecast, Outlook, Strategy, best_trigger, cost_usd, forecast_cost
from ..experiments.lab import LabParts, lab_parts
from ..experiments.recall import Checkpoint, Contender, hold
from ..experiments.virtual_time import VirtualTimeLoop
from ..memory import CacheAwareTrigger, SummaryPolicy
from ..options import RetentionRatio, SessionOptions
from .verdict import Verdict

MODEL = "gpt-realtime-2.1"
"""Whose prices the lesson looks at: of all models, its cached audio is the cheapest against fresh audio."""
TALK_HOURS = 0.2
"""What the cache-aware trigger is told to expect of the longer talk: 120 short turns."""
CONTENDERS = (
    Contender("never"),
    Contender("eager, at 500", SummaryPolicy(500, 1)),
    Contender("at 2,000", SummaryPolicy(2_000, 2)),
    Contender("cache-aware", SummaryPolicy(keep_turns=1, trigger=CacheAwareTrigger(
        hours=TALK_HOURS, keep_turns=1, summary_tokens=150, prices=PRICES[MODEL]))),
    Contender("server cuts at 2,000", options=SessionOptions(truncation=RetentionRatio(ratio=0.8, tokens=2_000))),
)  # fmt: skip
"""What the lesson compares. The last one is no policy of ours: the server drops the oldest turns by itself."""
_NEAR_ENOUGH = 1.05


def hold_talk(contender: Contender, marks: Sequence[int], parts: LabParts | None = None) -> list[Checkpoint]:
    """Hold the talk of the recall experiment in virtual time, and ask for its facts after so many turns.

    It has a thread of its own, because a notebook's cell has an event loop already.

    Args:
        contender: How the conversation is kept small.
        marks: After how many turns to ask and to read the meter; they rise.
        parts: The simulator's voice and ears, when several talks share them.
    """
    if parts is None:
        with closing(lab_parts()) as own:
            return hold_talk(contender, marks, own)

    def run() -> list[Checkpoint]:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(hold(contender, parts, marks, "turns"))

    with ThreadPoolExecutor(1, "talk") as thread:
        return thread.submit(run).result()


def cost_at(run: Checkpoint, hit_rate: float = 1.0, model: str = MODEL) -> float:
    """What a measured run costs, in USD, were the cache to return only this share of what it did return.

    Args:
        run: From a simulator, whose cache never misses.
        hit_rate: Share from 0 to 1.
        model: Whose list prices apply.
    """
    usage = run.usage
    missed = replace(
        usage, cached_text=round(usage.cached_text * hit_rate), cached_audio=round(usage.cached_audio * hit_rate)
    )
    return cost_usd(missed, PRICES[model])


def policies_table(runs: Sequence[Checkpoint], model: str = MODEL) -> str:
    """The runs as text: what was read, how much of it from the cache, what it cost, and what was still known."""
    lines = [f"{'policy':<22}{'summaries':>9}{'tokens read':>13}{'from cache':>12}{'cost':>9}{'facts known':>13}"]
    for run in runs:
        share = run.usage.cached_tokens / run.input_tokens
        lines.append(
            f"{run.policy:<22}{run.summaries:>9}{run.input_tokens:>13,}{share:>12.0%}"
            f"{f'${cost_at(run, model=model):.3f}':>9}{f'{run.recalled} of {run.asked}':>13}"
        )
    lines.append(
        f"{max(run.turns for run in runs)} turns. {model}, list prices of {PRICES_AS_OF}; "
        "what the writer of the summaries takes comes on top."
    )
    return "\n".join(lines)


def check_cheapest(choose: Callable[[Outlook], object], patterns: dict[str, Outlook]) -> Verdict:
    """Whether a function finds, for each pattern of calls, a strategy that loses no turn and costs next to the least.

    Args:
        choose: Takes an outlook, gives a `Strategy`.
        patterns: Outlooks by name.
    """
    found: list[str] = []
    for name, outlook in patterns.items():
        try:
            strategy = choose(outlook)
        except Exception as error:  # noqa: BLE001 - whatever a learner writes, the notebook goes on
            return Verdict(False, f"for {name!r}, your function raised {type(error).__name__}: {error}")
        if not isinstance(strategy, Strategy):
            return Verdict(False, f"for {name!r} the function gave {strategy!r}; give a Strategy back.")
        yours, best = forecast_cost(outlook, strategy), best_trigger(outlook).chosen
        if yours.turns_lost > best.turns_lost:
            return Verdict(
                False,
                f"for {name!r}, {_named(yours)} lets the server drop {yours.turns_lost} turns for good. Leave out "
                "every forecast whose turns_lost is not 0.",
            )
        if yours.total_usd > best.total_usd * _NEAR_ENOUGH:
            more = yours.total_usd / best.total_usd - 1
            why = "not summarising at all" if best.strategy.trigger_tokens is None else "another trigger"
            return Verdict(
                False,
                f"for {name!r}, {_named(yours)} costs ${yours.total_usd:.2f}, and {why} costs ${best.total_usd:.2f}: "
                f"{more:.0%} too much. Compare the forecasts of several strategies, Strategy() among them.",
            )
        found.append(f"{name}: {_named(yours)}, ${yours.total_usd:.2f}")
    return Verdict(
        True, f"each is within {_NEAR_ENOUGH - 1:.0%} of the least, and no turn is lost. {'; '.join(found)}."
    )


def _named(forecast: Forecast) -> str:
    trigger = forecast.strategy.trigger_tokens
    return "no summary" if trigger is None else f"a summary at {trigger:,} tokens"
