"""A process that ends closes its conversations: devices are let go, and the server sees a close, not a silence."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

_PATIENCE_S = 3.0


@contextlib.contextmanager
def stopped_at_exit(stop: Callable[[], Coroutine[Any, Any, None]]) -> Iterator[None]:
    """While inside, the end of the interpreter runs `stop` on this loop first. Enter it after what must outlive it."""
    loop = asyncio.get_running_loop()

    def stop_now() -> None:
        if loop.is_running():
            with contextlib.suppress(Exception):  # nobody is left to be told
                asyncio.run_coroutine_threadsafe(stop(), loop).result(_PATIENCE_S)

    atexit.register(stop_now)
    try:
        yield
    finally:
        atexit.unregister(stop_now)
