"""Who watches a session: called at once, and let go of when they fail."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Literal

from ..protocol import Event
from ..tracing import Trace
from .memory_work import MemoryWork


def all_traces(trace: Trace | Sequence[Trace] | None) -> list[Trace]:
    """One, several, or none, as a list of its own."""
    return [] if trace is None else [trace] if callable(trace) else list(trace)


class Observers:
    """Those that a user attached.

    Args:
        traces: Those there are now; more may be added, and one that fails is taken out.
        now_s: The session's clock, in seconds.
        tell: Tells the user of a problem.
    """

    def __init__(self, traces: list[Trace], now_s: Callable[[], float], tell: Callable[[str], None]) -> None:
        self._all = traces
        self._now_s = now_s
        self._tell = tell
        self._was_summarising = False
        self._records = 0

    def saw(self, direction: Literal["sent", "received"], event: Event) -> None:
        """An event went over the line."""
        for observer in tuple(self._all):
            self._call(observer, observer, direction, event)

    def note(self, event: Event) -> None:
        """Something happened that no event on the line tells. Only those with a method `noted` hear of it."""
        for observer in tuple(self._all):
            if (noted := getattr(observer, "noted", None)) is not None:
                self._call(observer, noted, event)

    def look_at(self, memory: MemoryWork) -> None:
        """Tell when a summary is begun, and when it is over."""
        if not self._all or memory.is_busy == self._was_summarising:
            return
        self._was_summarising = memory.is_busy
        if memory.is_busy:
            self._records = len(memory.records)
            self.note({"type": "summary.started"})
            return
        written = memory.records[-1] if len(memory.records) > self._records else None
        account: dict[str, Any] = {"type": "summary.ended", "item_id": None}
        if written is not None:
            account |= {"item_id": written.id, "covers": len(written.covers), "model": written.model,
                        "input_tokens": written.usage.input_tokens,
                        "output_tokens": written.usage.output_tokens}  # fmt: skip
        self.note(account)

    def _call(self, observer: Trace, function: Callable[..., object], *args: object) -> None:
        try:
            function(*args, self._now_s())
        except Exception as error:  # noqa: BLE001 - the caller's function must not end the talk
            with contextlib.suppress(ValueError):  # it was taken out meanwhile
                self._all.remove(observer)
            self._tell(f"The trace was switched off, it failed: {error!r}")
