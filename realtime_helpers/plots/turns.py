"""A recording, and where a server found turns in it under different settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..audio.formats import duration_ms, samples_from_pcm
from .plot import BLACK, BLUE, FONT, GREEN, Plot, new_figure

_COLUMNS = 600
_ROW_IN = 0.7


def plot_turns(pcm: bytes, turns: Mapping[str, Sequence[tuple[float, float]]]) -> Plot:
    """The sound on top, and below it a row for each setting, with a numbered bar for each turn.

    Args:
        pcm: What was said: PCM16, 24 kHz, mono.
        turns: Begin and end of each turn in milliseconds, by the name of the setting.

    Raises:
        MissingPartError: matplotlib is not installed.
    """
    figure = new_figure(12, 3 + _ROW_IN * len(turns))
    sound, rows = figure.subplots(2, 1, sharex=True, height_ratios=(2.4, max(1.0, _ROW_IN * len(turns))))
    seconds, loudness = _envelope(pcm)
    sound.fill_between(seconds, [-value for value in loudness], loudness, color=BLACK)
    sound.set_yticks([])
    sound.set_title("what was said", fontsize=FONT, loc="left")
    for row, spans in enumerate(turns.values()):
        for number, (start_ms, end_ms) in enumerate(spans, start=1):
            colour = BLUE if number % 2 else GREEN
            rows.barh(
                row, (end_ms - start_ms) / 1000, left=start_ms / 1000, height=0.7, color=colour, edgecolor="white"
            )
            middle = (start_ms + end_ms) / 2000
            rows.text(middle, row, str(number), ha="center", va="center", color="white", fontsize=FONT, weight="bold")
    rows.set_yticks(range(len(turns)), list(turns))
    rows.set_ylim(len(turns) - 0.4, -0.6)
    rows.set_title("turns that the server found, with the silence it waited for", fontsize=FONT, loc="left")
    rows.set_xlabel("seconds", fontsize=FONT)
    for panel in (sound, rows):
        panel.tick_params(labelsize=FONT)
        panel.spines[["top", "right"]].set_visible(False)
    rows.set_xlim(left=0)
    return Plot(figure, _in_words(pcm, turns))


def _envelope(pcm: bytes) -> tuple[list[float], list[float]]:
    """The loudest sample of each stretch, and where it lies: a line of every sample would be a black bar."""
    import numpy as np

    samples = np.abs(samples_from_pcm(pcm))
    stretches = np.array_split(samples, min(_COLUMNS, max(1, len(samples))))
    loudness = [float(stretch.max()) if len(stretch) else 0.0 for stretch in stretches]
    step_s = duration_ms(pcm) / 1000 / len(loudness)
    return [number * step_s for number in range(len(loudness))], loudness


def _in_words(pcm: bytes, turns: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    parts = [f"A recording of {duration_ms(pcm) / 1000:.1f} s"]
    for name, spans in turns.items():
        count = "no turn" if not spans else "1 turn" if len(spans) == 1 else f"{len(spans)} turns"
        end = f", the last over at {spans[-1][1] / 1000:.1f} s" if spans else ""
        parts.append(f"{name}: {count}{end}")
    return f"{'; '.join(parts)}."
