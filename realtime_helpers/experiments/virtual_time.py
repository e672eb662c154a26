"""A clock that jumps: an event loop in which an hour of waiting takes no time, and a hang is an error."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any


class DeadlockError(RuntimeError):
    """Everybody waits, and nothing is left that could wake anybody."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """When nothing is ready, its clock jumps to the next timer.

    While a job runs on another thread (an engine computes), time stands still and the loop waits for real.
    Use it with `asyncio.Runner(loop_factory=VirtualTimeLoop)`.
    """

    def __init__(self) -> None:
        self._now_s = 0.0
        self._jobs = 0
        super().__init__(_Jumper(self))

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now_s

    def jump(self, seconds: float) -> None:
        """Let time pass at once."""
        self._now_s += seconds

    @property
    def waits_for_a_thread(self) -> bool:
        """Whether a job runs on another thread."""
        return self._jobs > 0

    def run_in_executor(self, executor: Executor | None, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """See `asyncio.loop.run_in_executor`."""
        self._jobs += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._job_done)
        return future

    async def shutdown_default_executor(self, *args: Any) -> None:
        """See `asyncio.loop.shutdown_default_executor`; what it takes depends on Python's version."""
        self._jobs += 1
        try:
            await super().shutdown_default_executor(*args)
        finally:
            self._jobs -= 1

    def _job_done(self, _future: asyncio.Future[Any]) -> None:
        self._jobs -= 1


class _Jumper(selectors.BaseSelector):
    """A selector that lets the clock jump instead of sleeping."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop
        self._inner = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._loop.waits_for_a_thread:
            return self._inner.select(0 if timeout == 0 else None)
        if timeout is None:
            raise DeadlockError("Everybody waits for something that will not come.")
        ready = self._inner.select(0)
        if not ready and timeout > 0:
            self._loop.jump(timeout)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()
