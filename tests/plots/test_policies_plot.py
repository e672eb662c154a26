"""The plots of policies: what is drawn is what the forecast and the runs say, and the sentences say the same."""

from __future__ import annotations

import pytest

from realtime_helpers.conversation import PRICES, Outlook, Strategy, best_trigger, forecast_cost
from realtime_helpers.plots import Held, Plot, plot_cost_over_time, plot_recall_against_cost

OUTLOOK = Outlook(PRICES["gpt-realtime-2.1"])
STRATEGIES = {"never": Strategy(), "at 2,000": Strategy(2_000)}
TRIED = (Held("never", 1.28, 1.0), Held("server cuts", 1.91, 0.0), Held("eager", 1.04, 0.9))


@pytest.fixture(scope="module")
def over_time() -> Plot:
    return plot_cost_over_time(OUTLOOK, STRATEGIES, (1.0, 0.7))


def test_each_panel_ends_at_the_forecast_of_its_hit_rate(over_time: Plot) -> None:
    panels = over_time.figure.axes
    assert [panel.get_title(loc="left") for panel in panels] == ["hit rate 100%", "hit rate 70%"]
    for panel, hit_rate in zip(panels, (1.0, 0.7), strict=True):
        here = Outlook(PRICES["gpt-realtime-2.1"], hit_rate=hit_rate)
        ends = {line.get_label(): line.get_xydata()[-1].tolist() for line in panel.lines}
        assert ends["never"] == [60.0, pytest.approx(forecast_cost(here).total_usd)]
        assert ends["cheapest trigger"] == [60.0, pytest.approx(best_trigger(here).chosen.total_usd)]
        assert ends["cheapest trigger"][1] <= min(usd for _, usd in ends.values()) + 1e-9


def test_the_sentence_says_where_each_line_ends_and_which_trigger_is_cheapest(over_time: Plot) -> None:
    cold = Outlook(PRICES["gpt-realtime-2.1"], hit_rate=0.7)
    choice = best_trigger(cold)
    assert over_time.sentence.startswith("After 60 minutes, at a hit rate of 100%: never $")
    assert over_time.sentence.endswith(
        f"At a hit rate of 70%: never ${forecast_cost(cold).total_usd:.2f}, "
        f"at 2,000 ${forecast_cost(cold, Strategy(2_000)).total_usd:.2f}; "
        f"cheapest is a summary at {choice.trigger_tokens:,} tokens, ${choice.chosen.total_usd:.2f}."
    )


def test_a_short_talk_may_be_cheapest_without_a_summary() -> None:
    plot = plot_cost_over_time(Outlook(PRICES["gpt-realtime-2.1"], hours=0.05), {"never": Strategy()}, (1.0,))
    assert "cheapest is no summary" in plot.sentence


def test_lines_differ_in_more_than_colour(over_time: Plot) -> None:
    lines = over_time.figure.axes[0].lines
    assert len({line.get_marker() for line in lines}) == len({line.get_linestyle() for line in lines}) == len(lines)


def test_recall_stands_above_its_cost() -> None:
    plot = plot_recall_against_cost(TRIED)
    points = {line.get_label(): line.get_xydata().tolist() for line in plot.figure.axes[0].lines}
    assert points == {"never": [[1.28, 100.0]], "server cuts": [[1.91, 0.0]], "eager": [[1.04, 90.0]]}
    assert plot.sentence == (
        "From cheap to dear: eager $1.04 with 90% of the facts; never $1.28 with 100% of the facts; "
        "server cuts $1.91 with 0% of the facts."
    )
    markers = {line.get_marker() for line in plot.figure.axes[0].lines}
    assert len(markers) == len(TRIED)


def test_letters_can_be_read_in_a_lecture_room_and_a_notebook_can_hold_the_picture(over_time: Plot) -> None:
    for plot in (over_time, plot_recall_against_cost(TRIED)):
        labels = [text for panel in plot.figure.axes for text in (*panel.get_xticklabels(), panel.xaxis.label)]
        legend = [text for box in plot.figure.legends for text in box.get_texts()]
        assert min(text.get_fontsize() for text in [*labels, *legend]) >= 12
        assert len(plot._repr_html_()) < 100_000
