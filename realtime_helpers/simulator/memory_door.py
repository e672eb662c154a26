"""A door without a socket: the same session in the caller's own loop, at the speed of that loop's clock.

Experiments and tests go through it by the thousand, in virtual time; everything behind the door is the real thing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from .admission import Admission
from .config import Config
from .connection import Connection
from .faults import Faults
from .models import find_model
from .new_session import new_session
from .outbox import Hangup, Outbox
from .protocol_error import ProtocolError
from .realtime_door import EXPIRED


class LineClosedError(Exception):
    """The line is closed.

    Attributes:
        code: Close code as a client would see it: 1006 when the line was cut.
    """

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message or f"closed with {code}")
        self.code = code


class MemoryLine:
    """One connection. `receive` and `send` are the client's ends of it.

    Args:
        config: How the simulator behaves.
        model: Name of the realtime model.
        faults: What goes wrong; by default what the config's scenario says.

    Raises:
        ValueError: There is no such model.
    """

    def __init__(self, config: Config, model: str, faults: Faults | None = None) -> None:
        facts = find_model(model)
        if facts is None:
            raise ValueError(f"There is no realtime model {model!r}.")
        luck = config.new_luck()
        self._faults = faults or Faults(config.scenario, luck)
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._faults, config.limits.outgoing_bytes, self._loop.time)
        self.session = new_session(Admission(model, facts), config, luck, self._faults, self._outbox)
        self._connection = Connection(self.session)
        self._up: deque[tuple[float, str]] = deque()
        self._down: deque[str] = deque()
        self._news_up, self._news_down = asyncio.Event(), asyncio.Event()
        self._closed: LineClosedError | None = None
        self._work = [self._loop.create_task(part) for part in (self._serve(), self._deliver(), self._expire())]

    async def send(self, frame: str) -> None:
        """Send a client frame.

        Raises:
            LineClosedError: The line is closed.
        """
        if self._closed is not None:
            raise self._closed
        self._up.append((self._loop.time() + self._faults.up_ms / 1000, frame))
        self._news_up.set()
        await self._outbox.room()

    async def receive(self) -> str:
        """The next server frame.

        Raises:
            LineClosedError: The line is closed, and everything before was received.
        """
        while not self._down:
            if self._closed is not None:
                raise self._closed
            self._news_down.clear()
            await self._news_down.wait()
        return self._down.popleft()

    def cut(self, code: int = 1006, message: str = "") -> None:
        """End the connection now; what is on its way to the server is lost."""
        if self._closed is None:
            self._closed = LineClosedError(code, message)
            self._news_down.set()
            for task in self._work:
                if task is not asyncio.current_task():
                    task.cancel()

    async def close(self) -> None:
        """Close, and stop everything the session started."""
        self.cut(1000)
        await asyncio.gather(*self._work, return_exceptions=True)
        await self._connection.close()

    async def _serve(self) -> None:
        self._connection.start()
        while True:
            while not self._up:
                self._news_up.clear()
                await self._news_up.wait()
            due_s, frame = self._up.popleft()
            if (wait_s := due_s - self._loop.time()) > 0:
                await asyncio.sleep(wait_s)
            await self._connection.receive(frame)
            if self._closed is not None:
                return  # this very frame cut the line, so nobody cancels this task
            await asyncio.sleep(0)

    async def _deliver(self) -> None:
        async for entry in self._outbox.frames():
            if isinstance(entry, Hangup):
                self.cut(1006 if entry.code is None else entry.code, entry.message)
                return
            self._down.append(entry)
            self._news_down.set()

    async def _expire(self) -> None:
        life_s = self.session.life_s
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(life_s)
            message = EXPIRED.format(minutes=life_s / 60)
            self.session.refuse(ProtocolError("session_expired", message))
            self._outbox.hang_up(Hangup("session_expired", 1001, message))
