from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_helpers.conversation import (
    PRICES,
    TEXT_PRICES,
    Conversation,
    Outlook,
    ServerTruncation,
    SpeechRates,
    Strategy,
    best_trigger,
    cost_usd,
    forecast_cost,
)
from realtime_helpers.conversation.forecast import Walker
from realtime_helpers.errors import SettingsError
from realtime_helpers.simulator.context import Truncation

from ..simulator.desk import Desk
from .replay import Replay

BIG, MINI = PRICES["gpt-realtime-2.1"], PRICES["gpt-realtime-2.1-mini"]
LUNA = TEXT_PRICES["gpt-6-luna"]
SIXTY_TURNS = 60 * 20 / 3600

rates = st.builds(
    SpeechRates,
    user_s=st.sampled_from([0.0, 1.5, 6.0, 20.0]),
    assistant_s=st.sampled_from([0.0, 4.0, 12.0, 30.0]),
    pause_s=st.sampled_from([0.5, 2.0]),
    user_words=st.integers(1, 80),
    reply_words=st.integers(1, 150),
)
truncations = st.builds(
    ServerTruncation,
    usable_input_tokens=st.sampled_from([28_672, 96_000]),
    after_prefix_tokens=st.sampled_from([None, 3_000, 8_000]),
    retention_ratio=st.sampled_from([1.0, 0.8, 0.5]),
)
outlooks = st.builds(
    Outlook,
    prices=st.sampled_from([BIG, MINI, PRICES["gpt-realtime"]]),
    rates=rates,
    hit_rate=st.floats(0, 1),
    hours=st.floats(0.01, 1.0),
    prefix_tokens=st.integers(0, 2_000),
    truncation=truncations,
    summary_tokens=st.integers(0, 600),
    summariser=st.sampled_from([None, LUNA, TEXT_PRICES["gpt-5.4-mini"]]),
    replies_kept_as_audio=st.sampled_from([None, 0, 1, 2]),
)
strategies = st.builds(
    Strategy,
    trigger_tokens=st.none() | st.integers(1, 12_000),
    keep_turns=st.integers(1, 5),
    keep_tokens=st.none() | st.integers(0, 4_000),
    verbatim_tokens=st.sampled_from([0, 500, 3_000]),
)


@given(outlooks, strategies)
@settings(max_examples=80, deadline=None)
def test_a_forecast_is_what_a_replay_with_real_prefixes_gives(outlook: Outlook, strategy: Strategy) -> None:
    outlook = replace(outlook, hours=min(outlook.hours, 80 * outlook.rates.turn_s / 3600))
    there, slow = forecast_cost(outlook, strategy), Replay(outlook, strategy)
    assert there.usage == slow.usage
    assert (there.splices, there.summaries, there.turns_lost) == (slow.splices, slow.summaries, slow.lost)
    assert there.most_window_tokens == slow.most
    assert there.cost.total == pytest.approx(cost_usd(slow.usage, outlook.prices))
    if outlook.summariser is not None:
        written = slow.summaries * outlook.summary_tokens * outlook.summariser.text_out
        by_hand = (slow.material * outlook.summariser.text_in + written) / 1e6
        assert there.summaries_usd == pytest.approx(by_hand)


def test_three_turns_by_hand() -> None:
    # user 4 text + 60 audio; reply 4 + 40 + 9 text + 240 audio, of which 49 text are generated
    there = forecast_cost(Outlook(BIG, hit_rate=1.0, hours=60 / 3600, prefix_tokens=100))
    assert there.turns == 3
    assert (there.usage.input_text, there.usage.input_audio) == (3 * 104 + (1 + 2) * 57, 3 * 60 + (1 + 2) * 300)
    assert (there.usage.cached_text, there.usage.cached_audio) == ((100 + 57) + (100 + 2 * 57), (1 + 2) * 300)
    assert (there.usage.output_text, there.usage.output_audio) == (3 * 49, 3 * 240)
    assert there.most_window_tokens == 2 * 357 + 64


async def test_typed_turns_on_the_simulator_cost_what_was_forecast() -> None:
    desk, conversation, turns = Desk("gpt-realtime-2.1"), Conversation(), 40
    for number in range(turns):
        await desk.type_turn(f"My dog number {number} is called Biscuit {number}, and he likes long walks by the sea.")
    await desk.close()
    for event in desk.sent:
        conversation.apply(event)
    ledger, measured = conversation.ledger, SpeechRates.measured(conversation.all_turns)
    assert measured is not None
    assert ledger.hit_rate is not None
    assert ledger.hit_rate > 0.9  # in steps of 64 tokens
    prefix = ledger.entries[0].usage.input_tokens - sum(measured.user_message)
    hours = turns * measured.turn_s / 3600
    there = forecast_cost(Outlook(BIG, measured, ledger.hit_rate, hours, prefix_tokens=prefix))
    assert there.turns == turns
    assert there.usage.input_tokens == pytest.approx(ledger.total.input_tokens, rel=0.1)
    assert there.usage.cached_tokens == pytest.approx(ledger.total.cached_tokens, rel=0.1)
    assert there.cost.total == pytest.approx(cost_usd(ledger.total, BIG), rel=0.15)


@given(outlooks, strategies, st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_a_better_cache_is_never_dearer(outlook: Outlook, strategy: Strategy, other: float) -> None:
    low, high = sorted((outlook.hit_rate, other))
    dear, cheap = (forecast_cost(replace(outlook, hit_rate=rate), strategy).total_usd for rate in (low, high))
    assert cheap <= dear + 1e-12


@given(outlooks, st.integers(1, 60), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_doing_nothing_costs_more_the_longer_it_goes_on(outlook: Outlook, turns: int, more: int) -> None:
    short, long = (
        forecast_cost(replace(outlook, hours=count * outlook.rates.turn_s / 3600)) for count in (turns, turns + more)
    )
    assert (short.turns, long.turns) == (turns, turns + more)
    assert short.total_usd < long.total_usd


def test_what_the_reference_model_says_about_sixty_turns() -> None:
    # pitfalls, "facts about cost": the same order of policies; docs/costs.md says how far the sums are apart, and why
    def usd(hit_rate: float, trigger: int | None, **limits: int) -> float:
        outlook = Outlook(BIG, hit_rate=hit_rate, hours=SIXTY_TURNS, truncation=ServerTruncation(**limits))
        return forecast_cost(outlook, Strategy(trigger)).total_usd

    assert usd(1, None) < usd(1, 2_000)  # with a perfect cache, summarising early costs more than doing nothing
    assert 1 - usd(0.7, 2_000) / usd(0.7, None) == pytest.approx(2 / 3, abs=0.05)
    assert usd(1, None, after_prefix_tokens=8_000) > 5 * usd(1, None)  # trimming anew on every turn is the dearest


def test_trimming_in_steps_is_cheaper_than_trimming_on_every_turn() -> None:
    outlook = Outlook(MINI, hit_rate=1.0)
    every_turn, in_steps = (
        forecast_cost(replace(outlook, truncation=ServerTruncation(after_prefix_tokens=8_000, retention_ratio=ratio)))
        for ratio in (1.0, 0.8)
    )
    assert in_steps.total_usd < every_turn.total_usd / 2
    assert min(in_steps.turns_lost, every_turn.turns_lost) > 100


def test_tiers_put_a_summary_off_and_carry_more_text() -> None:
    outlook, tiers = Outlook(MINI, hours=1 / 4, summariser=LUNA), Strategy(4_000, verbatim_tokens=3_000)
    short = forecast_cost(outlook, tiers)
    assert short.splices >= 1
    assert (short.summaries, short.summaries_usd) == (0, 0)
    long, plain = (forecast_cost(replace(outlook, hours=2), way) for way in (tiers, Strategy(4_000)))
    assert long.summaries > 0
    assert long.usage.input_text > plain.usage.input_text
    assert long.splices > plain.splices  # what stays as text fills the window sooner


def test_one_truncation_is_read_the_same_on_both_sides() -> None:
    for value in (
        "auto", "disabled", {"type": "retention_ratio", "retention_ratio": 0.8},
        {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 8_000}},
    ):  # fmt: skip
        ours = ServerTruncation.of_session({"model": "gpt-realtime-2.1", "truncation": value})
        theirs = Truncation.from_session(value, 96_000)
        for prefix in (0, 500, 95_000, 200_000):
            assert ours.room_after(prefix) == theirs.room_after(prefix)
            assert ours.kept_after(prefix) == theirs.kept_after(prefix)
    assert ServerTruncation.of_session({}).usable_input_tokens == 28_672


# -- the best trigger ---------------------------------------------------------------------------------


@given(outlooks, st.integers(1, 4), st.sampled_from([1, 3]))
@settings(max_examples=40, deadline=None)
def test_no_fixed_trigger_is_more_than_three_percent_cheaper(outlook: Outlook, keep: int, apart: int) -> None:
    outlook = replace(outlook, hours=min(outlook.hours, 120 * outlook.rates.turn_s / 3600))
    choice = best_trigger(outlook, keep, turns_apart=apart)
    walker, longer = Walker(outlook), Walker(replace(outlook, hours=outlook.hours * 3))
    top = choice.never.most_window_tokens + 2
    for trigger in range(1, top, max(1, top // 100)):
        fixed = walker.forecast(Strategy(trigger, keep))
        if fixed.turns_lost > choice.chosen.turns_lost:
            continue
        if (longer.forecast(Strategy(trigger, keep)).turns_apart or apart) >= apart:  # also if the talk goes on
            assert choice.chosen.total_usd <= fixed.total_usd * 1.03


@given(outlooks)
@settings(max_examples=30, deadline=None)
def test_a_choice_is_a_forecast_and_keeps_its_summaries_apart(outlook: Outlook) -> None:
    choice = best_trigger(outlook)
    assert choice.chosen == forecast_cost(outlook, choice.chosen.strategy)
    assert choice.never == forecast_cost(outlook)
    assert (choice.chosen.turns_apart or 3) >= 3
    assert choice.chosen.turns_lost <= choice.never.turns_lost
    if choice.chosen.turns_lost == choice.never.turns_lost:
        assert choice.chosen.total_usd <= choice.never.total_usd


def test_a_perfect_cache_and_a_short_talk_make_never_the_answer() -> None:
    choice = best_trigger(Outlook(BIG, hit_rate=1.0, hours=1 / 8, summariser=LUNA))
    assert choice.trigger_tokens is None
    assert choice.summarising is not None
    assert choice.summarising.total_usd > choice.never.total_usd
    assert "do not summarise" in choice.explain()
    assert f"${choice.summarising.usd_per_hour:.2f}" in choice.explain()


def test_a_cache_that_fails_makes_early_summaries_pay() -> None:
    triggers = []
    for hit_rate in (1.0, 0.9, 0.7, 0.0):
        choice = best_trigger(Outlook(BIG, hit_rate=hit_rate, summariser=LUNA))
        assert choice.trigger_tokens is not None
        assert f"summarise at {choice.trigger_tokens:,} tokens" in choice.explain()
        triggers.append(choice.trigger_tokens)
    assert triggers == sorted(triggers, reverse=True)
    assert triggers[0] > 2 * triggers[-1]


def test_a_choice_that_forgets_is_no_choice() -> None:
    # dropping turns in steps is cheaper than any summary here, and it loses them
    dear = TEXT_PRICES["gpt-5.4-mini"]
    outlook = Outlook(
        MINI, hit_rate=1.0, summary_tokens=3_000, summariser=replace(dear, text_out=450.0),
        truncation=ServerTruncation(after_prefix_tokens=8_000, retention_ratio=0.5),
    )  # fmt: skip
    choice = best_trigger(outlook)
    assert choice.never.turns_lost > 0
    assert choice.never.total_usd < choice.chosen.total_usd
    assert choice.chosen.turns_lost == 0
    assert f"drop {choice.never.turns_lost} turns" in choice.explain()


def test_the_working_by_hand() -> None:
    choice = best_trigger(Outlook(BIG, hit_rate=1.0, hours=1 / 8, prefix_tokens=100, summariser=LUNA))
    # never: 22 turns (450 s / 20 s, rounded); the last re-reads the prefix and 21 turns of 57 text and 300 audio
    assert choice.never.turns == 22
    assert choice.carry_usd == pytest.approx((100 + 21 * 357) * 0.4e-6, abs=1e-7)
    # a splice: 260 of memory and two turns at full price instead of cached, and a writer for 20 turns of 68
    lost = (260 + 2 * 57) * 3.6e-6 + 2 * 300 * 31.6e-6
    assert choice.splice_usd == pytest.approx(lost + ((150 + 20 * 68) * 0.1 + 250 * 0.5) / 1e6, abs=1e-7)


def test_a_talk_of_one_turn_has_nothing_to_summarise() -> None:
    choice = best_trigger(Outlook(MINI, hours=0.001))
    assert (choice.trigger_tokens, choice.summarising) == (None, None)
    assert "too short" in choice.explain()


@pytest.mark.parametrize(
    ("make", "values"),
    [
        (Outlook, {"prices": MINI, "hit_rate": 1.1}),
        (Outlook, {"prices": MINI, "hours": 0}),
        (Outlook, {"prices": MINI, "prefix_tokens": -1}),
        (SpeechRates, {"user_s": -1}),
        (SpeechRates, {"user_s": 0, "assistant_s": 0, "pause_s": 0}),
        (Strategy, {"trigger_tokens": 0}),
        (Strategy, {"keep_turns": 0}),
        (Strategy, {"verbatim_tokens": -1}),
        (best_trigger, {"outlook": Outlook(MINI), "turns_apart": 0}),
    ],
)
def test_values_that_cannot_be_are_refused_in_words(make: Callable[..., object], values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="Use"):
        make(**values)
