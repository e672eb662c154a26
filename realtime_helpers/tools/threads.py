"""Where tools run: never on the loop that carries the audio."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

from ..runtime import background_loop

P = ParamSpec("P")
T = TypeVar("T")


class OwnThread(Executor):
    """A daemon thread for each job: one that never ends holds up neither other jobs nor the end of Python."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See `concurrent.futures.Executor.submit`."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()

        def work() -> None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - whoever waits must be told
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=work, name="realtime-helpers-tool", daemon=True).start()
        return future


async def on_tools_loop(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` on the loop of all async tools: what blocks there delays other tools, and no sound."""
    return await background_loop("realtime-helpers-tools").submit(work)


async def right_here(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` on the caller's loop: for laboratories, where the caller's loop has a clock of its own."""
    return await work
