"""A simulator in a process of its own, for as long as the demo or the lab needs one."""

from __future__ import annotations

import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from ..errors import WorkshopError

PROGRAM = "realtime_helpers"
_START_PATIENCE_S = 30.0


@contextmanager
def running_simulator(port: int = 0) -> Iterator[str]:
    """Start `realtime-workshop serve` and give its URL; stop it at the end.

    Raises:
        WorkshopError: It did not start; the message is its own.
    """
    command = [sys.executable, "-m", PROGRAM, "serve", "--port", str(port), "--leash"]
    pipe = subprocess.PIPE  # standard input is the leash: it ends with this process, even when that is killed
    with tempfile.TemporaryFile() as complaints:  # a file, not a pipe: one that nobody reads would fill and block
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=complaints, text=True, encoding="utf-8")
        try:
            yield _url_of(process, complaints)
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _url_of(process: subprocess.Popen[str], complaints: IO[bytes]) -> str:
    """The URL in the `ready` line."""
    assert process.stdout is not None
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=lambda out: lines.put(out.readline()), args=(process.stdout,), daemon=True).start()
    try:
        line = lines.get(timeout=_START_PATIENCE_S)
    except queue.Empty:
        line = ""
    if line.startswith("ready "):
        return line.split()[1]
    _end(process)
    complaints.seek(0)
    last = complaints.read().decode(errors="replace").strip().splitlines()[-1:] or ["It said nothing."]
    raise WorkshopError(f"The simulator did not start: {last[0]}", "Check this machine with: realtime-workshop doctor")
