"""What all panels have in common: a picture computed from a snapshot, drawn by the page. No state of their own."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..session import RealtimeSession, Snapshot

STATIC = Path(__file__).parent / "static"


def script(*names: str) -> str:
    """Several files as one module, or one style sheet: an anywidget has one of each."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


class Panel(anywidget.AnyWidget):
    """Shows one side of a session, at most 20 times a second, from whatever thread the kernel chose.

    Args:
        session: What is shown; also when it is started again.
    """

    _css: str | Path = script("panel.css")

    picture = traitlets.Dict().tag(sync=True)
    """What is drawn, as plain data."""

    def __init__(self, session: RealtimeSession) -> None:
        self._session = session
        self._is_closed = False
        super().__init__(picture=self.draw(session.snapshot))
        self._look_away = session.watch(self._look)

    @abstractmethod
    def draw(self, now: Snapshot) -> dict[str, Any]:
        """The picture of a snapshot, with its `sentence`: the same in words. Pure."""

    @property
    def sentence(self) -> str:
        """The session at this moment, in words: a script that waited for something must not read what was before."""
        return str(self._drawn_now["sentence"])

    @property
    def _drawn_now(self) -> dict[str, Any]:
        return self.picture if self._is_closed else self.draw(self._session.snapshot)

    def _look(self, now: Snapshot) -> None:
        picture = self.draw(now)
        if picture != self.picture:
            self.picture = picture

    def close(self) -> None:
        """Look no more, and take the panel away."""
        self._is_closed = True
        self._look_away()
        super().close()
