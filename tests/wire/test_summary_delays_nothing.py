"""A summary that takes five seconds, over a real socket in real time: nobody notices it."""

from __future__ import annotations

from realtime_helpers.experiments.in_flight import measure

from ..served import serving

MOST_GAP_MS = 60  # a piece of audio is 40 ms; the machine may be busy
MOST_SILENCED_MS = 20
MOST_SLOWER_MS = 250  # recorded latencies vary by 15 %, recognition by more


def test_a_summary_in_flight_delays_no_upload_no_interruption_and_no_reply() -> None:
    with serving() as url:
        without = measure(url, summary_takes_s=None)
        during = measure(url, summary_takes_s=5.0)
    assert during.was_writing, "the summary was in before the measurement was over"
    assert during.interrupted
    assert without.interrupted
    assert len(during.upload_gaps) > 120
    assert 35 < during.gap(0.5) < 45
    assert during.gap(0.99) <= MOST_GAP_MS
    assert during.silenced <= MOST_SILENCED_MS
    for slower, usual in zip(during.first_audio, without.first_audio, strict=True):
        assert slower <= usual + MOST_SLOWER_MS
