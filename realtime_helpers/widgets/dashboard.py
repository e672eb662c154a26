"""Everything about a session on one page: the controls on the left, what happens on the right."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import ipywidgets

from ..session import RealtimeSession
from .control import ControlPanel
from .parts import Sinks, Sources


class Dashboard(ipywidgets.HBox):  # type: ignore[misc]
    """The control panel, and beside it transcript, window gauge, latency, levels, and the server's conversation.

    Args:
        session: What is shown and controlled.
        sources: See `ControlPanel`.
        sinks: See `ControlPanel`.
    """

    def __init__(self, session: RealtimeSession, sources: Sources | None = None, sinks: Sinks | None = None) -> None:
        self.control = ControlPanel(session, sources, sinks)
        self.transcript = _panel("transcript", "Transcript", session)
        self.gauge = _panel("gauge", "WindowGauge", session)
        self.latency = _panel("latency_strip", "LatencyStrip", session)
        self.levels = _panel("level_meters", "LevelMeters", session)
        self.inspector = _panel("inspector", "Inspector", session)
        views = [self.gauge, self.transcript, self.levels, self.latency, self.inspector]
        right = ipywidgets.VBox([view for view in views if view is not None]).add_class("realtime-dashboard-views")
        super().__init__([self.control, right])
        self.add_class("realtime-dashboard")

    def close(self) -> None:
        """Close all panels. The session goes on until `session.stop()`."""
        for panel in (self.control, self.transcript, self.gauge, self.latency, self.levels, self.inspector):
            if panel is not None:
                panel.close()
        super().close()


def _panel(module: str, name: str, session: RealtimeSession) -> Any:
    try:
        return getattr(import_module(f".{module}", __package__), name)(session)
    except ModuleNotFoundError:
        return None
