"""Figures, each with a sentence that says in words what one sees."""

from .arrivals import plot_arrivals
from .latency import plot_latency
from .plot import Plot
from .policies import Held, plot_cost_over_time, plot_recall_against_cost
from .timeline import plot_timeline
from .turns import plot_turns
from .usage import plot_usage
from .waveform import plot_quantisation, plot_waveform
from .window import plot_windows

__all__ = [
    "Held",
    "Plot",
    "plot_arrivals",
    "plot_cost_over_time",
    "plot_latency",
    "plot_quantisation",
    "plot_recall_against_cost",
    "plot_timeline",
    "plot_turns",
    "plot_usage",
    "plot_waveform",
    "plot_windows",
]
