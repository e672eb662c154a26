"""Closing a panel made of widgets: ipywidgets keeps each, and whatever its handlers know, until it is closed."""

from __future__ import annotations

import ipywidgets


def close_parts(widget: ipywidgets.Widget) -> None:
    """Close everything inside of a widget, and what it looks like; not the widget itself."""
    for child in getattr(widget, "children", ()):
        close_parts(child)
        child.close()
    for name in ("layout", "style"):
        if isinstance(part := getattr(widget, name, None), ipywidgets.Widget):
            part.close()
