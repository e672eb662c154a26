"""Where panels do what a person asked for: off the kernel's threads, one thing after the other, and never raising."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import SessionError, WorkshopError
from ..runtime import Pending, background_loop

_PATIENCE_S = 30.0


class Worker:
    """Takes orders from any thread and returns at once. A Stop may wait for devices: the kernel need not.

    Args:
        tell: Called after each order with what went wrong, in words; empty when nothing did.
    """

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._thread = background_loop("realtime-helpers-panels")
        self._latest: Pending[None] | None = None
        self._lock = threading.Lock()
        self._waiting = 0
        self.ordered = 0
        """Orders so far."""

    @property
    def is_busy(self) -> bool:
        """Whether something is ordered and not done."""
        return self._waiting > 0

    def do(self, order: Callable[[], object]) -> None:
        """Have it done, after what was ordered before."""

        async def carry_out() -> None:
            trouble = _trouble(order)
            with self._lock:
                self._waiting -= 1
            self._tell(trouble)

        with self._lock:  # orders come from several threads: the latest is the last
            self._waiting += 1
            self.ordered += 1
            self._latest = self._thread.submit(carry_out())

    def wait(self) -> None:
        """Wait until all that was ordered is done.

        Raises:
            SessionError: It takes too long.
        """
        if self._latest is None or self._thread.is_current:
            return
        try:
            self._latest.result(_PATIENCE_S)
        except TimeoutError:
            raise SessionError(
                f"The panel was not done within {_PATIENCE_S:g} seconds.", "Look at what it says, or restart Python."
            ) from None


def _trouble(order: Callable[[], object]) -> str:
    try:
        order()
    except WorkshopError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is for the person, not for the kernel's log
        return f"That did not work: {error!r}. Please report this as a bug."
    return ""
