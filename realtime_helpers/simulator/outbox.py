"""Frames on their way to a client: in order, each when it is due, and stopped when the client does not read."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from ..protocol.frames import Event, encode
from .faults import Faults


@dataclass(frozen=True)
class Hangup:
    """The end of the stream.

    Attributes:
        reason: A word for the log.
        code: Close code; `None` cuts the line without a close frame.
        message: Sentence for the client.
    """

    reason: str
    code: int | None
    message: str = ""


class Outbox:
    """A queue of frames with faults on the way.

    Args:
        faults: What befalls the frames.
        most_bytes: From how many waiting bytes on `room` makes everybody wait.
        now: The loop's clock, in seconds.
    """

    def __init__(self, faults: Faults, most_bytes: int, now: Callable[[], float]) -> None:
        self._faults = faults
        self._most_bytes = most_bytes
        self._now = now
        self._entries: deque[tuple[float, str | Hangup]] = deque()
        self._waiting_bytes = 0
        self._news = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def send(self, event: Event) -> None:
        """Queue an event. It is encoded at once, so later changes to its parts do not show."""
        frame = encode(event)
        strikes = self._faults.outgoing(event["type"])
        if not strikes:
            self._put(frame, self._faults.down_ms)
            return
        effects: set[str] = {strike.effect for strike in strikes}
        delay_ms = sum(strike.delay_ms for strike in strikes)
        for entry in _befall(frame, event, effects):
            self._put(entry, self._faults.down_ms + delay_ms)

    def hang_up(self, hangup: Hangup) -> None:
        """Close the connection once everything before is sent."""
        self._put(hangup, 0)

    @property
    def delay_s(self) -> float:
        """Seconds until the last frame is due."""
        return max(0.0, self._entries[-1][0] - self._now()) if self._entries else 0.0

    async def room(self) -> None:
        """Wait while too much waits for the client."""
        await self._has_room.wait()

    async def frames(self) -> AsyncIterator[str | Hangup]:
        """What to send, when it is due. The frame counts as waiting until the next is asked for."""
        while True:
            while not self._entries:
                self._news.clear()
                await self._news.wait()
            due_s, entry = self._entries[0]
            if (wait_s := due_s - self._now()) > 0:
                await asyncio.sleep(wait_s)
            yield entry
            self._entries.popleft()
            self._waiting_bytes -= len(entry) if isinstance(entry, str) else 0
            if self._waiting_bytes <= self._most_bytes:
                self._has_room.set()

    def _put(self, entry: str | Hangup, delay_ms: float) -> None:
        self._entries.append((self._now() + delay_ms / 1000, entry))
        self._waiting_bytes += len(entry) if isinstance(entry, str) else 0
        if self._waiting_bytes > self._most_bytes:
            self._has_room.clear()
        self._news.set()


def _befall(frame: str, event: Event, effects: set[str]) -> list[str | Hangup]:
    """The frames that leave instead of one."""
    if "drop_connection" in effects:
        return [Hangup("dropped", None)]
    out: list[str | Hangup] = []
    if "unknown" in effects:
        out.append(
            encode({"type": "simulated.unknown_event", "event_id": f"{event['event_id']}_u", "note": "ignore me"})
        )
    out.append(frame[: len(frame) // 2] if "malformed" in effects else frame)
    if "duplicated" in effects:
        out.append(frame)
    return out
