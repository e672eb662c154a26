"""A process that holds one sound device: a crash, a hang, a device that vanishes all stay in there."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from ..errors import AudioError, MissingPartError, WorkshopError
from ..speech.worker import read_block, write_block

OPEN_S = 10.0
"""A device that has not opened by then will not."""
_TURN_S = 0.5
_END_S = 1.0
WORKER = "realtime_helpers.audio.device_worker"

_WINDOWS_FLAGS: int = sum(  # in time, without a window, and without the terminal's Ctrl-C
    getattr(subprocess, name, 0) for name in ("HIGH_PRIORITY_CLASS", "CREATE_NO_WINDOW", "CREATE_NEW_PROCESS_GROUP")
)

Block = tuple[dict[str, Any], bytes]


class DeviceProcess:
    """Talks to a worker from a loop that it never blocks. Make it on that loop.

    Args:
        request: What the worker shall do; its first block.
        take: Called on the loop with each block that comes.
        lost: Called on the loop, once, when the device cannot be used or is gone. Not after `close`.
        module: The worker.
    """

    def __init__(
        self,
        request: dict[str, Any],
        take: Callable[[dict[str, Any], bytes], None],
        lost: Callable[[WorkshopError], None],
        module: str = WORKER,
    ) -> None:
        self._what: str = request["do"]
        self._take = take
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._is_over = False
        self._orders: SimpleQueue[Block | None] = SimpleQueue()
        self._process = start(module)
        self._finish = weakref.finalize(self, _end, self._process)  # also at exit, if nobody closes
        self._timer = self._loop.call_later(OPEN_S, self._give_up)
        for work in (self._read, self._write):
            threading.Thread(target=work, name=f"realtime-{self._what}", daemon=True).start()
        self.send(request)

    def send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        """Order something. Returns at once; harmless when the process is gone."""
        self._orders.put((header, payload))

    def close(self) -> None:
        """End the process, whatever it does; the device is free when this returns."""
        self._is_over = True
        self._timer.cancel()
        self._orders.put(None)
        self._finish()

    def _write(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone: the reading side says so
            while (block := self._orders.get()) is not None:
                write_block(self._process.stdin, *block)
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(RuntimeError):  # the loop is gone, and everybody with it
            with contextlib.suppress(OSError, ValueError, EOFError):
                while True:
                    self._loop.call_soon_threadsafe(self._on_block, *read_block(self._process.stdout))
            self._loop.call_soon_threadsafe(self._on_end)
        self._process.stdout.close()

    def _on_block(self, header: dict[str, Any], payload: bytes) -> None:
        if self._is_over:
            return
        if header["kind"] == "open":
            self._timer.cancel()
        if header["kind"] == "error":
            self._end_with(error_of(header))
        else:
            self._take(header, payload)

    def _on_end(self) -> None:
        if not self._is_over:
            self._end_with(died(self._what))

    def _give_up(self) -> None:
        """A cell may have kept the interpreter all the time: an answer that lies in the pipe gets its turn first."""
        self._timer = self._loop.call_later(_TURN_S, lambda: self._end_with(too_slow(self._what, OPEN_S)))

    def _end_with(self, error: WorkshopError) -> None:
        self.close()
        self._lost(error)


def start(module: str) -> subprocess.Popen[bytes]:
    """A worker process. What its libraries write to the terminal is dropped: errors come as blocks."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module],  # -P: not a queue.py beside the notebook
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C and the interruption of a cell are not for it
        creationflags=_WINDOWS_FLAGS,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """The threads close their pipes themselves: what the process left behind may keep them waiting in there."""
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_S)


def error_of(header: dict[str, Any]) -> WorkshopError:
    """The error that a worker tells of."""
    kind = MissingPartError if header["missing"] else AudioError
    return kind(header["what"], header["next"])


def died(what: str) -> AudioError:
    """A process that ended and did not say why."""
    return AudioError(
        f"The process that holds the {what} ended unexpectedly.",
        "Try again; if it stays so, look at this machine's sound with: realtime-workshop doctor",
    )


def too_slow(what: str, limit_s: float) -> AudioError:
    """A device that keeps everybody waiting."""
    return AudioError(
        f"The {what} did not answer within {limit_s:g} seconds: its driver or sound system hangs.",
        "Unplug it and plug it in again, or restart the sound system; then try once more.",
    )
