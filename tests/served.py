"""A simulator as its users start it, in a process of its own, with every event it sends checked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 30.0


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """`realtime-workshop serve` with these options; gives its base URL."""
    command = [sys.executable, "-m", "tests.checked_simulator", "serve", "--port", "0", "--pace", "realtime", "--leash"]
    pipe = subprocess.PIPE
    process = subprocess.Popen([*command, *options], stdin=pipe, stdout=pipe, text=True, encoding="utf-8")
    try:
        assert process.stdout is not None
        ready = process.stdout.readline().split()
        assert ready[:1] == ["ready"], "the simulator's complaint is on standard error"
        yield ready[1]
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
