"""One event loop in the background, and the bridge that cells, callbacks and scripts use to reach it.

A notebook has no single thread: ipykernel runs widget callbacks now on the main thread, now on a subshell
thread with another event loop. Sessions therefore live on a loop of their own, and everything enters it
through `call_soon_threadsafe`: audio keeps flowing while a cell computes.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

T = TypeVar("T")

SWITCH_INTERVAL_S = 0.0005
"""How long a thread that computes keeps the interpreter while a session lives. Python's own 5 ms are due up to four
times on a chunk's way to the socket; shorter than this costs more than it gives."""


class Pending(Generic[T]):
    """A result that is being worked on in the background: `await` it, or call `result()`."""

    def __init__(self, future: concurrent.futures.Future[T], thread: threading.Thread) -> None:
        self._future = future
        self._thread = thread

    def result(self, timeout_s: float | None = None) -> T:
        """Wait for the result from an ordinary cell or script.

        Raises:
            TimeoutError: No result within `timeout_s` seconds. The work goes on.
            RuntimeError: Called from the background loop itself, which would wait for itself.
        """
        if threading.current_thread() is self._thread and not self._future.done():
            raise RuntimeError("result() would block the background loop: use await here.")
        return self._future.result(timeout_s)

    def done(self) -> bool:
        """Whether the work has ended, well or badly."""
        return self._future.done()

    def cancel(self) -> None:
        """Ask the work to stop."""
        self._future.cancel()

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self._future).__await__()


class BackgroundLoop:
    """A daemon thread that runs one event loop for as long as the process lives."""

    def __init__(self, name: str = "realtime-helpers") -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def submit(self, work: Coroutine[Any, Any, T]) -> Pending[T]:
        """Run a coroutine on the loop, from any thread."""
        return Pending(asyncio.run_coroutine_threadsafe(work, self.loop), self._thread)

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a function on the loop, soon, from any thread."""
        self.loop.call_soon_threadsafe(function, *args)

    @property
    def is_current(self) -> bool:
        """Whether the caller already runs on this loop's thread."""
        return threading.current_thread() is self._thread


_lock = threading.Lock()
_shared: dict[str, BackgroundLoop] = {}


def background_loop(name: str = "realtime-helpers") -> BackgroundLoop:
    """The process's one background loop of this name, started on first use. Sessions share the first."""
    with _lock:
        if name not in _shared:
            _shared[name] = BackgroundLoop(name)
        return _shared[name]


_hurried = 0
_usual_interval_s = 0.0


@contextmanager
def prompt_threads() -> Iterator[None]:
    """Have a cell that computes in Python make way for audio sooner; the process is left as it was after the last."""
    global _hurried, _usual_interval_s  # noqa: PLW0603 - the interval is the process's too
    with _lock:
        if not _hurried:
            _usual_interval_s = sys.getswitchinterval()
            if _usual_interval_s > SWITCH_INTERVAL_S:
                sys.setswitchinterval(SWITCH_INTERVAL_S)
        _hurried += 1
    try:
        yield
    finally:
        with _lock:
            _hurried -= 1
            if not _hurried and sys.getswitchinterval() == SWITCH_INTERVAL_S:  # unless somebody chose another since
                sys.setswitchinterval(_usual_interval_s)
