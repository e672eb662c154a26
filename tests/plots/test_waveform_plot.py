"""Sound as a picture: what is drawn is what was given, the sentence says the same, and the picture is small."""

from __future__ import annotations

import re

import numpy as np
import pytest

from realtime_helpers.audio.formats import RATE_HZ, pcm_from_samples, silence
from realtime_helpers.audio.g711 import decode
from realtime_helpers.errors import AudioError
from realtime_helpers.plots import plot_quantisation, plot_waveform

MOST_BYTES = 60_000


def loud_at(at_s: float, seconds: float = 1.0, height: float = 0.5) -> bytes:
    samples = np.zeros(round(seconds * RATE_HZ), np.float32)
    samples[round(at_s * RATE_HZ)] = -height
    return pcm_from_samples(samples)


def test_the_loudest_sample_stands_where_it_is_and_no_stretch_of_sound_is_left_out() -> None:
    figure, sentence = plot_waveform({"a click": loud_at(0.25), "silence": silence(500)})
    assert sentence == (
        "a click: 24,000 samples in 1.00 s, the loudest of them at 0.25 s with -6 dBFS. "
        "silence: 12,000 samples in 0.50 s, the loudest of them at 0.00 s with -96 dBFS."
    )
    panels = figure.axes
    assert [panel.get_title(loc="left") for panel in panels] == ["a click", "silence"]
    corners = panels[0].collections[0].get_paths()[0].vertices
    assert corners[:, 1].min() == pytest.approx(-0.5)
    assert corners[corners[:, 1].argmin(), 0] == pytest.approx(0.25, abs=0.002)
    assert corners[:, 0].max() == pytest.approx(1.0, abs=0.003)
    assert panels[0].get_ylim() == (-1, 1)


def test_one_sample_is_enough_and_none_is_not() -> None:
    assert "1 samples" in plot_waveform({"a sample": b"\0\x40"}).sentence
    for sounds in ({}, {"nothing": b""}, {"half a sample": b"\0"}):
        with pytest.raises(AudioError, match="nothing to draw"):
            plot_waveform(sounds)


def test_noise_makes_a_picture_that_fits_into_a_notebook() -> None:
    noise = np.random.default_rng(1).uniform(-1, 1, RATE_HZ).astype(np.float32)
    plot = plot_waveform({"noise": pcm_from_samples(noise), "more": pcm_from_samples(noise[::-1])})
    assert plot.png().startswith(b"\x89PNG")
    assert len(plot._repr_html_()) < MOST_BYTES


def test_steps_are_those_of_the_codec() -> None:
    figure, sentence = plot_quantisation()
    found = re.findall(r"(.)-law has steps of ([\d,]+) near silence and ([\d,]+) at full loudness", sentence)
    assert [law for law, *_ in found] == ["µ", "A"]
    for (_, least, most), law in zip(found, ("mu", "a"), strict=True):
        levels = np.unique(np.frombuffer(decode(bytes(range(256)), law), "<i2").astype(int))  # type: ignore[arg-type]
        steps = np.diff(levels[levels >= 0])
        assert (int(least.replace(",", "")), int(most.replace(",", ""))) == (steps[0], steps[-1])
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "G.711 µ-law", "G.711 A-law", "plain 8 bits", "PCM16",
    ]  # fmt: skip
