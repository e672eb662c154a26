from __future__ import annotations

import pytest

from realtime_helpers.conversation import Ledger, LedgerEntry, Usage


def record(ledger: Ledger, read: int, cached: int = 0, written: int = 0, *, out_of_band: bool = False) -> None:
    usage = Usage(input_audio=read, cached_audio=cached, output_audio=written)
    ledger.record(LedgerEntry("r", "completed", usage, out_of_band, read))


def test_there_is_no_hit_rate_before_the_second_response() -> None:
    ledger = Ledger()
    assert ledger.hit_rate is None
    record(ledger, 100, cached=64)  # a cache of another session: nothing to compare it with
    assert ledger.hit_rate is None
    record(ledger, 200)
    assert ledger.hit_rate == 0


def test_at_most_what_the_previous_response_read_and_wrote_could_be_cached() -> None:
    ledger = Ledger()
    record(ledger, 100, written=50)
    record(ledger, 200, cached=75, written=100)  # of 150
    assert ledger.hit_rate == 0.5
    record(ledger, 250, cached=250)  # of 250, though 300 were there
    assert (ledger.cached_tokens, ledger.cacheable_tokens) == (325, 400)
    assert ledger.measured_responses == 2


def test_the_recorded_three_turns() -> None:
    # reference §4.3: turn 2 found 64 of the 42 read and 60 written before; turn 3 lost everything
    ledger = Ledger()
    for usage in (
        Usage(input_text=15, input_audio=27, output_text=18, output_audio=42),
        Usage(input_text=43, input_audio=96, cached_audio=64, output_text=18, output_audio=43),
        Usage(input_text=63, input_audio=124, output_text=17, output_audio=98),
    ):
        ledger.record(LedgerEntry("r", "completed", usage, out_of_band=False, conversation_tokens=0))
    assert ledger.hit_rate == pytest.approx(64 / (102 + 187))


def test_a_splice_says_nothing_of_the_cache() -> None:
    ledger = Ledger()
    record(ledger, 1000)
    record(ledger, 1100, cached=1000)
    record(ledger, 300, cached=0)  # old turns left: the window fell
    assert ledger.hit_rate == 1
    record(ledger, 400, cached=150)
    assert ledger.hit_rate == pytest.approx(1150 / 1300)


def test_responses_out_of_band_and_those_that_read_nothing_stay_out_of_it() -> None:
    ledger = Ledger()
    record(ledger, 100)
    record(ledger, 5000, out_of_band=True)
    record(ledger, 0)
    record(ledger, 200, cached=100)
    assert ledger.hit_rate == 1
    assert len(ledger.entries) == 4


def test_more_than_could_be_known_counts_as_all() -> None:
    ledger = Ledger()
    record(ledger, 100)
    record(ledger, 200, cached=192)
    assert ledger.hit_rate == 1
