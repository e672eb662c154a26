"""The play-head: what of each reply has been played. Pure; the device thread and the loop share one."""

from __future__ import annotations

import threading
import time
from collections import deque

from .formats import BYTES_PER_MS

_SAMPLE_BYTES = 2
REMEMBERED_ITEMS = 1_000
"""Nobody asks how much was heard of a reply that lies further back."""


class PlayHead:
    """A queue of reply audio that knows how much of each item was taken out of it.

    The play-head is the truth about what was said: an interruption truncates at the milliseconds *heard*,
    counted per item. `pull` is called from a device thread, everything else from the loop.

    Args:
        prebuffer_ms: How much audio must wait before the first of it sounds, and again after it ran dry: the price of
            a steady reply over an unsteady network. The end of an item is never waited for.
    """

    def __init__(self, prebuffer_ms: int = 0) -> None:
        self.underruns = 0
        """How often a reply ran dry: the device wanted more of an item than had come."""
        self.clock = time.monotonic
        """Tells when an item begins to sound, in seconds. A session sets its own."""
        self.makes_sound = True
        """Whether what is taken can be heard, at the speed of sound."""
        self._prebuffer_bytes = prebuffer_ms * BYTES_PER_MS
        self._lock = threading.Lock()
        self._queue: deque[tuple[str, bytes]] = deque()
        self._taken = 0  # bytes of the first in the queue: cutting a long delta anew for each pull would copy it
        self._halves: dict[str, bytes] = {}  # half a sample, by item: the other half comes with the next delta
        self._heard_bytes: dict[str, int] = {}
        self._began_s: dict[str, float] = {}
        self._queued_bytes = 0
        self._growing: str | None = None  # the newest item, while more of it is to come
        self._is_flowing = False

    def push(self, item_id: str, pcm: bytes) -> None:
        """Add audio of an item; a delta may end in the middle of a sample."""
        with self._lock:
            pcm = self._halves.pop(item_id, b"") + pcm
            if len(pcm) % _SAMPLE_BYTES:
                self._halves[item_id] = pcm[-1:]
                pcm = pcm[:-1]
            if pcm:
                self._queue.append((item_id, pcm))
                self._queued_bytes += len(pcm)
                self._growing = item_id

    def end(self, item_id: str) -> None:
        """No more of this item comes."""
        with self._lock:
            self._halves.pop(item_id, None)
            if self._growing == item_id:
                self._growing = None
                self._pause_between_replies()

    def pull(self, size: int) -> bytes:
        """Take up to `size` bytes, in whole samples, to play now; nothing while the prebuffer fills."""
        size -= size % _SAMPLE_BYTES
        parts: list[bytes] = []
        missing = size
        with self._lock:
            if not self._may_flow():
                return b""
            while self._queue and missing:
                item_id, pcm = self._queue[0]
                part = pcm[self._taken : self._taken + missing]
                self._taken += len(part)
                if self._taken == len(pcm):
                    self._queue.popleft()
                    self._taken = 0
                parts.append(part)
                missing -= len(part)
                self._count(item_id, len(part))
            self._queued_bytes -= size - missing
            if missing:
                self._is_flowing = False
                self.underruns += self._growing is not None
            self._pause_between_replies()
        return b"".join(parts)

    def _pause_between_replies(self) -> None:
        if not self._queue and self._growing is None:
            self._is_flowing = False  # the next reply fills its own buffer

    def _may_flow(self) -> bool:
        if not self._is_flowing and self._queue:
            self._is_flowing = self._growing is None or self._queued_bytes >= self._prebuffer_bytes
        return self._is_flowing

    def _count(self, item_id: str, heard_bytes: int) -> None:
        if item_id not in self._heard_bytes:
            self._began_s[item_id] = self.clock()
        self._heard_bytes[item_id] = self._heard_bytes.get(item_id, 0) + heard_bytes
        if len(self._heard_bytes) > REMEMBERED_ITEMS:
            oldest = next(iter(self._heard_bytes))
            del self._heard_bytes[oldest], self._began_s[oldest]

    def flush(self) -> None:
        """Forget everything not yet played."""
        with self._lock:
            self._queue.clear()
            self._halves.clear()
            self._taken = self._queued_bytes = 0
            self._growing = None
            self._is_flowing = False

    def credit(self, item_id: str, size: int) -> None:
        """Count `size` bytes of an item as heard that were flushed before its device could say so."""
        with self._lock:
            self._count(item_id, size)

    def heard_ms(self, item_id: str) -> int:
        """Whole milliseconds of an item that were played."""
        with self._lock:
            return self._heard_bytes.get(item_id, 0) // BYTES_PER_MS

    def began_s(self, item_id: str) -> float | None:
        """When the first of an item was taken to be played, in seconds of `clock`; `None` before."""
        with self._lock:
            return self._began_s.get(item_id)

    @property
    def queued_items(self) -> tuple[str, ...]:
        """Items with audio still to play, in order."""
        with self._lock:
            return tuple(dict.fromkeys(item_id for item_id, _ in self._queue))

    @property
    def queued_ms(self) -> float:
        """Milliseconds still to play."""
        with self._lock:
            return self._queued_bytes / BYTES_PER_MS
