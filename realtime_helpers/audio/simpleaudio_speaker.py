"""A speaker through simpleaudio: optional, for Python 3.11, and kept out of this process."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ..errors import MissingPartError
from .formats import BYTES_PER_MS
from .playback import PlayHead
from .process_sink import ProcessSink

WORKER = "realtime_helpers.audio.simpleaudio_worker"
INSTALL = "sudo apt-get install gcc libasound2-dev, then in the workshop's folder: pip install -e '.[simpleaudio]'"


def why_not(version: tuple[int, int] = sys.version_info[:2]) -> MissingPartError | None:
    """Why simpleaudio cannot be used with this Python; `None` when it can."""
    if version >= (3, 12):
        running = ".".join(map(str, version))
        return MissingPartError(
            f"simpleaudio crashes Python {running}; it works with 3.11 only.", "Use speaker(), which also streams."
        )
    if importlib.util.find_spec("simpleaudio") is None:
        return MissingPartError("The package 'simpleaudio' is not installed.", f"Use speaker(), or: {INSTALL}")
    return None


class SimpleaudioSpeaker(ProcessSink):
    """Plays replies with simpleaudio on the system's default device, in whole buffers.

    simpleaudio does not stream, so a reply is played as a few buffers, each of what has come by the time the one
    before is over. What was heard is read from the clock: right to within the latency of the device, which
    simpleaudio does not tell. A flush ends the process and starts another, which takes a third of a second. A device
    that vanishes is noticed when the next buffer begins, not before.

    Args:
        clock: The machine's monotonic clock, in seconds.

    Raises:
        MissingPartError: Python 3.12 or newer, or simpleaudio is not installed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        if (error := why_not()) is not None:
            raise error
        super().__init__({"do": "speaker"}, WORKER)
        self._clock = clock
        self._begun: deque[tuple[float, int]] = deque()  # of each buffer: when it began, bytes still to be heard

    @property
    def head(self) -> PlayHead:
        """See `Sink.head`."""
        self._advance()
        return self._head

    def play(self, item_id: str, pcm: bytes) -> None:
        """See `Sink.play`.

        Raises:
            AudioError: The device is gone.
        """
        self._order({"do": "play", "item": item_id}, pcm)
        self._head.push(item_id, pcm)

    def end(self, item_id: str) -> None:
        """See `Sink.end`.

        Raises:
            AudioError: The device is gone.
        """
        self._order({"do": "end", "item": item_id})
        self._head.end(item_id)

    def flush(self, settled: Callable[[], None]) -> None:
        """See `Sink.flush`.

        Raises:
            AudioError: The device is gone.
        """
        process = self._running()
        is_heard = bool(self.head.queued_ms)
        self._is_over()
        if is_heard:
            process.close()
            self._start()
        settled()

    def _take(self, header: dict[str, Any]) -> None:
        self._begun.append((header["at_s"], header["size"]))

    def _advance(self) -> None:
        now_s = self._clock()
        while self._begun:
            began_s, left = self._begun.popleft()
            sounded = min(left, int((now_s - began_s) * 1000) * BYTES_PER_MS)
            self._head.pull(sounded)
            if sounded < left:
                self._begun.appendleft((began_s + sounded / BYTES_PER_MS / 1000, left - sounded))
                return

    def _is_over(self) -> None:
        self._advance()
        self._begun.clear()
        self._head.flush()


def simpleaudio_speaker() -> SimpleaudioSpeaker:
    """A speaker through simpleaudio, for Python 3.11. `speaker()` is better wherever it works.

    Raises:
        MissingPartError: Python 3.12 or newer, or simpleaudio is not installed.
    """
    return SimpleaudioSpeaker()
