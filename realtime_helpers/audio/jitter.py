"""A jitter buffer: numbered chunks come as the network likes, and leave in order on one unbroken time line. Pure."""

from __future__ import annotations

from .formats import CHUNK_BYTES, CHUNK_MS

NUMBERS = 2**32
"""Numbers wrap around here: they travel as unsigned 32-bit integers."""
_FAR = 10_000 // CHUNK_MS
"""A gap of ten seconds or more is none: the numbering began anew."""


class JitterBuffer:
    """Puts numbered chunks in order. A numbering begins at 0.

    Whoever counts audio to tell the time (the server does, reference §3.3) must get every chunk or silence in its
    place. There is no clock in here: how long a chunk is waited for is measured in the audio that came after it.

    Two neighbouring numbers far from those expected are a new numbering, as in RFC 3550; a single one is a stray.

    Args:
        patience_ms: A missing chunk is waited for until one has come that is this much younger. Zero never waits.
    """

    def __init__(self, patience_ms: int = 200) -> None:
        self.missing = 0
        """Chunks that were replaced by silence."""
        self.late = 0
        """Chunks that came after their place was filled with silence, or strayed in from nowhere."""
        self.duplicated = 0
        """Chunks that came once more."""
        self.restarts = 0
        """How often a new numbering began without `end`."""
        self._patience = patience_ms // CHUNK_MS
        self._next = 0
        self._waiting: dict[int, bytes] = {}  # by distance from number 0 of this numbering, without wrapping
        self._given_up: set[int] = set()
        self._stray: tuple[int, bytes] | None = None

    def add(self, number: int, pcm: bytes) -> list[bytes]:
        """Take in a chunk; returns those that can be played now, in order."""
        place = self._next + _distance(self._next, number)
        if abs(place - self._next) >= _FAR:
            return self._begin_anew(number, pcm)
        if place in self._given_up:
            self._given_up.remove(place)
            self.late += 1
        elif place < self._next or place in self._waiting:
            self.duplicated += 1
        else:
            self._waiting[place] = pcm
        return self._give_out(max(self._waiting, default=-1) - self._patience)

    def _begin_anew(self, number: int, pcm: bytes) -> list[bytes]:
        if self._stray is None or abs(_distance(self._stray[0], number)) > max(1, self._patience):
            self.late += self._stray is not None
            self._stray = (number, pcm)
            return []
        if self._stray[0] == number:
            self.duplicated += 1
            return []
        chunks = sorted([self._stray, (number, pcm)], key=lambda chunk: _distance(number, chunk[0]))
        self._stray = None
        ready = self.end()
        self.restarts += 1
        first = chunks[0][0]
        self._next = 0 if first <= self._patience else first
        for chunk in chunks:
            ready += self.add(*chunk)
        return ready

    def _give_out(self, patience_ends: int) -> list[bytes]:
        """Everything that is next in line, and whatever must not be waited for any longer."""
        ready = []
        while self._next in self._waiting or self._next <= patience_ends:
            pcm = self._waiting.pop(self._next, None)
            if pcm is None:
                self.missing += 1
                self._given_up.add(self._next)
                pcm = bytes(CHUNK_BYTES)
            ready.append(pcm)
            self._next += 1
            self._given_up.discard(self._next - _FAR)
        return ready

    def end(self) -> list[bytes]:
        """No more of this numbering comes; returns what is left, with its gaps filled."""
        ready = self._give_out(max(self._waiting, default=-1))
        self.late += self._stray is not None
        self._stray = None
        self._given_up.clear()
        self._next = 0
        return ready


def _distance(start: int, number: int) -> int:
    """The shorter way from one number to another, around the wrap or not; negative if it leads back."""
    return (number - start + NUMBERS // 2) % NUMBERS - NUMBERS // 2
