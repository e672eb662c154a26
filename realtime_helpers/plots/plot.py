"""What every plot hands back: a figure and its sentence. matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING, NamedTuple

from ..errors import MissingPartError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONT = 14
"""Points: readable from the last row of a lecture room at the sizes that we draw."""
_COLOURS = 64
BLUE, VERMILION, GREEN, PURPLE, BLACK = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"
"""Okabe and Ito's colours: different to every eye. No plot of ours tells anything by colour alone."""


class Plot(NamedTuple):
    """A figure, and what it shows in words: for those who cannot see it, and as its caption.

    A notebook shows both.
    """

    figure: Figure
    sentence: str

    def png(self) -> bytes:
        """The figure as a PNG picture. Our figures have few colours: a palette makes a notebook a third as large."""
        from PIL import Image  # matplotlib needs it, too

        drawn, picture = io.BytesIO(), io.BytesIO()
        self.figure.savefig(drawn, format="png", dpi=100)
        Image.open(drawn).convert("RGB").quantize(_COLOURS).save(picture, "PNG", optimize=True)
        return picture.getvalue()

    def _repr_html_(self) -> str:
        picture, words = base64.b64encode(self.png()).decode(), html.escape(self.sentence)
        return f'<img alt="{words}" src="data:image/png;base64,{picture}" style="max-width:100%"><p>{words}</p>'


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure. It belongs to nobody else: no window, no backend, no state that plots share.

    Raises:
        MissingPartError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise MissingPartError(
            "The package 'matplotlib' is not installed.", "In the workshop's folder: pip install -e '.[lab]'"
        ) from None
    return Figure(figsize=(width_in, height_in), layout="constrained")
