"""What the parts of one connection share: the session object, the conversation, and the way out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from ..protocol.frames import Event
from ..protocol.ids import IdMint
from .context import Conversation, Retention
from .faults import NO_FAULTS, Faults
from .items import Item
from .learners import Learner
from .limits import Limits
from .metrics import Metrics
from .models import Model
from .pace import Pace
from .parts import Parts
from .protocol_error import ProtocolError


async def _always_room() -> None:
    return None


@dataclass
class ServerSession:
    """A session on the server's side.

    Attributes:
        send: Takes each outgoing event, in order. Must not block, and must encode at once.
        wire: The session object as events show it.
        model: Facts of its model; `None` in a transcription session.
        parts: A mind, a voice and ears.
        ids: Mints every id.
        pace: Waiting times.
        rng: Randomness of latencies and padding.
        clock: Seconds since the epoch.
        faults: What goes wrong on purpose.
        limits: Upper bounds.
        retention: What becomes of older assistant audio.
        room: Waits while the client does not read what was sent.
        metrics: Counts events.
        life_s: Seconds until the session expires.
        learner: Whose it is, in a class.
    """

    send: Callable[[Event], None]
    wire: dict[str, Any]
    model: Model | None
    parts: Parts
    ids: IdMint
    pace: Pace
    rng: random.Random
    clock: Callable[[], float]
    faults: Faults = field(default_factory=lambda: Faults(NO_FAULTS, random.Random(0)))
    limits: Limits = field(default_factory=Limits)
    retention: Retention = "documented"
    room: Callable[[], Awaitable[None]] = _always_room
    metrics: Metrics = field(default_factory=Metrics)
    life_s: float = 3600
    learner: Learner | None = None

    def __post_init__(self) -> None:
        self.conversation = Conversation()
        self._tasks: set[asyncio.Task[None]] = set()
        self._background: set[asyncio.Task[None]] = set()

    def emit(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        self._send({"type": kind, "event_id": self.ids.new("event"), **fields})

    def announce(self, item: Item) -> None:
        """Tell that an item is in the conversation, whole."""
        for kind in ("added", "done"):
            self.emit(f"conversation.item.{kind}", previous_item_id=item.previous_id, item=item.wire)

    def refuse(self, error: ProtocolError, client_event_id: str | None = None) -> None:
        """Send an `error` event."""
        self._send(error.as_event(self.ids.new("event"), client_event_id))

    def _send(self, event: Event) -> None:
        self.metrics.server_event(event)
        if self.learner is not None:
            self.learner.server_event(event)
        self.send(event)

    def padding(self, delta: str) -> str:
        """The `obfuscation` of a text delta, which evens out frame sizes (reference §3.1)."""
        return "".join(self.rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=max(0, 16 - len(delta))))

    def draw(self, wait_ms: float) -> float:
        """One waiting time around `wait_ms`, in milliseconds."""
        return self.pace.draw(wait_ms, self.rng)

    def spawn(self, work: Coroutine[Any, Any, None], *, in_background: bool = False) -> asyncio.Task[None]:
        """Start work that ends with the session.

        Args:
            work: What to do.
            in_background: Whether lockstep does not wait for it.
        """
        task = asyncio.create_task(work)
        tasks = self._background if in_background else self._tasks
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    async def settled(self) -> None:
        """Wait until everything that was started is finished."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Stop everything that was started."""
        tasks = [*self._tasks, *self._background]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
