"""Where replies are played: one small interface, whatever is behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from ..errors import WorkshopError
from .formats import BYTES_PER_MS
from .playback import PlayHead

_TICK_S = 0.02


@runtime_checkable
class Sink(Protocol):
    """Plays reply audio. All methods are called on the session's loop and return at once."""

    @property
    def head(self) -> PlayHead:
        """What was heard, and what is still to play."""
        ...

    def open(self) -> None:
        """Make ready to play.

        Raises:
            AudioError: The device cannot be used.
        """
        ...

    def play(self, item_id: str, pcm: bytes) -> None:
        """Play audio of an item after everything before it (PCM16, 24 kHz, mono)."""
        ...

    def end(self, item_id: str) -> None:
        """No more audio of this item comes: what waits for more of it may sound."""
        ...

    def flush(self, settled: Callable[[], None]) -> None:
        """Fall silent now and forget what was not played.

        Args:
            settled: Called once, on the session's loop, when `head` knows what was heard: at once where the device is
                here; soon, where it is in a browser and has to be asked.
        """
        ...

    def close(self) -> None:
        """Let go of the device, and forget what was not played. Harmless when not open."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A source or sink that can fail in part: it tells what went wrong, and the session goes on.

    Attributes:
        tell: Set by the session; to be called on its loop with one sentence that names the next step.
    """

    tell: Callable[[str], None] | None


@runtime_checkable
class DeviceSink(Protocol):
    """What a sink adds whose device takes its time to open, and may vanish while nothing is played."""

    async def opened(self) -> None:
        """After `open`: wait until it can be heard.

        Raises:
            AudioError: The device cannot be used.
        """
        ...

    def watch(self, lost: Callable[[WorkshopError], None]) -> None:
        """After `open`: have `lost` called on the session's loop, once, when the device is gone."""
        ...


class QueueSink:
    """What all sinks have in common that are read by somebody here: a queue that knows what was taken out of it.

    Args:
        head: The queue.
    """

    def __init__(self, head: PlayHead | None = None) -> None:
        self._head = head or PlayHead()

    @property
    def head(self) -> PlayHead:
        """See `Sink.head`."""
        return self._head

    def open(self) -> None:
        """Nothing to open."""

    def play(self, item_id: str, pcm: bytes) -> None:
        """See `Sink.play`."""
        self.head.push(item_id, pcm)

    def end(self, item_id: str) -> None:
        """See `Sink.end`."""
        self.head.end(item_id)

    def flush(self, settled: Callable[[], None]) -> None:
        """See `Sink.flush`."""
        self.head.flush()
        settled()

    def close(self) -> None:
        """Forget what was not taken."""
        self.head.flush()


class UnattendedSink(QueueSink):
    """A sink without a device: it takes out of the queue by the loop's clock, or at once.

    Args:
        realtime: Take as long as real sound, so that a reply can be interrupted. Otherwise it is heard as it comes.
    """

    def __init__(self, *, realtime: bool = False) -> None:
        super().__init__()
        self.head.makes_sound = realtime
        self.is_realtime = realtime
        self._heard_until_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """See `Sink.open`."""
        if self.is_realtime:
            self._heard_until_s = asyncio.get_running_loop().time()
            self._listen()

    def _listen(self) -> None:
        self._catch_up()
        self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._listen)

    def _catch_up(self) -> None:
        """Hear what sounded since the last look."""
        if self._timer is not None:
            length_ms = int((asyncio.get_running_loop().time() - self._heard_until_s) * 1000)
            self._heard_until_s += length_ms / 1000
            self._hear(self.head.pull(length_ms * BYTES_PER_MS), length_ms)

    def _hear(self, pcm: bytes, length_ms: int) -> None:
        """Called with what sounded, and the time it took; the rest of it was silence."""

    def play(self, item_id: str, pcm: bytes) -> None:
        """See `Sink.play`."""
        self._catch_up()
        super().play(item_id, pcm)
        if not self.is_realtime:
            self._hear(self.head.pull(round(self.head.queued_ms * BYTES_PER_MS)), 0)

    def flush(self, settled: Callable[[], None]) -> None:
        """See `Sink.flush`."""
        self._catch_up()
        super().flush(settled)

    def close(self) -> None:
        """See `Sink.close`."""
        self._catch_up()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().close()


class SilentSink(UnattendedSink):
    """Hears every reply without a sound card: for tests, experiments and machines without sound.

    Args:
        realtime: Take as long as real sound, so that a reply can be interrupted. Otherwise it is heard as it comes.
    """


class TimedSink(QueueSink):
    """Plays by an injected clock instead of a device: silent, but as slow as real sound.

    Call `advance` as time passes; tests interrupt a reply at an exact millisecond with it.
    """

    def advance(self, length_ms: int) -> None:
        """Let `length_ms` of playing time pass."""
        self.head.pull(length_ms * BYTES_PER_MS)
