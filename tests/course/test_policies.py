"""Policies side by side: what the lesson shows is what the runs say, and its exercise can be solved and failed."""

from __future__ import annotations

import re

import pytest

from realtime_helpers.conversation import PRICES, Outlook, Strategy, best_trigger, cost_usd, forecast_cost
from realtime_helpers.course.policies import CONTENDERS, MODEL, check_cheapest, cost_at, hold_talk, policies_table
from realtime_helpers.experiments.lab import SETTINGS, lab_parts
from realtime_helpers.experiments.recall import Checkpoint
from realtime_helpers.simulator import Parts

CALLS = {
    "hotline": Outlook(PRICES[MODEL], hours=5 / 60, hit_rate=1.0),
    "tutor": Outlook(PRICES[MODEL], hours=1.0, hit_rate=0.7),
    "companion": Outlook(PRICES[MODEL], hours=4.0, hit_rate=1.0),
}


@pytest.fixture(scope="module")
def runs(parts: Parts) -> dict[str, list[Checkpoint]]:
    own = lab_parts(parts.voice, parts.ears)
    return {contender.name: hold_talk(contender, [30, 60], own) for contender in CONTENDERS}


def test_eager_reads_a_quarter_and_costs_more_in_a_short_talk_with_a_warm_cache(
    runs: dict[str, list[Checkpoint]],
) -> None:
    never, eager = runs["never"][0], runs["eager, at 500"][0]
    assert eager.input_tokens < 0.3 * never.input_tokens
    assert cost_at(eager) > cost_at(never)
    assert cost_at(eager, 0.9) < cost_at(never, 0.9)


def test_who_summarises_forgets_nothing_and_whom_the_server_cuts_forgets_all(
    runs: dict[str, list[Checkpoint]],
) -> None:
    known = {name: [at.recalled for at in found] for name, found in runs.items()}
    assert known.pop("server cuts at 2,000") == [0, 0]
    assert set(map(tuple, known.values())) == {(10, 10)}


def test_a_cache_that_never_answers_makes_every_token_fresh(runs: dict[str, list[Checkpoint]]) -> None:
    run = runs["never"][0]
    assert cost_at(run, 1.0, SETTINGS.model) == pytest.approx(run.cost_usd)
    assert cost_at(run, 1.0) == pytest.approx(cost_usd(run.usage, PRICES[MODEL]))
    prices, usage = PRICES[MODEL], run.usage
    fresh = usage.input_text * prices.text_in + usage.input_audio * prices.audio_in
    spoken = usage.output_text * prices.text_out + usage.output_audio * prices.audio_out
    assert cost_at(run, 0.0) == pytest.approx((fresh + spoken) / 1e6)


async def test_a_talk_can_be_held_where_a_loop_runs_already(parts: Parts) -> None:
    own = lab_parts(parts.voice, parts.ears)
    assert hold_talk(CONTENDERS[0], [2], own)[0].turns == 2


def test_the_table_shows_every_run(runs: dict[str, list[Checkpoint]]) -> None:
    table = policies_table([found[0] for found in runs.values()])
    for found in runs.values():
        assert re.search(rf"^{found[0].policy} .* {found[0].recalled} of 10$", table, re.MULTILINE)
    assert "30 turns" in table


# -- the exercise -------------------------------------------------------------------------------------


def by_trying(outlook: Outlook) -> Strategy:
    tried = [Strategy(), *(Strategy(trigger) for trigger in range(500, 20_001, 500))]
    complete = [found for one in tried if not (found := forecast_cost(outlook, one)).turns_lost]
    return min(complete, key=lambda forecast: forecast.total_usd).strategy


@pytest.mark.parametrize("solution", [by_trying, lambda outlook: best_trigger(outlook).chosen.strategy])
def test_a_solution_passes(solution: object) -> None:
    verdict = check_cheapest(solution, CALLS)  # type: ignore[arg-type]
    assert verdict.passed, verdict
    assert "hotline: no summary" in verdict.why


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda _: Strategy(2_000), "not summarising at all costs"),
        (lambda _: Strategy(), "another trigger costs"),
        (lambda _: 2_000, "give a Strategy back"),
        (None, "your function raised TypeError"),
        (lambda _: Strategy(-1), "your function raised SettingsError"),
        (lambda outlook: by_trying(outlook) if outlook.hours < 2 else Strategy(), "drop 451 turns"),
    ],
)
def test_what_is_no_solution_is_told_why(attempt: object, said: str) -> None:
    verdict = check_cheapest(attempt, CALLS)  # type: ignore[arg-type]
    assert not verdict.passed
    assert said in verdict.why
