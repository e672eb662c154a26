"""When chunks of audio came, and how late each of them was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from .plot import BLUE, FONT, GREEN, VERMILION, Plot, new_figure

_STYLES = ((VERMILION, "o"), (BLUE, "s"), (GREEN, "^"))
_PANEL_IN = 2.8
_DENSE = 100


def plot_arrivals(delays: Mapping[str, Sequence[tuple[float, float]]]) -> Plot:
    """How late each chunk arrived, over the moment at which it was made; a panel for each way, all to one scale.

    Args:
        delays: For each way, a pair for every chunk: when it was made, and how much later it arrived, in milliseconds.

    Raises:
        MissingPartError: matplotlib is not installed.
    """
    figure = new_figure(12, 1 + _PANEL_IN * max(1, len(delays)))
    if not delays:
        return Plot(figure, "There are no arrivals to show.")
    panels = list(figure.subplots(len(delays), 1, sharex=True, sharey=True, squeeze=False)[:, 0])
    latest = max((late for pairs in delays.values() for _, late in pairs), default=0.0)
    for number, (panel, (name, pairs)) in enumerate(zip(panels, delays.items(), strict=True)):
        colour, marker = _STYLES[number % len(_STYLES)]
        seconds, late = [made / 1000 for made, _ in pairs], [late for _, late in pairs]
        is_dense = len(pairs) >= _DENSE
        panel.plot(seconds, late, marker, color=colour, markersize=3 if is_dense else 9)
        if not is_dense:
            panel.vlines(seconds, 0, late, color=colour, alpha=0.4)
        panel.set_title(f"{name}: delay, ms", fontsize=FONT, loc="left")
        panel.tick_params(labelsize=FONT)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(-0.05 * latest - 1, 1.15 * latest + 1)
    panels[-1].set_xlabel("when the chunk was recorded, s", fontsize=FONT)
    return Plot(figure, _in_words(delays))


def _in_words(delays: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    parts = []
    for name, pairs in delays.items():
        late = [ms for _, ms in pairs]
        chunks = "1 chunk" if len(late) == 1 else f"{len(late):,} chunks"
        how = f"median delay {_ms(median(late))} ms, longest {_ms(max(late))} ms" if late else "nothing arrived"
        parts.append(f"{name}: {chunks}, {how}")
    return f"{'; '.join(parts)}."


def _ms(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
