"""When panels draw besides: on the thread of all views, in order, and at most 20 times a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..runtime import background_loop
from ..session.views import LOOK_EVERY_S, VIEWS_THREAD

_PATIENCE_S = 10.0


def on_views_thread(function: Callable[[], object]) -> None:
    """Call it between two pictures, and wait until it has returned. Raises what it raises."""
    thread = background_loop(VIEWS_THREAD)

    async def work() -> None:
        function()

    if thread.is_current:
        function()
    else:
        thread.submit(work()).result(_PATIENCE_S)


class Soon:
    """Calls a function on the thread of all views soon after it was asked to, however often, at most 20 times a second.

    Args:
        function: What to call. One that raises is called no more.
    """

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._thread = background_loop(VIEWS_THREAD)
        self._is_due = False
        self._is_over = False
        self._called_at_s = float("-inf")

    def __call__(self) -> None:
        """Ask for it. From any thread; costs next to nothing while a call is due."""
        if not self._is_due and not self._is_over:
            self._is_due = True
            self._thread.call(self._plan)

    def end(self) -> None:
        """Call it no more."""
        self._is_over = True

    def _plan(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(max(0.0, self._called_at_s + LOOK_EVERY_S - loop.time()), self._call)

    def _call(self) -> None:
        self._is_due = False  # first: what comes meanwhile asks again
        self._called_at_s = asyncio.get_running_loop().time()
        if self._is_over:
            return
        try:
            self._function()
        except Exception:
            self._is_over = True
            raise  # the loop tells of it
