"""How the session stands, in words, and what went wrong, with the next step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..conversation import FrozenView
from ..runtime import background_loop
from ..session import RealtimeSession, Snapshot, State
from ..session.views import VIEWS_THREAD
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
        self._read: Sequence[str] = ()
        super().__init__(session)

    def has_been_read(self) -> None:
        """Somebody uses a control: what was wrong before is known by now. `snapshot.problems` keeps it."""
        self._read = self._session.snapshot.problems

    def complain(self, complaint: str) -> None:
        """Show what a control could not do, until the next one is used. Empty: nothing is wrong any more."""
        self._complaint = complaint
        background_loop(VIEWS_THREAD).call(lambda: self._look(self._session.snapshot))  # in order with all pictures

    @property
    def problems(self) -> list[str]:
        """What is wrong at this moment, newest last."""
        return list(self._drawn_now["problems"])

    def draw(self, now: Snapshot) -> dict[str, Any]:
        """See `Panel.draw`."""
        state = state_in_words(now)
        is_same_talk = isinstance(now.problems, FrozenView) and now.problems.is_of_the_list_of(self._read)
        unread = now.problems[len(self._read) if is_same_talk else 0 :]  # a new start has a new list
        problems = [*unread[-_MOST_PROBLEMS:], *([str(now.error)] if now.error else [])]
        if self._complaint:
            problems.append(self._complaint)
        return {"state": state, "problems": problems, "sentence": _sentence(state, problems)}


def state_in_words(now: Snapshot) -> str:
    """What the session is doing, such as `listening, muted, summarising`."""
    words = [now.state.value]
    if now.state not in _NOT_TALKING:
        words += ["muted"] * now.is_muted + ["summarising old turns"] * now.is_summarising
    return ", ".join(words)


def _sentence(state: str, problems: Sequence[str]) -> str:
    return " ".join([f"The session is: {state}.", *problems])
