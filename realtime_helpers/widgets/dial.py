"""A number that is set by dragging or by typing: a slider with a name, which those of ipywidgets lack."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from .panel import script


class Dial(anywidget.AnyWidget):
    """A slider and a field for one number, with its name and unit; `observe` its `value` as that of any slider.

    It changes when the mouse is released, or a key pressed: a session should not act on what was only passed by.

    Args:
        description: Its name.
        value: What it shows; what lies outside of its ends is moved to the nearer one.
        min: Its low end.
        max: Its high end.
        step: How far one key press goes; with a whole step, values are whole.
        unit: What the number counts.
        note: A word on why it is as it is, such as why it is disabled.
    """

    _esm = script("panel.js", "dial.js")
    _css = script("panel.css", "dial.css")

    description = traitlets.Unicode().tag(sync=True)
    value = traitlets.Float().tag(sync=True)
    min = traitlets.Float().tag(sync=True)
    max = traitlets.Float().tag(sync=True)
    step = traitlets.Float().tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    disabled = traitlets.Bool().tag(sync=True)

    def __init__(
        self,
        description: str,
        value: float,
        *,
        min: float,  # noqa: A002 - as those of ipywidgets are called
        max: float,  # noqa: A002
        step: float = 1,
        unit: str = "",
        note: str = "",
        disabled: bool = False,
    ) -> None:
        super().__init__(
            min=min, max=max, step=step, value=value, unit=unit, note=note, disabled=disabled, description=description
        )

    @traitlets.validate("value")
    def _within(self, proposal: dict[str, Any]) -> float:
        value = float(proposal["value"])
        value = round(value) if float(self.step).is_integer() else round(value, 6)
        return float(min(max(value, self.min), self.max))

    def show(self, value: float) -> None:
        """Show what is in force, whatever it is: the ends make room."""
        if value > self.max:
            self.max = value
        if value < self.min:
            self.min = value
        self.value = value

    def __repr__(self) -> str:
        return f"Dial({self.description!r}, {self.value:g}{f' {self.unit}' if self.unit else ''})"
