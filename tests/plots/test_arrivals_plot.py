"""The plot of arrivals: what is drawn is what was measured, to one scale, and the sentence says the same."""

from __future__ import annotations

from realtime_helpers.plots import plot_arrivals

DELAYS = {"naive": [(0.0, 300.0), (40.0, 260.0), (80.0, 220.0)], "safe": [(0.0, 0.5)], "nobody": []}


def test_each_chunk_is_a_point_and_all_panels_have_one_scale() -> None:
    panels = plot_arrivals(DELAYS).figure.axes
    assert [panel.lines[0].get_xydata().tolist() for panel in panels] == [
        [[0, 300], [0.04, 260], [0.08, 220]], [[0, 0.5]], [],
    ]  # fmt: skip
    assert len({panel.get_ylim() for panel in panels}) == 1
    assert panels[0].get_ylim()[1] > 300


def test_the_sentence_says_what_the_figure_shows() -> None:
    assert plot_arrivals(DELAYS).sentence == (
        "naive: 3 chunks, median delay 260 ms, longest 300 ms; safe: 1 chunk, median delay 0.5 ms, longest 0.5 ms; "
        "nobody: 0 chunks, nothing arrived."
    )
    assert plot_arrivals({}).sentence == "There are no arrivals to show."
