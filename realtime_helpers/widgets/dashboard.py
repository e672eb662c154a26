"""Everything about a session on one page: controls on the left, what happens on the right, the inside below."""

from __future__ import annotations

import ipywidgets

from ..session import RealtimeSession
from .closing import close_parts
from .control import ControlPanel
from .gauge import WindowGauge
from .inspector import Inspector
from .latency_strip import LatencyStrip
from .level_meters import LevelMeters
from .parts import Sinks, Sources
from .transcript import Transcript

_SHOW, _HIDE = "Show the inspector", "Hide the inspector"


class Dashboard(ipywidgets.VBox):  # type: ignore[misc]
    """The control panel, beside it window, transcript and levels; below them latency, and an inspector that folds out.

    Args:
        session: What is shown and controlled.
        sources: See `ControlPanel`.
        sinks: See `ControlPanel`.
    """

    def __init__(self, session: RealtimeSession, sources: Sources | None = None, sinks: Sinks | None = None) -> None:
        self.control = ControlPanel(session, sources, sinks)
        self.transcript = Transcript(session)
        self.gauge = WindowGauge(session)
        self.levels = LevelMeters(session)
        self.latency = LatencyStrip(session)
        self.inspector = Inspector(session)
        self.fold = ipywidgets.Button(description=_SHOW, layout=ipywidgets.Layout(width="auto"))
        """Shows the inspector, and hides it again."""
        self.fold.on_click(lambda _button: self._turn())
        self.inspector.layout.display = "none"
        views = ipywidgets.VBox([self.gauge, self.transcript, self.levels])
        page = ipywidgets.HBox([self.control, views.add_class("realtime-dashboard-views")])
        super().__init__([page.add_class("realtime-dashboard"), self.latency, self.fold, self.inspector])
        self.add_class("realtime-panel")
        self.add_class("realtime-controls")

    def _turn(self) -> None:
        is_hidden = self.inspector.layout.display == "none"
        self.inspector.layout.display = "" if is_hidden else "none"
        self.fold.description = _HIDE if is_hidden else _SHOW

    def close(self) -> None:
        """Close all panels. The session goes on until `session.stop()`."""
        close_parts(self)
        super().close()

    def __repr__(self) -> str:
        return f"<Dashboard: {self.control.sentence}>"
