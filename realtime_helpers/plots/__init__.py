"""Figures, each with a sentence that says in words what one sees."""

from .latency import plot_latency
from .plot import Plot

__all__ = ["Plot", "plot_latency"]
