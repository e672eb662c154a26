"""The waits of a talk, turn by turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..session import MEASURES, Latency, Measure, Samples, Snapshot
from .plot import BLACK, BLUE, FONT, GREEN, PURPLE, VERMILION, Plot, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH_IN = 12
_PANEL_IN = 2.2
_OF_TURNS = {
    "first_audio": (BLUE, "o"), "first_sound": (GREEN, "s"), "silence": (VERMILION, "D"), "transcript": (PURPLE, "^"),
}  # fmt: skip


def plot_latency(snapshot: Snapshot) -> Plot:
    """The waits of each turn as points, with their median and 95th percentile; those of the line as ranges below.

    Args:
        snapshot: Of a session, also of one that has ended.

    Raises:
        MissingPartError: matplotlib is not installed.
    """
    latency = snapshot.latency
    turn_of = {item.id: number for number, turn in enumerate(snapshot.turns, start=1) for item in turn.items}
    of_turns = [measure for measure, samples in latency if measure.name in _OF_TURNS and samples.count]
    of_line = [measure for measure, samples in latency if measure.name not in _OF_TURNS and samples.count]
    rows = len(of_turns) + bool(of_line)
    figure = new_figure(_WIDTH_IN, max(2.0, rows * _PANEL_IN + 1))
    figure.suptitle("Latency", fontsize=FONT + 4)
    if not rows:
        figure.text(0.5, 0.4, "Nothing was measured yet.", ha="center", fontsize=FONT)
        return Plot(figure, _in_words(latency))
    panels = list(figure.subplots(rows, 1, squeeze=False)[:, 0])
    for panel, measure in zip(panels, of_turns, strict=False):
        _draw_turns(panel, measure, getattr(latency, measure.name), turn_of)
    for panel in panels[: len(of_turns)]:
        panel.set_xlim(0.5, max(len(snapshot.turns), 1) + 0.5)
        panel.xaxis.get_major_locator().set_params(integer=True)
    if of_turns:
        panels[len(of_turns) - 1].set_xlabel("turn", fontsize=FONT)
    if of_line:
        _draw_line(panels[-1], [(measure, getattr(latency, measure.name)) for measure in of_line])
    for panel in panels:
        panel.tick_params(labelsize=FONT)
        panel.spines[["top", "right"]].set_visible(False)
    return Plot(figure, _in_words(latency))


def _draw_turns(panel: Axes, measure: Measure, samples: Samples, turn_of: Mapping[str, int]) -> None:
    colour, marker = _OF_TURNS[measure.name]
    known = [(turn_of[item_id], ms) for item_id, ms in zip(samples.item_ids, samples.ms, strict=True)
             if item_id in turn_of]  # fmt: skip
    panel.plot(
        [turn for turn, _ in known],
        [ms for _, ms in known],
        marker,
        color=colour,
        markersize=9 if len(known) < 50 else 5,
        zorder=3,
    )
    panel.set_title(f"{measure.title}, ms", fontsize=FONT, loc="left")
    panel.set_ylim(0, 1.25 * max(ms for ms in samples.ms) or 1)
    marks = [(samples.median, "-", "p50"), (samples.p95, "--", "p95")]
    is_narrow = (samples.p95 or 0) - (samples.median or 0) < 0.12 * panel.get_ylim()[1]
    for value, style, name in marks:
        assert value is not None
        panel.axhline(value, color=BLACK, linestyle=style, linewidth=1.5)
        panel.annotate(
            f" {name} {_ms(value)}", (1, value), xycoords=("axes fraction", "data"), fontsize=FONT,
            va=("top" if name == "p50" else "bottom") if is_narrow else "center",
        )  # fmt: skip


def _draw_line(panel: Axes, measures: list[tuple[Measure, Samples]]) -> None:
    """Many values a second: where the middle of them and nearly all of them lie."""
    for row, (_, samples) in enumerate(measures):
        median, p95 = samples.median or 0.0, samples.p95 or 0.0
        panel.plot([median, p95], [row, row], "-", color=BLUE, linewidth=5)
        panel.plot([median], [row], "o", color=BLACK, markersize=10)
        panel.plot([p95], [row], "|", color=BLACK, markersize=18, markeredgewidth=3)
        panel.annotate(f"  p50 {_ms(median)}, p95 {_ms(p95)}", (p95, row), fontsize=FONT, va="center")
    panel.set_yticks(range(len(measures)), [measure.title for measure, _ in measures])
    panel.set_ylim(len(measures) - 0.5, -0.5)
    panel.set_xlim(0, 1.5 * max(samples.p95 or 0.0 for _, samples in measures) or 1)
    panel.set_title("on the line, ms", fontsize=FONT, loc="left")


def _ms(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _in_words(latency: Latency) -> str:
    """What was measured, and what was not."""
    seen = [
        f"{measure.title}: median {_ms(samples.median or 0.0)} ms, 95th percentile {_ms(samples.p95 or 0.0)} ms, "
        f"longest {_ms(samples.longest or 0.0)} ms ({samples.count:,} measured)"
        for measure, samples in latency
        if samples.count
    ]
    unseen = [f"{measure.title} ({measure.if_none})" for measure, samples in latency if not samples.count]
    parts = ["; ".join(seen) or "nothing was measured yet"]
    if latency.replies:
        parts.append(f"{latency.interrupted} of {latency.replies} spoken replies were interrupted")
    if seen and len(unseen) < len(MEASURES):
        parts.append(f"not measured: {'; '.join(unseen)}" if unseen else "everything was measured")
    sentence = ". ".join(part[0].upper() + part[1:] for part in parts)
    return f"{sentence}."
