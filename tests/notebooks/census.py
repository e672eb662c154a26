"""What a kernel holds besides variables, open panels and the simulator that sessions share. Runs in the kernel."""

from __future__ import annotations

import asyncio
import gc
import sys

import psutil

from realtime_helpers import runtime
from realtime_helpers.backends import stop_simulator


def census() -> dict[str, list[str]]:
    """Tasks on the loops in the background, ports that are listened on, processes that were started."""
    if "ipywidgets" in sys.modules:  # a panel that is still shown keeps its session, and who speaks in it
        sys.modules["ipywidgets"].Widget.close_all()
    stop_simulator()
    gc.collect()
    tasks = [name for loop in list(runtime._shared.values()) for name in loop.submit(_tasks()).result(20)]
    process = psutil.Process()
    listening = [c for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    return {
        "tasks": tasks,
        "ports": sorted(str(connection.laddr.port) for connection in listening),
        "children": sorted(" ".join(child.cmdline()[:4]) for child in _lasting(process)),
    }


def _lasting(process: psutil.Process) -> list[psutil.Process]:
    """Children that do not end by themselves: their owner may have to be collected first, and they to hear of it."""
    for _ in range(10):
        gc.collect()
        _, children = psutil.wait_procs(process.children(recursive=True), timeout=0.5)
        if not children:
            break
    return children


async def _tasks() -> list[str]:
    """Those that do not end by themselves."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]
    if rest:
        _, rest = await asyncio.wait(rest, timeout=10)
    return sorted(str(task.get_coro()) for task in rest)
