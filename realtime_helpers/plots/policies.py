"""What ways to keep a conversation small cost over time, and what is still known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..conversation import Outlook, Strategy, best_trigger, forecast_cost
from .plot import BLACK, BLUE, FONT, GREEN, PURPLE, VERMILION, Plot, new_figure

_STEPS = 12
_LOOKS = ((BLUE, "o", "-"), (VERMILION, "s", "--"), (GREEN, "^", "-."), (PURPLE, "D", ":"), (BLACK, "v", "-"))
_BEST = "cheapest trigger"


def plot_cost_over_time(outlook: Outlook, strategies: Mapping[str, Strategy], hit_rates: Sequence[float]) -> Plot:
    """What each strategy has cost by each minute: one panel a hit rate, each with a scale of its own.

    Beside the strategies stands, in each panel, the one that `best_trigger` finds there for the whole time.

    Args:
        outlook: What is expected; its hit rate is not used.
        strategies: At most four, by name.
        hit_rates: Shares from 0 to 1.

    Raises:
        MissingPartError: matplotlib is not installed.
    """
    figure = new_figure(4 * len(hit_rates), 4.2)
    panels = list(figure.subplots(1, len(hit_rates), squeeze=False)[0])
    hours = [outlook.hours * step / _STEPS for step in range(1, _STEPS + 1)]
    sentences = []
    for panel, hit_rate in zip(panels, hit_rates, strict=True):
        here = replace(outlook, hit_rate=hit_rate)
        all_strategies = {**strategies, _BEST: best_trigger(here).chosen.strategy}
        ends = {}
        for (name, strategy), (colour, marker, line) in zip(all_strategies.items(), _LOOKS, strict=False):
            costs = [forecast_cost(replace(here, hours=until), strategy).total_usd for until in hours]
            panel.plot([until * 60 for until in hours], costs, marker + line, color=colour, linewidth=2.5, label=name)
            ends[name] = costs[-1]
        panel.set_title(f"hit rate {hit_rate:.0%}", fontsize=FONT, loc="left")
        panel.set_xlabel("minutes", fontsize=FONT)
        panel.set_ylim(0, None)
        panel.tick_params(labelsize=FONT)
        panel.spines[["top", "right"]].set_visible(False)
        trigger = all_strategies[_BEST].trigger_tokens
        best = "no summary" if trigger is None else f"a summary at {trigger:,} tokens"
        costs_in_words = ", ".join(f"{name} ${usd:.2f}" for name, usd in ends.items() if name != _BEST)
        sentences.append(f"at a hit rate of {hit_rate:.0%}: {costs_in_words}; cheapest is {best}, ${ends[_BEST]:.2f}")
    panels[0].set_ylabel("USD so far", fontsize=FONT)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=FONT)
    return Plot(figure, f"After {outlook.hours * 60:.0f} minutes, {'. '.join(_capital(sentences))}.")


class Held(NamedTuple):
    """A policy that was tried: what it cost in USD, and which share of the facts was known, 0 to 1."""

    policy: str
    cost_usd: float
    known: float


def plot_recall_against_cost(tried: Sequence[Held]) -> Plot:
    """One point a policy: to the left is cheap, on top is well remembered.

    Args:
        tried: At most five policies.

    Raises:
        MissingPartError: matplotlib is not installed.
    """
    figure = new_figure(10, 5)
    panel = figure.subplots()
    for one, (colour, marker, _) in zip(tried, _LOOKS, strict=False):
        panel.plot(
            [one.cost_usd],
            [one.known * 100],
            marker,
            color=colour,
            markersize=16,
            markerfacecolor="none",
            markeredgewidth=3,
            label=one.policy,
            clip_on=False,
        )  # fmt: skip - hollow, so that two that are near each other can both be seen
    panel.set_xlim(0, 1.1 * max(one.cost_usd for one in tried))
    panel.set_ylim(-4, 104)
    panel.set_xlabel("cost, USD", fontsize=FONT)
    panel.set_ylabel("facts still known, %", fontsize=FONT)
    panel.tick_params(labelsize=FONT)
    panel.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", fontsize=FONT)
    ordered = sorted(tried, key=lambda one: one.cost_usd)
    words = "; ".join(f"{one.policy} ${one.cost_usd:.2f} with {one.known:.0%} of the facts" for one in ordered)
    return Plot(figure, f"From cheap to dear: {words}.")


def _capital(sentences: Sequence[str]) -> list[str]:
    """Every sentence after the first begins with a capital letter."""
    return [text if number == 0 else text[0].upper() + text[1:] for number, text in enumerate(sentences)]
