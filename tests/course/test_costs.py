"""Lesson 02: the check accepts the right sum, and says what is wrong with the usual other ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple
from typing import Any

import pytest

from realtime_helpers.conversation import PRICES, Prices, Usage, cost_usd, read_usage
from realtime_helpers.course.costs import RECORDED, added_tokens, check_price

Price = Callable[[Mapping[str, Any], Prices], Any]


def by_hand(usage: Mapping[str, Any], prices: Prices) -> float:
    read, wrote = usage["input_token_details"], usage["output_token_details"]
    cached = read["cached_tokens_details"]
    return (
        (read["text_tokens"] - cached["text_tokens"]) * prices.text_in
        + (read["audio_tokens"] - cached["audio_tokens"]) * prices.audio_in
        + cached["text_tokens"] * prices.text_cached
        + cached["audio_tokens"] * prices.audio_cached
        + wrote["text_tokens"] * prices.text_out
        + wrote["audio_tokens"] * prices.audio_out
    ) / 1e6


def all_fresh(usage: Mapping[str, Any], prices: Prices) -> float:
    read = read_usage(usage)
    return cost_usd(Usage(read.input_text, read.input_audio, 0, 0, 0, 0, read.output_text, read.output_audio), prices)


def twice(usage: Mapping[str, Any], prices: Prices) -> float:
    cached = usage["input_token_details"]["cached_tokens_details"]
    return all_fresh(usage, prices) + (
        cached["text_tokens"] * prices.text_cached + cached["audio_tokens"] * prices.audio_cached
    ) / 1e6  # fmt: skip


def without_output(usage: Mapping[str, Any], prices: Prices) -> float:
    wrote = usage["output_token_details"]
    return by_hand(usage, prices) - (
        wrote["text_tokens"] * prices.text_out + wrote["audio_tokens"] * prices.audio_out
    ) / 1e6  # fmt: skip


def test_the_right_sum_passes() -> None:
    assert check_price(by_hand).passed
    assert check_price(lambda usage, prices: cost_usd(read_usage(usage), prices)).passed


@pytest.mark.parametrize(
    ("price", "says"),
    [
        (lambda _usage, _prices: 0.0, "Write down what was read first"),
        (lambda _usage, _prices: None, "returned NoneType: return a number"),
        (lambda _usage, _prices: float("nan"), "yours says $nan"),
        (lambda usage, prices: by_hand(usage, prices) * 1e6, "for a million tokens"),
        (all_fresh, "charge everything that was read as fresh"),
        (twice, "take them off it"),
        (without_output, "What was generated is missing"),
        (lambda usage, prices: by_hand(usage, prices) + 1e-6, "one by one"),
        (lambda usage, _prices: usage["tokens"], "raised KeyError: 'tokens', at response 1"),
        (lambda usage, _prices: by_hand(usage, PRICES["gpt-realtime-2.1-mini"]), "on gpt-realtime-2.1 costs"),
    ],
)
def test_the_usual_mistakes_are_explained(price: Price, says: str) -> None:
    verdict = check_price(price)
    assert not verdict.passed
    assert says in verdict.why


def test_the_recorded_usage_is_consistent() -> None:
    for usage in RECORDED:
        read = read_usage(usage)
        assert (read.input_tokens, read.output_tokens) == (usage["input_tokens"], usage["output_tokens"])
        assert read.cached_tokens == usage["input_token_details"]["cached_tokens"]
        assert usage["total_tokens"] == read.input_tokens + read.output_tokens


def test_what_a_turn_added_is_what_was_neither_read_nor_written_before() -> None:
    before = Usage(input_text=71, input_audio=20, output_text=50, output_audio=192)
    now = Usage(input_text=129, input_audio=233, cached_text=64, cached_audio=192, output_text=26, output_audio=70)
    assert astuple(added_tokens(before, now)) == (8, 21, 0, 0, 0, 0, 0, 0)
    assert added_tokens(None, before).input_tokens == 91
