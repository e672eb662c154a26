"""Sound as one sees it: its samples over time, and the steps that G.711 rounds them to."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import get_args

from ..audio.formats import RATE_HZ, samples_from_pcm
from ..audio.g711 import Law, decode
from ..audio.levels import LevelMeter
from ..errors import AudioError
from .plot import BLACK, BLUE, FONT, GREEN, VERMILION, Plot, new_figure

_WIDTH_IN = 12
_PANEL_IN = 2.4
_COLUMNS = 500
_FULL_SCALE = 32_768
_LAWS: dict[Law, tuple[str, str, str]] = {"mu": ("µ-law", BLUE, "-"), "a": ("A-law", GREEN, "--")}


def plot_waveform(sounds: Mapping[str, bytes]) -> Plot:
    """Sounds below each other, on one time axis.

    Args:
        sounds: PCM16, 24 kHz, mono, by what each is called.

    Raises:
        AudioError: There is no sound in one of them.
        MissingPartError: matplotlib is not installed.
    """
    if not sounds or not all(len(pcm) >= 2 for pcm in sounds.values()):
        raise AudioError("There is nothing to draw.", "Give each sound at least one sample.")
    import numpy as np

    figure = new_figure(_WIDTH_IN, len(sounds) * _PANEL_IN + 0.8)
    panels = figure.subplots(len(sounds), 1, squeeze=False, sharex=True)[:, 0]
    said = []
    for panel, (name, pcm) in zip(panels, sounds.items(), strict=True):
        samples = samples_from_pcm(pcm)
        size = -(-len(samples) // _COLUMNS)  # a line through every sample shows no more
        starts = range(0, len(samples), size)
        lowest, highest = (np.array([of(samples[at : at + size]) for at in starts]) for of in (np.min, np.max))
        panel.fill_between([at / RATE_HZ for at in starts], lowest, highest, color=BLUE, linewidth=0.8)
        panel.set_ylim(-1, 1)
        panel.set_title(name, fontsize=FONT, loc="left")
        panel.tick_params(labelsize=FONT)
        panel.spines[["top", "right"]].set_visible(False)
        level = LevelMeter().add(pcm)
        loudest_s = float(abs(samples).argmax()) / RATE_HZ
        said.append(
            f"{name}: {len(samples):,} samples in {len(samples) / RATE_HZ:.2f} s, the loudest of them at "
            f"{loudest_s:.2f} s with {level.peak_dbfs:.0f} dBFS"
        )
    panels[-1].set_xlabel("seconds", fontsize=FONT)
    return Plot(figure, f"{'. '.join(said)}.")


def plot_quantisation() -> Plot:
    """How far apart the values are that a sample is rounded to, against how loud it is: G.711 beside plain numbers.

    Raises:
        MissingPartError: matplotlib is not installed.
    """
    figure = new_figure(_WIDTH_IN, 5)
    panel = figure.subplots()
    said = []
    for law in get_args(Law):
        name, colour, style = _LAWS[law]
        levels = sorted({abs(value) for value in _values(law)})
        steps = [above - below for below, above in itertools.pairwise(levels)]
        panel.step(levels[1:], steps, color=colour, linestyle=style, linewidth=2.5, where="pre", label=f"G.711 {name}")
        said.append(f"G.711 {name} has steps of {steps[0]} near silence and {steps[-1]:,} at full loudness")
    panel.axhline(256, color=VERMILION, linestyle=":", linewidth=2.5, label="plain 8 bits")
    panel.axhline(1, color=BLACK, linestyle="-.", linewidth=2.5, label="PCM16")
    panel.set_xscale("log", base=2)
    panel.set_yscale("log", base=2)
    panel.set_xlim(16, _FULL_SCALE)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter("{x:,.0f}")
    panel.set_xlabel(f"how loud a sample is (of {_FULL_SCALE:,})", fontsize=FONT)
    panel.set_ylabel("distance to the next value", fontsize=FONT)
    panel.tick_params(labelsize=FONT)
    panel.legend(fontsize=FONT)
    panel.spines[["top", "right"]].set_visible(False)
    return Plot(figure, f"{'; '.join(said)}. Plain 8 bits would have steps of 256 everywhere, PCM16 has 1.")


def _values(law: Law) -> list[int]:
    """Every sample that one byte can stand for."""
    return [round(float(value) * _FULL_SCALE) for value in samples_from_pcm(decode(bytes(range(256)), law))]
