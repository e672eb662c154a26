"""The plot of windows: each point is what a response read, and a ring stands where a summary came before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from realtime_helpers import RealtimeSession, SummaryRecord, Usage
from realtime_helpers.conversation import LedgerEntry
from realtime_helpers.plots import plot_windows
from realtime_helpers.session import Snapshot


def talk(windows: list[int], *cuts: tuple[int, int | None]) -> Snapshot:
    responses = tuple(
        LedgerEntry(f"r{n}", "completed", Usage(), out_of_band=False, conversation_tokens=tokens)
        for n, tokens in enumerate(windows)
    )
    summaries = tuple(
        SummaryRecord(f"sum_{n}", "", (), None, before, window_after=after) for n, (before, after) in enumerate(cuts)
    )
    return replace(RealtimeSession().snapshot, responses=responses, summaries=summaries)


WIDE = talk([0, 300, 600])
NARROW = talk([0, 300, 100, 300, 100], (300, 100), (300, 100), (100, None))


def test_a_ring_stands_at_the_first_response_after_each_summary() -> None:
    (panel,) = plot_windows({"wide": WIDE, "narrow": NARROW}).figure.axes
    wide, no_rings, narrow, rings = (line.get_xydata().tolist() for line in panel.lines)
    assert wide == [[1, 0], [2, 300], [3, 600]]
    assert no_rings == []
    assert narrow[1:3] == [[2, 300], [3, 100]]
    assert rings == [[3, 100], [5, 100]]


def test_summaries_of_one_response_after_the_other_all_have_a_ring() -> None:
    (panel,) = plot_windows({"all the time": talk([0, 90, 90, 90], (90, 90), (90, 90))}).figure.axes
    assert panel.lines[1].get_xydata().tolist() == [[3, 90], [4, 90]]


def test_the_sentence_says_how_often_and_how_much() -> None:
    assert plot_windows({"wide": WIDE, "narrow": NARROW}).sentence == (
        "wide: never summarised, at most 600 tokens read at once, 600 at the end; "
        "narrow: summarised 3 times, at most 300 tokens read at once, 100 at the end."
    )
    undone = replace(NARROW, summaries=[*NARROW.summaries, replace(NARROW.summaries[-1], occasion="undone")])
    assert plot_windows({"narrow": undone}).sentence == plot_windows({"narrow": NARROW}).sentence
    assert plot_windows({}).sentence == "There is no talk to show."
    assert plot_windows({"new": talk([])}).sentence == "new: nothing was read yet."


def test_no_two_talks_look_the_same() -> None:
    with pytest.raises(ValueError, match="at most 4"):
        plot_windows({str(n): WIDE for n in range(5)})
