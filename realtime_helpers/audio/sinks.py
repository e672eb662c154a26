"""Where replies are played: one small interface, whatever is behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from .formats import BYTES_PER_MS
from .playback import PlayHead


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
        """Let go of the device. Harmless when not open."""
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
        """Nothing to close."""


class SilentSink(QueueSink):
    """Hears every reply at once, without a sound card: for tests, experiments and machines without sound."""

    def play(self, item_id: str, pcm: bytes) -> None:
        """Count the audio as heard."""
        super().play(item_id, pcm)
        self.head.pull(round(self.head.queued_ms * BYTES_PER_MS))


class TimedSink(QueueSink):
    """Plays by an injected clock instead of a device: silent, but as slow as real sound.

    Call `advance` as time passes; tests interrupt a reply at an exact millisecond with it.
    """

    def advance(self, length_ms: int) -> None:
        """Let `length_ms` of playing time pass."""
        self.head.pull(length_ms * BYTES_PER_MS)
