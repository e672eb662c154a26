"""One look for all panels that only show."""

from __future__ import annotations

from .panel import script

VIEWS_CSS = script("panel.css", "views.css")
