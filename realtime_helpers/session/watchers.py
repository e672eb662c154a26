"""Who waits for something to become true of the session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .snapshot import Snapshot

Condition = Callable[[Snapshot], bool]


class Watchers:
    """Conditions on snapshots, each with the future of whoever waits for it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Condition, asyncio.Future[Snapshot]]] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, condition: Condition) -> asyncio.Future[Snapshot]:
        """A future that gets the first snapshot for which `condition` holds."""
        future: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, future))
        return future

    def look(self, now: Snapshot) -> None:
        """Tell everybody whose condition holds now."""
        for watcher in list(self._waiting):
            condition, future = watcher
            _try(condition, future, now)
            if future.done():
                self._waiting.remove(watcher)

    def end(self, error: Exception) -> None:
        """Nothing will change any more."""
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(error)
        self._waiting.clear()


def _try(condition: Condition, future: asyncio.Future[Snapshot], now: Snapshot) -> None:
    try:
        if not future.done() and condition(now):
            future.set_result(now)
    except StopIteration as error:  # a future cannot carry this one
        future.set_exception(RuntimeError(f"The condition raised {error!r}."))
    except Exception as error:  # noqa: BLE001 - the condition is the caller's: so is its error
        future.set_exception(error)
