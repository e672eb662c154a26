"""Figures, each with a sentence that says in words what one sees."""

from .latency import plot_latency
from .plot import Plot
from .timeline import plot_timeline
from .usage import plot_usage

__all__ = ["Plot", "plot_latency", "plot_timeline", "plot_usage"]
