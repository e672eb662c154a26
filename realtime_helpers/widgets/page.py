"""The browser page that makes the sound: which one it is, whether it is still there, and the way to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ..errors import AudioError
from ..runtime import background_loop

SHOW_PATIENCE_S = 20.0
"""How long a session waits for the widget to be shown."""
SILENCE_S = 6.0
"""A page that was not heard of for so long is gone: it says that it lives every 2 seconds."""
_WATCH_EVERY_S = 1.0

NOT_SHOWN = (
    "The browser's sound is used, but no page shows it.",
    "Show it first: put `audio` in the last line of a cell, and open the notebook in a browser.",
)
_CLOSED = "The page with the sound was closed or reloaded. Open it again and press Start: the session goes on."
_SILENT = (
    "The page with the sound has not been heard of for a while: it was closed, or the network is down. "
    "Open it again and press Start: the session goes on."
)
_REMOVED = ("The widget with the browser's sound was closed.", "Make a new BrowserAudio().")
_HIDDEN = "The widget is not shown any more, so its sound is off. Show it again, and the session goes on."
_MOVED = "The sound moved to another window of the notebook."
_DELAYED = (
    "A cell is running, and this front end hands the microphone's sound over only when it ends. Nothing is lost, but "
    "the session hears you late. JupyterLab and Notebook 7 do not wait for cells."
)


class Part(Protocol):
    """Microphone or speaker of the page. Everything is called on the background loop."""

    def page_came(self) -> None:
        """A page is there."""
        ...

    def page_left(self, problem: str) -> None:
        """It is gone; `problem` says why and what to do."""
        ...

    def take(self, kind: str, content: dict[str, Any], buffers: Sequence[bytes]) -> None:
        """A message of the page."""
        ...

    def tell_user(self, problem: str) -> None:
        """Tell what went wrong, without ending anything."""
        ...


class Page:
    """One page at a time has the sound, however many windows show the notebook: the first, or the last one clicked.

    Args:
        send: Sends a message with buffers to every page that shows the widget. Called on the background loop.
        kernel_loop: The loop that runs cells, to see whether one blocks it; `None` where there is none.
    """

    def __init__(
        self,
        send: Callable[[dict[str, Any], list[bytes]], None],
        kernel_loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.lane = ""
        """Which way the page's messages take: `control` (past running cells) or `comm`."""
        self._send = send
        self._kernel_loop = kernel_loop
        self._parts: list[Part] = []
        self._wants: set[str] = set()
        self._owner: str | None = None
        self._is_closed = False
        self._stopped_by_user = False  # a page that is loaded again does not know
        self._came = asyncio.Event()
        self._heard_at_s = 0.0
        self._watch: asyncio.Task[None] | None = None
        self._asked_at_s: float | None = None
        self._delay_was_told = False

    def add(self, part: Part) -> None:
        """A part wants to hear of the page."""
        self._parts.append(part)

    @property
    def is_here(self) -> bool:
        """Whether a page shows the widget."""
        return self._owner is not None

    async def shown(self) -> None:
        """Wait until a page shows the widget.

        Raises:
            AudioError: None does, or the widget was closed.
        """
        try:
            async with asyncio.timeout(SHOW_PATIENCE_S):
                await self._came.wait()
        except TimeoutError:
            raise AudioError(*NOT_SHOWN) from None
        self.refuse_if_closed()

    def refuse_if_closed(self) -> None:
        """Raise at once what would otherwise be waited for.

        Raises:
            AudioError: The widget was closed.
        """
        if self._is_closed:
            raise AudioError(*_REMOVED)

    def use(self, part: str, is_used: bool) -> None:
        """A session begins or ends to use the `microphone` or the `speaker`."""
        if is_used and not self._wants:
            self._stopped_by_user = False  # another session begins
        (self._wants.add if is_used else self._wants.discard)(part)
        self._tell_wants()
        if self._wants and self._watch is None:
            self._heard_at_s = self._now()
            self._watch = asyncio.get_running_loop().create_task(self._watch_over())
        elif not self._wants and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def tell(self, kind: str, *buffers: bytes, **fields: Any) -> None:
        """Send a message to the page; without one it goes nowhere."""
        if self._owner is not None:
            self._send({"kind": kind, "page": self._owner, **fields}, list(buffers))

    def close(self) -> None:
        """The widget was closed: its sound ends for good."""
        for part in self._parts:
            part.take("closed", {"part": "sound", "what": _REMOVED[0], "next": _REMOVED[1]}, [])
        self._owner = None
        self._is_closed = True
        self._came.set()  # whoever waits for a page need not

    def receive(self, content: dict[str, Any], buffers: Sequence[memoryview]) -> None:
        """Take in a message of a page, on whatever thread the kernel chose."""
        background_loop().call(self._take, content, [bytes(buffer) for buffer in buffers])

    def _take(self, content: dict[str, Any], buffers: Sequence[bytes]) -> None:
        if self._is_closed:
            return
        kind, page = content["kind"], content["page"]
        if kind == "claim":
            self._stopped_by_user = False  # a click on Start
        if kind == "claim" or (self._owner is None and kind in {"ready", "alive"}):
            self._adopt(page, content["lane"])
        elif kind == "ready":
            self._welcome()
            self._tell_wants()
        if page != self._owner:
            return
        self._heard_at_s = self._now()
        self.lane = content["lane"]
        if self._delay_was_told:
            self._delay_was_told = False
            self.tell("say", text="")
        if kind == "bye":
            self._lose(_CLOSED)
        elif kind == "alive":
            self.tell("beat")
        else:
            if kind in {"started", "stopped"}:
                self._stopped_by_user = kind == "stopped" and (content["by"] == "user" or self._stopped_by_user)
            for part in self._parts:
                part.take(kind, content, buffers)
                if kind == "stopped" and content["by"] == "hidden":
                    part.tell_user(_HIDDEN)

    def _adopt(self, page: str, lane: str) -> None:
        if self._owner is not None:
            self._lose(_MOVED)
        self._owner, self.lane = page, lane
        self._heard_at_s = self._now()
        self._welcome()
        self._tell_wants()
        self._came.set()
        for part in self._parts:
            part.page_came()

    def _welcome(self) -> None:
        self.tell("welcome", stopped=self._stopped_by_user)

    def _tell_wants(self) -> None:
        self.tell("want", microphone="microphone" in self._wants, speaker="speaker" in self._wants)

    def _lose(self, problem: str) -> None:
        self._owner = None
        self._came.clear()
        for part in self._parts:
            part.page_left(problem)

    # -- is it there? -----------------------------------------------------------------------------------

    async def _watch_over(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            self.tell("beat")
            blocked = self.lane == "comm" and self._a_cell_blocks()
            if self._owner is None or self._now() - self._heard_at_s < SILENCE_S / (2 if blocked else 1):
                continue
            if not blocked:
                self._lose(_SILENT)
            elif not self._delay_was_told:
                self._delay_was_told = True
                self.tell("say", text=_DELAYED)
                for part in self._parts:
                    part.tell_user(_DELAYED)

    def _a_cell_blocks(self) -> bool:
        """Whether the loop that runs cells has not answered since we last asked."""
        if self._kernel_loop is None:
            return False
        if self._asked_at_s is None:
            self._asked_at_s = self._now()
            with contextlib.suppress(RuntimeError):  # the kernel is shutting down
                self._kernel_loop.call_soon_threadsafe(lambda: background_loop().call(self._kernel_answered))
            return False
        return True

    def _kernel_answered(self) -> None:
        self._asked_at_s = None

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
