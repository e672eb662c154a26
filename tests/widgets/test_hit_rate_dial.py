"""The dial for the cache: what it shows is computed from the runs, at the hit rate of its slider."""

from __future__ import annotations

import threading

import pytest

from realtime_helpers.conversation import PRICES, Usage, cost_usd
from realtime_helpers.course.policies import MODEL
from realtime_helpers.errors import SettingsError
from realtime_helpers.experiments.recall import Checkpoint
from realtime_helpers.widgets.hit_rate_dial import HitRateDial


def run(policy: str, usage: Usage) -> Checkpoint:
    return Checkpoint(policy, 30, 1, 10, 10, 500, 500.0, usage.input_tokens, cost_usd(usage, PRICES[MODEL]), usage)


LONG = run("never <b>", Usage(input_audio=50_000, cached_audio=49_000, output_audio=2_000))
SHORT = run("eager", Usage(input_audio=10_000, cached_audio=7_000, output_audio=2_000))


def test_the_cheapest_changes_with_the_hit_rate() -> None:
    dial = HitRateDial([LONG, SHORT])
    assert dial.sentence.startswith("At a hit rate of 100 %, “never <b>” is the cheapest")
    dial.set("hit rate", 70)
    assert dial.sentence.startswith("At a hit rate of 70 %, “eager” is the cheapest")
    missed = Usage(input_audio=50_000, cached_audio=34_300, output_audio=2_000)
    assert dial.costs_usd["never <b>"] == pytest.approx(cost_usd(missed, PRICES[MODEL]))
    picture = dial.children[1].value
    assert f"${dial.costs_usd['eager']:.3f}" in picture
    assert "At a hit rate of 70 %" in picture
    assert "<b>" not in picture


def test_it_may_be_moved_from_a_foreign_thread() -> None:
    dial = HitRateDial([LONG, SHORT])
    thread = threading.Thread(target=dial.set, args=("hit rate", 90))
    thread.start()
    thread.join(10)
    assert "At a hit rate of 90 %" in dial.children[1].value


def test_what_cannot_be_is_refused() -> None:
    dial = HitRateDial([LONG, SHORT])
    with pytest.raises(SettingsError, match="no control called 'price'"):
        dial.set("price", 1)
    with pytest.raises(SettingsError, match="cannot be"):
        dial.set("hit rate", 101)
    assert dial.children[0].description == "cache hit rate, %"
