"""A sound card without a card: one thread on a real clock that fills microphone blocks and takes speaker blocks.

Every sample says where it belongs: those of the microphone count its 10 ms blocks, those of a reply name the reply and
count its 10 ms blocks. So whoever hears them can tell what is late, missing or twice, however it was cut on the way.
Needs nothing but the standard library, so that a peer's own environment can run it. Our devices live in processes that
end without a word, so there the card keeps a journal in a file; see `virtual/sounddevice.py`.
"""

from __future__ import annotations

import heapq
import json
import threading
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Self, TextIO

RATE_HZ = 24_000
MARK_MS = 10
MARK_BYTES = MARK_MS * RATE_HZ * 2 // 1000
_WRAPS_AT = 32_000
_PER_REPLY = 1_000


def marked(value: int) -> bytes:
    """10 ms of samples of one value."""
    return array("h", [value]).tobytes() * (MARK_BYTES // 2)


def reply_mark(reply: int, block: int) -> int:
    """The samples of a reply's 10 ms block: its number modulo 32, and where it is modulo ten seconds."""
    return 1 + block % _PER_REPLY + _PER_REPLY * (reply % (_WRAPS_AT // _PER_REPLY))


def reply_pcm(reply: int, start_ms: int, length_ms: int) -> bytes:
    return b"".join(marked(reply_mark(reply, (start_ms + ms) // MARK_MS)) for ms in range(0, length_ms, MARK_MS))


def reply_of(mark: int) -> int:
    return (mark - 1) // _PER_REPLY


def first_mark(pcm: bytes) -> int:
    return int.from_bytes(pcm[:2], "little", signed=True)


def last_mark(pcm: bytes) -> int:
    return int.from_bytes(pcm[-2:], "little", signed=True)


def marks_between(earlier: int, later: int) -> int:
    """How many 10 ms of a microphone lie between two of its marks."""
    return (later - earlier) % _WRAPS_AT


class Card(threading.Thread):
    """Ticks its streams.

    Args:
        block_ms: How much a speaker takes at once.
        journal: Where everything is written at once; without it, it is kept.
    """

    def __init__(self, block_ms: int = MARK_MS, journal: TextIO | None = None) -> None:
        super().__init__(daemon=True)
        self.block_ms = block_ms
        self.log: dict[str, list[Any]] = {
            "handed": [],  # when audio was handed over to be played, and its first mark
            "sounded": [],  # of each block that sounded: speaker, number, when it was taken, first and last mark
            "captured_from_s": [],  # for each microphone, when its first sample was captured
            "late_ms": [],  # how late each microphone block was filled
        }
        self._journal = journal
        self._speakers = 0
        self._due: list[tuple[float, int, Stream]] = []
        self._count = 0
        self._changed = threading.Condition()
        self.start()

    def microphone(self, block_ms: int, hear: Callable[[bytes], object]) -> Stream:
        """Calls `hear` on the card's thread with each block."""
        stream = Stream(self, block_ms / 1000)
        blocks = block_ms // MARK_MS

        def tick(number: int, now_s: float) -> None:
            self._note("late_ms", (now_s - stream.from_s - (number + 1) * stream.period_s) * 1000)
            start = number * blocks
            hear(b"".join(marked(1 + (start + index) % _WRAPS_AT) for index in range(blocks)))

        stream.tick = tick
        stream.opened = lambda: self._note("captured_from_s", stream.from_s)
        return stream

    def speaker(self, fill: Callable[[bytearray], object]) -> Stream:
        """Calls `fill` on the card's thread for each block; what it leaves alone is silence."""
        stream = Stream(self, self.block_ms / 1000)
        number_of_speaker, self._speakers = self._speakers, self._speakers + 1
        size = self.block_ms * MARK_BYTES // MARK_MS

        def tick(number: int, now_s: float) -> None:
            block = bytearray(size)
            fill(block)
            first, last = first_mark(block), last_mark(block)
            if first or last:
                self._note("sounded", (number_of_speaker, number, now_s, first, last))

        stream.tick = tick
        return stream

    def hand(self, pcm: bytes) -> None:
        """Note that audio is now where the card will find it."""
        self._note("handed", (time.monotonic(), first_mark(pcm)))

    def read_journals(self, folder: Path) -> None:
        """Take in what cards in other processes wrote."""
        for path in folder.iterdir():
            for line in path.read_text(encoding="utf-8").splitlines():
                name, entry = json.loads(line)
                self.log[name].append(entry)

    def _note(self, name: str, entry: object) -> None:
        if self._journal is None:
            self.log[name].append(entry)
        else:
            print(json.dumps([name, entry]), file=self._journal, flush=True)

    def add(self, stream: Stream) -> None:
        with self._changed:
            self._count += 1
            heapq.heappush(self._due, (stream.from_s + stream.period_s, self._count, stream))
            self._changed.notify()

    def run(self) -> None:
        while True:
            with self._changed:
                while not self._due:
                    self._changed.wait()
                due_s, order, stream = heapq.heappop(self._due)
            time.sleep(max(0.0, due_s - time.monotonic()))
            if stream.is_on:
                stream.tick(stream.number, time.monotonic())
                stream.number += 1
                with self._changed:
                    heapq.heappush(self._due, (due_s + stream.period_s, order, stream))


class Stream:
    """A microphone or speaker that was opened; the names are those of sound libraries."""

    def __init__(self, card: Card, period_s: float) -> None:
        self.period_s = period_s
        self.number = 0
        self.from_s = 0.0
        self.is_on = False
        self.tick: Callable[[int, float], None] = lambda _number, _now_s: None
        self.opened: Callable[[], None] = lambda: None
        self._card = card

    def start(self) -> None:
        if not self.is_on:
            self.is_on, self.from_s = True, time.monotonic()
            self.opened()
            self._card.add(self)

    def stop(self) -> None:
        self.is_on = False

    close = start_stream = stop_stream = stop
    start_stream = start

    @property
    def active(self) -> bool:
        return self.is_on

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class WrittenSpeaker:
    """A speaker that is written to, like PyAudio's: `write` blocks while the device has enough for two blocks."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._waiting = bytearray()
        self._taken = threading.Condition()
        self._enough = 2 * card.block_ms * MARK_BYTES // MARK_MS
        self._stream = card.speaker(self._fill)
        self.start_stream, self.stop_stream, self.close = self._stream.start, self._stream.stop, self._stream.stop

    def _fill(self, block: bytearray) -> None:
        with self._taken:
            pcm = self._waiting[: len(block)]
            del self._waiting[: len(block)]
            self._taken.notify_all()
        block[: len(pcm)] = pcm

    def write(self, pcm: bytes) -> None:
        self._card.hand(pcm)
        with self._taken:
            while len(self._waiting) >= self._enough:
                self._taken.wait()
            self._waiting += pcm


def as_pyaudio(card: Card) -> ModuleType:
    """The card with the face of PyAudio."""

    def open_stream(
        *, rate: int, frames_per_buffer: int = 1024, stream_callback: Callable[..., object] | None = None, **_: object
    ) -> Stream | WrittenSpeaker:
        assert rate == RATE_HZ
        if stream_callback is None:
            return WrittenSpeaker(card)
        call = stream_callback
        return card.microphone(frames_per_buffer * 1000 // RATE_HZ, lambda pcm: call(pcm, len(pcm) // 2, None, 0))

    module: Any = ModuleType("pyaudio")
    module.paContinue = 0
    module.PyAudio = lambda: SimpleNamespace(
        open=open_stream, get_format_from_width=lambda width: width, terminate=lambda: None
    )
    return module
