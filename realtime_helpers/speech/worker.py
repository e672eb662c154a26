"""Talk to a helper process over pipes: one JSON line and a block of bytes each way.

The speech engines run in processes of their own: the recogniser never releases the GIL and would stop the
event loop for a second and more, and a crash or a licence boundary stays outside our process.
`subprocess` rather than `multiprocessing`: a script without a `__main__` guard must work too.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import IO, Any

import orjson


def write_block(stream: IO[bytes], header: dict[str, Any], payload: bytes = b"") -> None:
    """Write a header and its payload."""
    stream.write(orjson.dumps({**header, "bytes": len(payload)}) + b"\n" + payload)
    stream.flush()


def read_block(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read a header and its payload.

    Raises:
        EOFError: The other side is gone.
    """
    line = stream.readline()
    if not line:
        raise EOFError("The other side closed the pipe.")
    header: dict[str, Any] = orjson.loads(line)
    size = header.pop("bytes")
    payload = stream.read(size)
    if len(payload) < size:
        raise EOFError("The pipe ended in the middle of a block.")
    return header, payload


def serve(answer: Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]) -> None:
    """Answer requests on standard input until it is closed. The main loop of a worker module."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent; we end when our input does
    for header, payload in _requests(sys.stdin.buffer):
        try:
            reply, data = answer(header, payload)
        except Exception as error:  # noqa: BLE001 - one bad request must not end the worker
            reply, data = {"error": f"{type(error).__name__}: {error}"}, b""
        with contextlib.suppress(BrokenPipeError):
            write_block(sys.stdout.buffer, reply, data)


def _requests(stream: IO[bytes]) -> Iterator[tuple[dict[str, Any], bytes]]:
    with contextlib.suppress(EOFError):
        while True:
            yield read_block(stream)


class WorkerError(Exception):
    """The worker answered with an error, or died."""


class Worker:
    """A helper process, started on first use; one request at a time, from any thread.

    Args:
        module: Module to run with `python -m`; it calls `serve`.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def request(self, header: dict[str, Any], payload: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for its answer. Blocking: call it from a thread, not from a loop.

        Raises:
            WorkerError: The worker reported an error or ended; the next request starts a new one.
        """
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                write_block(process.stdin, header, payload)
                reply, data = read_block(process.stdout)
            except (OSError, EOFError, ValueError) as error:
                self._end()
                raise WorkerError(f"The helper process {self._module} ended unexpectedly.") from error
            except BaseException:  # interrupted between question and answer: a late answer must meet no other question
                self._end()
                raise
        if "error" in reply:
            raise WorkerError(reply["error"])
        return reply, data

    def close(self) -> None:
        """End the process, also in the middle of a request. A later request starts it again."""
        process = self._process
        if process is not None:
            process.kill()  # whoever waits for an answer, and holds the lock, gets an error now
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            command = [sys.executable, "-P", "-m", self._module]  # -P: a queue.py beside the notebook is not for it
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._finish = weakref.finalize(self, _end_process, self._process)  # also at exit, if nobody closes
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process = None
            self._finish()


def _end_process(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
