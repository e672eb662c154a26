"""The plot of waits: what is drawn is what was measured, and the sentence says the same."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from realtime_helpers import RealtimeSession
from realtime_helpers.conversation import Item, Turn
from realtime_helpers.errors import MissingPartError
from realtime_helpers.plots import plot_latency
from realtime_helpers.session import Latency, Samples, Snapshot


def samples(*ms: float, first_turn: int = 1, role: str = "a") -> Samples:
    items = tuple(f"{role}{number}" for number in range(first_turn, first_turn + len(ms)))
    return Samples(ms, items, len(ms), max(ms))


FULL = Latency(
    first_audio=samples(420, 510, 480, 1_900, 450, 470),
    first_sound=samples(485, 570, 540, 1_965, 512, 531),
    silence=samples(3.2, 4.1, first_turn=3),
    transcript=samples(450, 455, 700, 440, 460, 450, role="u"),
    upload_delay=Samples((0.2,) * 94 + (4.0,) * 6, ("",) * 100, 100, 4.0),
    upload_jitter=Samples((1.0,) * 90 + (9.0,) * 10, ("",) * 100, 100, 9.0),
    round_trip=Samples((31.0, 33.0), ("", ""), 2, 33.0),
    replies=6,
    interrupted=2,
)


def snapshot(latency: Latency) -> Snapshot:
    turns = tuple(
        Turn((Item(f"u{number}", "message", "user"), Item(f"a{number}", "message", "assistant")))
        for number in range(1, 7)
    )
    return replace(RealtimeSession().snapshot, turns=turns, latency=latency)


def test_each_point_stands_at_its_turn_with_its_wait() -> None:
    panels = plot_latency(snapshot(FULL)).figure.axes
    assert len(panels) == 5
    drawn = {panel.get_title(loc="left"): panel.lines[0].get_xydata().tolist() for panel in panels[:4]}
    assert drawn["interruption to silence, ms"] == [[3.0, 3.2], [4.0, 4.1]]
    assert drawn["question to first audio received, ms"][3] == [4.0, 1900.0]
    assert {panel.get_xlim() for panel in panels[:4]} == {(0.5, 6.5)}
    assert [text.get_text().strip() for text in panels[0].texts] == ["p50 475", "p95 1,900"]
    assert next(text.get_text().strip() for text in panels[4].texts) == "p50 0.2, p95 4.0"


def test_the_sentence_says_what_the_figure_shows() -> None:
    sentence = plot_latency(snapshot(FULL)).sentence
    assert sentence.startswith(
        "Question to first audio received: median 475 ms, 95th percentile 1,900 ms, longest 1,900 ms (6 measured); "
    )
    assert sentence.endswith("2 of 6 spoken replies were interrupted. Everything was measured.")


def test_what_was_not_measured_is_not_drawn_and_is_said() -> None:
    plot = plot_latency(snapshot(Latency(first_audio=samples(420.0), replies=1)))
    assert len(plot.figure.axes) == 1
    assert "Not measured: question to first sound (nothing has sounded yet; a silent sink never does)" in plot.sentence
    assert "0 of 1 spoken replies" in plot.sentence


def test_without_any_value_the_figure_says_so() -> None:
    plot = plot_latency(snapshot(Latency()))
    assert not plot.figure.axes
    assert plot.sentence == "Nothing was measured yet."
    assert plot.png().startswith(b"\x89PNG")


def test_letters_can_be_read_in_a_lecture_room_and_no_two_measures_look_alike() -> None:
    figure = plot_latency(snapshot(FULL)).figure
    labels = [text for panel in figure.axes for text in (*panel.texts, *panel.get_xticklabels(), panel.title)]
    assert min(label.get_fontsize() for label in labels) >= 12
    looks = [(panel.lines[0].get_color(), panel.lines[0].get_marker()) for panel in figure.axes[:4]]
    assert len({colour for colour, _ in looks}) == len({marker for _, marker in looks}) == 4


def test_a_notebook_shows_picture_and_sentence() -> None:
    plot = plot_latency(snapshot(FULL))
    html = plot._repr_html_()
    assert html.count("2 of 6 spoken replies were interrupted") == 2, "as its text and for a screen reader"
    assert re.search(r'src="data:image/png;base64,[A-Za-z0-9+/=]{9999,}"', html)


def test_matplotlib_is_imported_when_something_is_drawn_and_no_window_system_is_needed() -> None:
    code = """
import sys
import realtime_helpers.plots as plots
assert "matplotlib" not in sys.modules
from tests.plots.test_latency_plot import FULL, snapshot
plots.plot_latency(snapshot(FULL)).png()
assert "matplotlib.figure" in sys.modules and "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_matplotlib_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPartError, match=re.escape("pip install -e '.[lab]'")):
        plot_latency(snapshot(FULL))
