"""How the session stands, in words, and what went wrong, with the next step."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ..session import RealtimeSession, Snapshot, State
from .panel import Panel, script

_MOST_PROBLEMS = 5
_NOT_TALKING = (State.NEW, State.STOPPED, State.FAILED)


class Standing(Panel):
    """State and problems of a session. What is not the session's, such as a missing key, is told with `complain`.

    Args:
        session: What is shown.
    """

    _esm = script("panel.js", "standing.js")
    _css = script("panel.css", "standing.css", "control.css")

    def __init__(self, session: RealtimeSession) -> None:
        self._complaint = ""
        self._session = session
        self._drawing = threading.Lock()
        super().__init__(session)

    def complain(self, complaint: str) -> None:
        """Show what a control could not do, until the next one is used. Empty: nothing is wrong any more."""
        self._complaint = complaint
        self.refresh()

    def refresh(self) -> None:
        """Show the session as it is at this moment: a script that waited for something must not read what was."""
        with self._drawing:  # the snapshot is taken inside: an older one must not be drawn after a newer one
            super()._look(self._session.snapshot)

    @property
    def problems(self) -> list[str]:
        """What is shown as wrong, newest last."""
        return list(self.picture["problems"])

    def draw(self, now: Snapshot) -> dict[str, Any]:
        """See `Panel.draw`."""
        state = state_in_words(now)
        problems = [*now.problems[-_MOST_PROBLEMS:], *([str(now.error)] if now.error else [])]
        if self._complaint:
            problems.append(self._complaint)
        return {"state": state, "problems": problems, "sentence": _sentence(state, problems)}

    def _look(self, now: Snapshot) -> None:
        with self._drawing:
            super()._look(now)


def state_in_words(now: Snapshot) -> str:
    """What the session is doing, such as `listening, muted, summarising`."""
    words = [now.state.value]
    if now.state not in _NOT_TALKING:
        words += ["muted"] * now.is_muted + ["summarising old turns"] * now.is_summarising
    return ", ".join(words)


def _sentence(state: str, problems: Sequence[str]) -> str:
    return " ".join([f"The session is: {state}.", *problems])
