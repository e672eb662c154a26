"""Sound before computation: how the processes that hold devices are scheduled."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

_PRIORITY = 5
"""Of real-time scheduling; sound servers use the same."""


def become_a_sound_process() -> None:
    """Ignore Ctrl-C, which is for the parent, and be scheduled before what computes, where the system allows it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_PRIORITY))
