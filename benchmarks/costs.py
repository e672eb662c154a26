"""What an hour costs under each strategy of memory, and whether the cache-aware choice is the best there is.

Computed, not measured: forecasts at list prices for an average turn of six seconds of user, twelve of assistant and two
of pause. Ends with an error when a fixed trigger, tried one by one, is more than 3 % cheaper than the choice.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from realtime_helpers.conversation import (
    PRICES,
    PRICES_AS_OF,
    TEXT_PRICES,
    Forecast,
    Outlook,
    ServerTruncation,
    Strategy,
    best_trigger,
    find_model,
)
from realtime_helpers.conversation.forecast import Walker

MODELS = ("gpt-realtime-2.1-mini", "gpt-realtime-2.1")
SUMMARISER = "gpt-6-luna"
HIT_RATES = (0.0, 0.7, 1.0)
LENGTHS = {"10 min": 1 / 6, "30 min": 0.5, "1 h": 1.0, "4 h": 4.0}
TRIGGERS = (1_000, 2_000, 4_000, 8_000, 16_000, 32_000)
TIERS = Strategy(4_000, verbatim_tokens=2_000)
TURNS_APART = 3
STEP_TOKENS = 200
ALLOWANCE = 1.03


def outlook_of(model: str, hit_rate: float, hours: float) -> Outlook:
    facts = find_model(model)
    assert facts is not None
    return Outlook(
        PRICES[model],
        hit_rate=hit_rate,
        hours=hours,
        truncation=ServerTruncation(facts.usable_input_tokens),
        summariser=TEXT_PRICES[SUMMARISER],
    )


def strategies(outlook: Outlook) -> dict[str, Forecast]:
    """Every row of the table."""
    walker = Walker(outlook)
    in_steps = Walker(replace(outlook, truncation=replace(outlook.truncation, retention_ratio=0.8)))
    capped = Walker(
        replace(outlook, truncation=replace(outlook.truncation, retention_ratio=0.8, after_prefix_tokens=8_000))
    )
    rows = {
        "never (auto)": walker.forecast(Strategy()),
        "never, retention 0.8": in_steps.forecast(Strategy()),
        "never, 0.8 of 8,000": capped.forecast(Strategy()),
    }
    rows |= {f"at {trigger:,}": walker.forecast(Strategy(trigger)) for trigger in TRIGGERS}
    rows["tiers: at 4,000, 2,000 as text"] = walker.forecast(TIERS)
    rows["cache-aware"] = best_trigger(outlook, turns_apart=TURNS_APART).chosen
    return rows


def shown(forecast: Forecast, never: Forecast) -> str:
    """USD per hour; `!`: dearer than doing nothing; `-n`: turns lost; `*`: a summary after almost every turn."""
    text = f"{forecast.usd_per_hour:.2f}"
    if forecast.splices and forecast.total_usd > never.total_usd:
        text += "!"
    if forecast.turns_apart is not None and forecast.turns_apart < TURNS_APART:
        text += "*"
    if forecast.turns_lost:
        text += f" -{forecast.turns_lost}"
    return f"[red]{text}[/red]" if "!" in text else text


def tables(console: Console) -> None:
    for model in MODELS:
        for hit_rate in HIT_RATES:
            table = Table(title=f"{model}, hit rate {hit_rate:.0%}: USD per hour", title_justify="left")
            table.add_column("summarise")
            for length in LENGTHS:
                table.add_column(length, justify="right")
            columns = [strategies(outlook_of(model, hit_rate, hours)) for hours in LENGTHS.values()]
            for name in columns[0]:
                cells = [shown(column[name], column["never (auto)"]) for column in columns]
                table.add_row(name, *cells, end_section=name in ("never, 0.8 of 8,000", "at 32,000"))
            chosen = [column["cache-aware"].strategy.trigger_tokens for column in columns]
            table.add_row("  its trigger", *("never" if at is None else f"{at:,}" for at in chosen))
            console.print(table)
    console.print(
        "! dearer than doing nothing   * a summary after almost every turn   -n turns that the server dropped\n"
        f"Summaries by {SUMMARISER}, two turns kept. Estimates at list prices of {PRICES_AS_OF}."
    )


def check(console: Console) -> bool:
    """Compare the choice with every fixed trigger: with all of them, and with those that keep summaries apart."""
    worst, where = 0.0, ""
    for model in MODELS:
        for hit_rate in (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0):
            for length, hours in LENGTHS.items():
                outlook = outlook_of(model, hit_rate, hours)
                walker, longer = Walker(outlook), Walker(replace(outlook, hours=hours * 3))
                for apart in (1, TURNS_APART):
                    choice = best_trigger(outlook, turns_apart=apart).chosen
                    best = min(
                        one.total_usd
                        for trigger in range(STEP_TOKENS, outlook.truncation.usable_input_tokens, STEP_TOKENS)
                        if not (one := walker.forecast(Strategy(trigger))).turns_lost
                        and (apart == 1 or (longer.forecast(Strategy(trigger)).turns_apart or apart) >= apart)
                    )
                    if choice.total_usd / best > worst:
                        worst, where = choice.total_usd / best, f"{model}, {hit_rate:.0%}, {length}"
    console.print(f"cache-aware against the best fixed trigger: at worst {worst - 1:+.2%} ({where})")
    return worst <= ALLOWANCE


if __name__ == "__main__":
    console = Console(width=100)
    tables(console)
    if not check(console):
        sys.exit(f"A fixed trigger is more than {ALLOWANCE - 1:.0%} cheaper than the cache-aware choice.")
