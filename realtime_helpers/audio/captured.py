"""Audio that knows when it was captured, so that somebody can tell how long it waited."""

from __future__ import annotations


class Captured(bytes):
    """A chunk of audio with the moment at which it was complete.

    A live source that knows better than the session when that was yields this instead of `bytes`.

    Attributes:
        at_s: On the clock of the session's loop (`loop.time()`), in seconds.
    """

    at_s: float

    @classmethod
    def now(cls, pcm: bytes, at_s: float) -> Captured:
        """Mark a chunk, unless its source has done so already."""
        if isinstance(pcm, cls):
            return pcm
        chunk = cls(pcm)
        chunk.at_s = at_s
        return chunk
