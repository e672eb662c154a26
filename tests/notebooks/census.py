"""What a kernel holds besides its variables, and the simulator that sessions share. Runs inside of the kernel."""

from __future__ import annotations

import asyncio
import gc

import psutil

from realtime_helpers import runtime
from realtime_helpers.backends import stop_simulator


def census() -> dict[str, list[str]]:
    """Tasks on the loops in the background, ports that are listened on, processes that were started."""
    stop_simulator()
    gc.collect()
    process = psutil.Process()
    _, children = psutil.wait_procs(process.children(recursive=True), timeout=5)  # those that do not end by themselves
    listening = [c for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    return {
        "tasks": [name for loop in list(runtime._shared.values()) for name in loop.submit(_tasks()).result(20)],
        "ports": sorted(str(connection.laddr.port) for connection in listening),
        "children": sorted(" ".join(child.cmdline()[:4]) for child in children),
    }


async def _tasks() -> list[str]:
    """Those that do not end by themselves."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]
    if rest:
        _, rest = await asyncio.wait(rest, timeout=10)
    return sorted(str(task.get_coro()) for task in rest)
