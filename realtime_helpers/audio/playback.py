"""The play-head: what of each reply has been played. Pure; the device thread and the loop share one."""

from __future__ import annotations

import threading
from collections import deque

from .formats import BYTES_PER_MS


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
        self._prebuffer_bytes = prebuffer_ms * BYTES_PER_MS
        self._lock = threading.Lock()
        self._queue: deque[tuple[str, bytes]] = deque()
        self._heard_bytes: dict[str, int] = {}
        self._queued_bytes = 0
        self._growing: str | None = None  # the item of which more is to come
        self._is_flowing = False

    def push(self, item_id: str, pcm: bytes) -> None:
        """Add audio of an item."""
        if pcm:
            with self._lock:
                self._queue.append((item_id, pcm))
                self._queued_bytes += len(pcm)
                self._growing = item_id

    def end(self, item_id: str) -> None:
        """No more of this item comes."""
        with self._lock:
            if self._growing == item_id:
                self._growing = None

    def pull(self, size: int) -> bytes:
        """Take up to `size` bytes to play now; nothing while the prebuffer fills."""
        taken = bytearray()
        with self._lock:
            if not self._may_flow():
                return b""
            while self._queue and len(taken) < size:
                item_id, pcm = self._queue.popleft()
                wanted = size - len(taken)
                if len(pcm) > wanted:
                    self._queue.appendleft((item_id, pcm[wanted:]))
                    pcm = pcm[:wanted]
                taken += pcm
                self._heard_bytes[item_id] = self._heard_bytes.get(item_id, 0) + len(pcm)
            self._queued_bytes -= len(taken)
            if len(taken) < size:
                self._is_flowing = False
                self.underruns += self._growing is not None
        return bytes(taken)

    def _may_flow(self) -> bool:
        if not self._is_flowing and self._queue:
            self._is_flowing = self._growing is None or self._queued_bytes >= self._prebuffer_bytes
        return self._is_flowing

    def flush(self) -> None:
        """Forget everything not yet played."""
        with self._lock:
            self._queue.clear()
            self._queued_bytes = 0
            self._growing = None
            self._is_flowing = False

    def heard_ms(self, item_id: str) -> int:
        """Whole milliseconds of an item that were played."""
        with self._lock:
            return self._heard_bytes.get(item_id, 0) // BYTES_PER_MS

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
