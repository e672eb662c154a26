"""Where replies are played: one small interface, whatever is behind it."""

from __future__ import annotations

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

    def flush(self) -> None:
        """Fall silent now and forget what was not played."""
        ...

    def close(self) -> None:
        """Let go of the device. Harmless when not open."""
        ...


class SilentSink:
    """Hears every reply at once, without a sound card: for tests, experiments and machines without sound."""

    def __init__(self) -> None:
        self.head = PlayHead()

    def open(self) -> None:
        """Nothing to open."""

    def play(self, item_id: str, pcm: bytes) -> None:
        """Count the audio as heard."""
        self.head.push(item_id, pcm)
        self.head.pull(len(pcm))

    def flush(self) -> None:
        """Nothing is ever waiting."""

    def close(self) -> None:
        """Nothing to close."""


class TimedSink:
    """Plays by an injected clock instead of a device: silent, but as slow as real sound.

    Call `advance` as time passes; tests interrupt a reply at an exact millisecond with it.
    """

    def __init__(self) -> None:
        self.head = PlayHead()

    def open(self) -> None:
        """Nothing to open."""

    def play(self, item_id: str, pcm: bytes) -> None:
        """Queue the audio until time passes."""
        self.head.push(item_id, pcm)

    def advance(self, length_ms: int) -> None:
        """Let `length_ms` of playing time pass."""
        self.head.pull(length_ms * BYTES_PER_MS)

    def flush(self) -> None:
        """Forget what was not played."""
        self.head.flush()

    def close(self) -> None:
        """Nothing to close."""
