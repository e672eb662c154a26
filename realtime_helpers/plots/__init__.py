"""Figures, each with a sentence that says in words what one sees."""

from .latency import plot_latency
from .plot import Plot
from .waveform import plot_quantisation, plot_waveform

__all__ = ["Plot", "plot_latency", "plot_quantisation", "plot_waveform"]
