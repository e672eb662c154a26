"""Figures, each with a sentence that says in words what one sees."""

from .latency import plot_latency
from .plot import Plot
from .policies import Held, plot_cost_over_time, plot_recall_against_cost

__all__ = ["Held", "Plot", "plot_cost_over_time", "plot_latency", "plot_recall_against_cost"]
