"""The browser's speaker as a sink: its play-head mirrors the page's."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..audio.formats import BYTES_PER_MS, RATE_HZ
from ..audio.playback import PlayHead
from ..errors import AudioError
from .page import NOT_SHOWN, SHOW_PATIENCE_S, Page

FLUSH_PATIENCE_S = 0.5
"""How long the page may take to say what was heard of a reply that was cut off."""
_AHEAD_BYTES = 4_000 * BYTES_PER_MS
"""Sent ahead of what plays: enough for a network that stumbles, not so much that a flush stands in line for long."""
_LEAST_BYTES = 400 * BYTES_PER_MS
_GATHER_S = 0.02
"""Jupyter drops messages above 1,000 a second: what comes within this time goes as one."""
_SAMPLE_BYTES = 2


@dataclass
class _Generation:
    """Sound between two flushes.

    Attributes:
        number: The page's name for it.
        parts: What was not reported as played yet: item and bytes, in order.
        sent: Samples sent to the page.
        played: Samples that the page reported as played.
        moving_since_s: When it was at `played`; `None` while nothing sounds.
    """

    number: int
    parts: deque[tuple[str, int]] = field(default_factory=deque)
    sent: int = 0
    played: int = 0
    moving_since_s: float | None = None

    def advance(self, played: int) -> list[tuple[str, int]]:
        """The page is at sample `played`: what of which item has sounded since the last report."""
        wanted = (min(played, self.sent) - self.played) * _SAMPLE_BYTES
        self.played = max(self.played, min(played, self.sent))
        heard = []
        while wanted > 0 and self.parts:
            item_id, size = self.parts.popleft()
            if size > wanted:
                self.parts.appendleft((item_id, size - wanted))
                size = wanted
            heard.append((item_id, size))
            wanted -= size
        return heard

    def guess(self, now_s: float) -> int:
        """Where the page must be by now, without asking it."""
        if self.moving_since_s is None:
            return self.played
        return min(self.sent, self.played + int(max(0.0, now_s - self.moving_since_s) * RATE_HZ))


@dataclass
class _Flush:
    """A flush that the page has not answered."""

    generation: _Generation
    settled: Callable[[], None]
    deadline: asyncio.TimerHandle


class BrowserSpeaker:
    """Plays replies in the page that shows the widget. Made by `BrowserAudio`.

    Args:
        page: The page.
        prebuffer_ms: What the page waits for before a reply sounds.
    """

    def __init__(self, page: Page, prebuffer_ms: int) -> None:
        self.tell: Callable[[str], None] | None = None
        """Told what went wrong without ending the speaker."""
        self.lost_ms = 0.0
        """Sound that got lost on its way to the page; silence was played in its place."""
        self._page = page
        self._prebuffer_ms = prebuffer_ms
        self._head = PlayHead()
        self._is_open = False
        self._is_deaf = False  # nobody would hear it: no page, or the user pressed Stop
        self._generation = _Generation(0)
        self._flushes: dict[int, _Flush] = {}
        self._unsent = bytearray()
        self._halves: dict[str, bytes] = {}
        self._growing: str | None = None
        self._end_is_due = False
        self._sent_at_s = -math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._show_deadline: asyncio.TimerHandle | None = None
        self._counted = {"underruns": 0, "lost": 0}
        page.add(self)

    @property
    def head(self) -> PlayHead:
        """See `Sink.head`. It follows the page's reports: right to within 40 ms while sound plays."""
        return self._head

    def open(self) -> None:
        """See `Sink.open`. Returns at once; without a page, sound waits for one, but not for ever.

        Raises:
            AudioError: A session plays on it already, or the widget was closed.
        """
        self._page.refuse_if_closed()
        if self._is_open:
            raise AudioError("The browser's speaker is used already.", "Stop the session that plays on it first.")
        self._head = PlayHead()
        self._is_open = True
        self._is_deaf = False
        self._next_generation()
        self._page.use("speaker", True)
        if not self._page.is_here:
            self._show_deadline = self._loop.call_later(SHOW_PATIENCE_S, self._give_up)

    def play(self, item_id: str, pcm: bytes) -> None:
        """See `Sink.play`."""
        if self._is_deaf:
            return
        pcm = self._halves.pop(item_id, b"") + pcm
        if len(pcm) % _SAMPLE_BYTES:
            self._halves[item_id] = pcm[-1:]
            pcm = pcm[:-1]
        if not pcm:
            return
        self._head.push(item_id, pcm)
        self._generation.parts.append((item_id, len(pcm)))
        self._unsent += pcm
        self._growing = item_id
        self._end_is_due = False
        self._send_soon()

    def end(self, item_id: str) -> None:
        """See `Sink.end`."""
        self._halves.pop(item_id, None)
        if self._growing == item_id:
            self._growing = None
            self._head.end(item_id)
            self._end_is_due = True
            self._send_soon()

    def flush(self, settled: Callable[[], None]) -> None:
        """See `Sink.flush`. The page is asked; `head` counts what was heard as soon as it has answered."""
        ended = self._generation
        asks = self._page.is_here and ended.sent > ended.played
        self._head.flush()
        self._next_generation()
        if not asks:
            settled()
            return
        self._page.tell("flush", generation=ended.number)
        deadline = self._loop.call_later(FLUSH_PATIENCE_S, self._settle, ended.number)
        self._flushes[ended.number] = _Flush(ended, settled, deadline)

    def close(self) -> None:
        """See `Sink.close`."""
        if not self._is_open:
            return
        self._is_open = False
        for flush in self._flushes.values():
            flush.deadline.cancel()
        self._flushes.clear()
        if self._show_deadline is not None:
            self._show_deadline.cancel()
        self._head.flush()
        self._next_generation()
        self._page.use("speaker", False)

    # -- to the page ------------------------------------------------------------------------------------

    def _next_generation(self) -> None:
        self._generation = _Generation(self._generation.number + 1)
        self._unsent.clear()
        self._halves.clear()
        self._growing = None
        self._end_is_due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send_soon(self) -> None:
        if self._timer is not None:
            return
        wait_s = self._sent_at_s + _GATHER_S - self._loop.time()
        if wait_s > 0:
            self._timer = self._loop.call_later(wait_s, self._send)
        else:
            self._send()

    def _send(self) -> None:
        self._timer = None
        if not self._page.is_here:
            return
        now = self._generation
        size = min(len(self._unsent), self._room(now))
        if size:
            self._page.tell("play", bytes(self._unsent[:size]), generation=now.number, at=now.sent)
            del self._unsent[:size]
            now.sent += size // _SAMPLE_BYTES
            self._sent_at_s = self._loop.time()
            if now.moving_since_s is None and self._page.lane == "comm":  # its reports may be held up
                now.moving_since_s = self._sent_at_s + self._prebuffer_ms / 1000
        if self._end_is_due and not self._unsent:
            self._end_is_due = False
            self._page.tell("end", generation=now.number)

    def _room(self, now: _Generation) -> int:
        if self._page.lane == "comm":
            return len(self._unsent)  # while a cell runs nobody would tell us that there is room again
        room = _AHEAD_BYTES - (now.sent - now.played) * _SAMPLE_BYTES
        return room if room >= min(_LEAST_BYTES, len(self._unsent)) else 0

    # -- from the page ----------------------------------------------------------------------------------

    def page_came(self) -> None:
        """See `Part`."""
        self._is_deaf = False
        if self._show_deadline is not None:
            self._show_deadline.cancel()
        if self._is_open:
            self._send()

    def page_left(self, problem: str) -> None:
        """See `Part`."""
        self._fall_silent()
        self.tell_user(problem)

    def tell_user(self, problem: str) -> None:
        """See `Part`."""
        if self._is_open and self.tell is not None:
            self.tell(problem)

    def take(self, kind: str, content: dict[str, Any], buffers: Sequence[bytes]) -> None:
        """See `Part`."""
        del buffers
        match kind:
            case "audio" | "position" if "position" in content:
                self._note(content["position"])
            case "flushed":
                self._count(content)
                self._settle(content["generation"], content["played"])
            case "started":
                self._is_deaf = False
            case "stopped":
                if "position" in content:
                    self._note(content["position"])
                self._fall_silent()
            case "problem" | "closed" if content["part"] == "sound":
                self._fall_silent()
                self.tell_user(f"{content['what']} {content['next']}")
            case "blocked":
                self.tell_user(f"{content['what']} {content['next']}")

    def _note(self, position: dict[str, Any]) -> None:
        self._count(position)
        now = self._generation
        if position["generation"] == now.number:
            self._head.pull(sum(size for _, size in now.advance(position["played"])))
            now.moving_since_s = self._loop.time() if position["flowing"] else None
            if self._unsent:
                self._send_soon()

    def _count(self, report: dict[str, Any]) -> None:
        """The page counts since it opened its speaker."""
        news = {}
        for name, before in self._counted.items():
            value = report.get(name, before)
            news[name] = value - before if value >= before else value
            self._counted[name] = value
        self._head.underruns += news["underruns"]
        if news["lost"]:
            lost_ms = news["lost"] * 1000 / RATE_HZ
            self.lost_ms += lost_ms
            self.tell_user(f"{lost_ms:.0f} ms of a reply got lost on the way to the browser, and were silent there.")

    def _settle(self, number: int, played: int | None = None) -> None:
        """Count what was heard of a generation that was flushed: as the page says, or by the clock."""
        if (flush := self._flushes.pop(number, None)) is None:
            return
        flush.deadline.cancel()
        ended = flush.generation
        for item_id, size in ended.advance(ended.guess(self._loop.time()) if played is None else played):
            self._head.credit(item_id, size)
        flush.settled()

    def _fall_silent(self) -> None:
        """Nobody hears what was not played by now, nor what comes until sound is on again."""
        for number in list(self._flushes):
            self._settle(number)
        now = self._generation
        self._head.pull(sum(size for _, size in now.advance(now.guess(self._loop.time()))))
        self._head.flush()
        self._next_generation()
        self._is_deaf = self._is_open

    def _give_up(self) -> None:
        self._fall_silent()
        self.tell_user(" ".join(NOT_SHOWN))

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()
