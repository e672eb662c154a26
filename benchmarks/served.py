"""A simulator in a process of its own, on cores of its own where the system allows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

SERVERS_CORES = {0, 1}


@contextmanager
def served(*flags: str, pinned: bool = True) -> Iterator[tuple[str, psutil.Process]]:
    """`serve` with these flags; its URL and its process."""
    command = [sys.executable, "-m", "realtime_helpers", "serve", *flags, "--port", "0", "--leash"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    if pinned:
        pin(process.pid, SERVERS_CORES)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1], psutil.Process(process.pid)
    finally:
        process.terminate()
        process.communicate()


def pin(pid: int, cores: set[int]) -> None:
    """Keep a process on these cores, where there are enough for others."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) >= 4:
        os.sched_setaffinity(pid, cores)
