"""Figures, each with a sentence that says in words what one sees."""

from .latency import plot_latency
from .plot import Plot
from .window import plot_windows

__all__ = ["Plot", "plot_latency", "plot_windows"]
