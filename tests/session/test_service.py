"""The socket's line, without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

from realtime_helpers.session.service import _SocketLine


class DeafSocket:
    """Neither says anything nor closes."""

    def __init__(self) -> None:
        self.is_read = asyncio.Event()

    async def recv_bytes(self) -> bytes:
        self.is_read.set()
        await asyncio.Event().wait()
        return b""

    async def close(self) -> None:
        await asyncio.Event().wait()


async def test_a_stop_while_the_line_closes_leaves_no_task_behind() -> None:
    socket: Any = DeafSocket()
    before = asyncio.all_tasks()
    closing = asyncio.ensure_future(_SocketLine(socket).close())
    await socket.is_read.wait()
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    assert closing.cancelled()
    assert asyncio.all_tasks() == before
