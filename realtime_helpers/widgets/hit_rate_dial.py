"""A dial for the cache: what measured runs would have cost, had it answered less often."""

from __future__ import annotations

import html
from collections.abc import Sequence

import ipywidgets

from ..course.policies import MODEL, cost_at
from ..errors import SettingsError
from ..experiments.recall import Checkpoint


class HitRateDial(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A slider from 0 to 100 %, a bar for each policy, and a sentence that names the cheapest.

    Args:
        runs: One run a policy, after the same number of turns.
        model: Whose list prices apply.
    """

    def __init__(self, runs: Sequence[Checkpoint], model: str = MODEL) -> None:
        self._runs = tuple(runs)
        self._model = model
        self._slider = ipywidgets.IntSlider(
            value=100, min=0, max=100, description="cache hit rate, %",
            style={"description_width": "initial"}, layout={"width": "100%"},
        )  # fmt: skip
        self._picture = ipywidgets.HTML()
        self._slider.observe(self._draw, "value")
        self._draw()
        super().__init__([self._slider, self._picture])

    @property
    def costs_usd(self) -> dict[str, float]:
        """What each policy would have cost at the hit rate of the slider, in USD."""
        return {run.policy: cost_at(run, self._slider.value / 100, self._model) for run in self._runs}

    @property
    def sentence(self) -> str:
        """What the dial shows, in words."""
        costs = self.costs_usd
        cheapest, dearest = min(costs, key=costs.__getitem__), max(costs, key=costs.__getitem__)
        return (
            f"At a hit rate of {self._slider.value} %, “{cheapest}” is the cheapest (${costs[cheapest]:.3f}) and "
            f"“{dearest}” the dearest (${costs[dearest]:.3f})."
        )

    def set(self, control: str, value: int) -> None:
        """Move the slider as a learner does: `set("hit rate", 70)`, in percent.

        Raises:
            SettingsError: There is no such control, or no such value.
        """
        if control != "hit rate":
            raise SettingsError(f"This dial has no control called {control!r}.", 'Use set("hit rate", 70).')
        if not self._slider.min <= value <= self._slider.max:
            raise SettingsError(f"A hit rate of {value} % cannot be.", "Use a whole number from 0 to 100.")
        self._slider.value = value

    def _draw(self, _change: object = None) -> None:
        """Pure apart from one trait: it may run on whatever thread the kernel chose."""
        costs = self.costs_usd
        most = max(costs.values())
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left;white-space:nowrap;padding:2px 8px">{html.escape(name)}</th>'
            f'<td style="width:70%"><div style="height:1em;background:currentColor;width:{usd / most:.1%}"></div></td>'
            f'<td style="text-align:right;padding:2px 8px">${usd:.3f}</td></tr>'
            for name, usd in costs.items()
        )
        self._picture.value = (
            f'<p role="status" style="font-size:15px">{html.escape(self.sentence)}</p>'
            f'<table style="width:100%;font-size:15px">{rows}</table>'
        )
