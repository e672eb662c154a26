"""Who looks at a session from outside, such as a panel: never in its way, and at most so often a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from ..runtime import BackgroundLoop, background_loop
from .snapshot import Snapshot

VIEWS_THREAD = "realtime-helpers-views"
LOOK_EVERY_S = 0.05
"""No view is shown more than 20 snapshots a second, whatever happens."""
_WHILE_SOUNDING_S = 0.1  # no event tells how far a reply was heard

Look = Callable[[Snapshot], object]


class Seen(Protocol):
    """The session that is looked at."""

    def snapshot(self) -> Snapshot:
        """As it is now."""
        ...

    @property
    def sounds(self) -> bool:
        """Whether a reply is being played: it changes without an event."""
        ...

    def tell(self, problem: str) -> None:
        """Tell the user of a problem."""
        ...


class Views:
    """All that look at one session, also when it is started again. Lives on the session's loop.

    They run on a thread of their own: a slow picture delays other pictures, and no audio.

    Args:
        thread: Where views run.
    """

    def __init__(self, thread: BackgroundLoop | None = None) -> None:
        self._thread = thread
        self._views: list[_View] = []
        self._seen: Seen | None = None
        self._next: asyncio.TimerHandle | None = None
        self._shown_at_s = float("-inf")

    def look_at(self, seen: Seen) -> None:
        """This is the session from now on."""
        self._seen = seen
        self.changed()

    def add(self, look: Look) -> None:
        """Show the session to `look` now, and after every change."""
        self._thread = self._thread or background_loop(VIEWS_THREAD)
        self._views.append(_View(look, self._thread, self._failed))
        self.changed()

    def remove(self, look: Look) -> None:
        """Show it nothing more. Harmless when it is not there."""
        for view in [view for view in self._views if view.look == look]:
            view.is_over = True
            self._views.remove(view)

    def changed(self) -> None:
        """Something is different: show it, as soon as it may be."""
        if self._views and self._next is None:
            loop = asyncio.get_running_loop()
            self._next = loop.call_later(max(0.0, self._shown_at_s + LOOK_EVERY_S - loop.time()), self._show)

    def _show(self) -> None:
        self._next = None
        if self._seen is None or not self._views:
            return
        loop = asyncio.get_running_loop()
        self._shown_at_s = loop.time()
        sounds = self._seen.sounds  # read first: sound goes on meanwhile
        snapshot = self._seen.snapshot()
        for view in self._views:
            view.show(snapshot)
        if sounds:
            self._next = loop.call_later(_WHILE_SOUNDING_S, self._show)

    def _failed(self, look: Look, error: Exception) -> None:
        self.remove(look)
        if self._seen is not None:
            self._seen.tell(f"A view of the session was closed, it failed: {error!r}")


class _View:
    """One of them: only the newest snapshot waits for it."""

    def __init__(self, look: Look, thread: BackgroundLoop, failed: Callable[[Look, Exception], None]) -> None:
        self.look = look
        self.is_over = False
        self._thread = thread
        self._failed = failed
        self._latest: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        is_on_its_way = self._latest is not None
        self._latest = snapshot
        if not is_on_its_way:
            self._thread.call(self._look, asyncio.get_running_loop())

    def _look(self, session_loop: asyncio.AbstractEventLoop) -> None:
        snapshot, self._latest = self._latest, None
        if self.is_over or snapshot is None:
            return
        try:
            self.look(snapshot)
        except Exception as error:  # noqa: BLE001 - a caller's function must not end the talk
            session_loop.call_soon_threadsafe(self._failed, self.look, error)
