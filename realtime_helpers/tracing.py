"""A log of every event both ways, as JSON lines, without audio and without keys."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import orjson

from .protocol import Event, without_audio


class EventLog:
    """Writes events to a file on a thread of its own, so that a slow disk never delays audio.

    Pass it as `trace` to a session. One line an event: `{"at_ms", "direction", "event"}`, the time counted from
    the first event; base64 audio is replaced by its size.
    """

    def __init__(self, path: Path | str) -> None:
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._first_s: float | None = None
        self._file = Path(path).open("wb")  # noqa: SIM115 - closed by close()
        self._thread = threading.Thread(target=self._write, name="event-log", daemon=True)
        self._thread.start()

    def __call__(self, direction: Literal["sent", "received"], event: Event, at_s: float) -> None:
        """Note one event. Returns at once."""
        if self._first_s is None:
            self._first_s = at_s
        at_ms = round((at_s - self._first_s) * 1000, 1)
        self._lines.put(orjson.dumps({"at_ms": at_ms, "direction": direction, "event": without_audio(event)}) + b"\n")

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
