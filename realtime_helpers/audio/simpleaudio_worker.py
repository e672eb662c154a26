"""simpleaudio in a process of its own: it has crashed interpreters. Killing the process is how sound stops at once."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from ..speech.worker import read_block, write_block
from .formats import BYTES_PER_MS, RATE_HZ, silence
from .priority import become_a_sound_process

_FIRST_BUFFER_BYTES = 400 * BYTES_PER_MS
"""So much of a reply must be here before it begins: the second buffer must have come before this one is over."""


class _Buffers:
    """Cuts a stream into buffers: each takes what has come by the time the one before is over."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._waiting = bytearray()
        self._growing: str | None = None

    def order(self, header: dict[str, Any], pcm: bytes) -> None:
        with self._news:
            if header["do"] == "play":
                self._waiting += pcm
                self._growing = header["item"]
            elif self._growing == header["item"]:
                self._growing = None
                if len(self._waiting) % 2:
                    del self._waiting[-1:]  # half a sample, of which no other half comes
            self._news.notify()

    def next(self, ready_at_s: float) -> bytes:
        """The next buffer, not before `ready_at_s` on the monotonic clock."""
        time.sleep(max(0.0, ready_at_s - time.monotonic()))
        with self._news:
            if len(self._waiting) < 2:  # it ran dry, or the next reply is still to come
                self._news.wait_for(lambda: len(self._waiting) >= (2 if self._growing is None else _FIRST_BUFFER_BYTES))
            whole = len(self._waiting) - len(self._waiting) % 2
            pcm = bytes(self._waiting[:whole])
            del self._waiting[:whole]
            return pcm


def main() -> None:
    """Play what is ordered, and tell when each buffer began, until standard input ends. An error is the last block."""
    become_a_sound_process()
    read_block(sys.stdin.buffer)
    buffers = _Buffers()
    try:

        def obey() -> None:
            try:
                while True:
                    buffers.order(*read_block(sys.stdin.buffer))
            finally:
                os._exit(0)

        threading.Thread(target=obey, daemon=True).start()  # first: a driver may hang in all that follows
        import simpleaudio

        simpleaudio.play_buffer(silence(10), 1, 2, RATE_HZ)  # is there a device at all?
        write_block(sys.stdout.buffer, {"kind": "open", "device": "the system's default", "latency_ms": 0})
        over_at_s = 0.0
        while True:
            pcm = buffers.next(over_at_s)
            simpleaudio.play_buffer(pcm, 1, 2, RATE_HZ)
            began_s = time.monotonic()
            over_at_s = began_s + len(pcm) / BYTES_PER_MS / 1000
            write_block(sys.stdout.buffer, {"kind": "playing", "size": len(pcm), "at_s": began_s})
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent says it in its words
        what = f"simpleaudio cannot play here ({type(error).__name__}: {error})."
        step = "Use speaker(), which streams; or look at this machine's sound with: realtime-workshop doctor"
        write_block(sys.stdout.buffer, {"kind": "error", "what": what, "next": step, "missing": False})
    os._exit(0)


if __name__ == "__main__":
    main()
