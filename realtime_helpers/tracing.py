"""A log of every event both ways, as JSON lines, without audio and without keys."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import orjson

from .errors import SettingsError
from .protocol import Event, without_audio, without_keys

Trace = Callable[[Literal["sent", "received"], Event, float], None]
"""Called for every event both ways with the session's clock in seconds. It must return at once.

One that also has a method `noted(event, at_s)` is told what no event on the line says:

| `type` | fields | when |
|---|---|---|
| `session.started` | `backend`, `model` | before the first connection |
| `latency` | `measure`, `item_id`, `ms` (a list) | a wait was measured: see `docs/latency.md` |
| `reply.started`, `reply.interrupted` | `item_id`, `response_id` | its first audio is here; the user cut it off |
| `summary.started` | | one is due |
| `summary.ended` | `item_id` or `None`; `covers`, `model`, `input_tokens`, `output_tokens` | it stands, or failed |
| `session.ended` | `error`: the kind of error, or `None` | nothing more comes |
"""


class EventLog:
    """Writes events to a file on a thread of its own, so that a slow disk never delays audio.

    Pass it as `trace` to a session. One line an event: `{"at_ms", "direction", "event"}`, the time counted from
    the first event; base64 audio is replaced by its size, keys by `<hidden>`.
    """

    def __init__(self, path: Path | str) -> None:
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._first_s: float | None = None
        self._file = Path(path).open("wb")  # noqa: SIM115 - closed by close()
        self._thread = threading.Thread(target=self._write, name="event-log", daemon=True)
        self._thread.start()

    def __call__(self, direction: Literal["sent", "received"], event: Event, at_s: float) -> None:
        """Note one event. Returns at once."""
        self._log(direction, event, at_s)

    def noted(self, event: Event, at_s: float) -> None:
        """Note what the session itself has noticed, as direction `noted`. Returns at once."""
        self._log("noted", event, at_s)

    def _log(self, direction: str, event: Event, at_s: float) -> None:
        if self._first_s is None:
            self._first_s = at_s
        at_ms = round((at_s - self._first_s) * 1000, 1)
        shown = without_keys(without_audio(event))
        self._lines.put(orjson.dumps({"at_ms": at_ms, "direction": direction, "event": shown}) + b"\n")

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            self._file.write(line)
            if self._lines.empty():
                self._file.flush()

    def close(self) -> None:
        """Write what is left and close the file."""
        self._lines.put(None)
        self._thread.join()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of an `EventLog`.

    Attributes:
        at_ms: Milliseconds since the first event.
        direction: Who sent it: we, the server, or nobody: `noted` is what the session noticed by itself.
        event: The event, its audio replaced by its size.
    """

    at_ms: float
    direction: Literal["sent", "received", "noted"]
    event: Event

    @property
    def type(self) -> str:
        """What the event calls itself."""
        return str(self.event["type"])


def read_log(path: Path | str) -> tuple[Logged, ...]:
    """Read what an `EventLog` wrote, in order.

    Raises:
        OSError: The file cannot be read.
        SettingsError: It is no event log.
    """
    try:
        lines = [orjson.loads(line) for line in Path(path).read_bytes().splitlines()]
        return tuple(Logged(line["at_ms"], line["direction"], line["event"]) for line in lines)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise SettingsError(
            f"{path} is no event log.", "Read a file that an EventLog wrote, after closing it."
        ) from None
