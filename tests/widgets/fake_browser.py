"""A browser page as Python: takes the messages of `BrowserAudio`, and answers when a test says so."""

from __future__ import annotations

from typing import Any

from realtime_helpers.audio.formats import BYTES_PER_MS
from realtime_helpers.widgets.browser_microphone import BrowserMicrophone
from realtime_helpers.widgets.browser_speaker import BrowserSpeaker
from realtime_helpers.widgets.page import Page

SAMPLES_PER_MS = BYTES_PER_MS // 2


def sound(length_ms: int, value: int = 1) -> bytes:
    """Recognisable PCM16."""
    return value.to_bytes(2, "little", signed=True) * (length_ms * SAMPLES_PER_MS)


class FakeBrowser:
    """One window of a notebook. Everything runs on the loop of the test."""

    def __init__(self, lane: str = "control") -> None:
        self.lane = lane
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        self.problems: list[str] = []
        self.page = Page(lambda message, buffers: self.sent.append((message, buffers)), None)
        self.microphone = BrowserMicrophone(self.page)
        self.speaker = BrowserSpeaker(self.page, 100)
        self.microphone.tell = self.speaker.tell = self.problems.append

    def say(self, kind: str, *buffers: bytes, window: str = "one", **fields: Any) -> None:
        """Send a message to the kernel."""
        self.page._take({"kind": kind, "page": window, "lane": self.lane, **fields}, buffers)

    def show(self, window: str = "one") -> None:
        self.say("ready", window=window)

    def at(self, played_ms: float, *, generation: int | None = None, flowing: bool = True, **counts: int) -> None:
        """Report a position."""
        number = self.plays[-1][0]["generation"] if generation is None else generation
        position = {"generation": number, "played": int(played_ms * SAMPLES_PER_MS), "flowing": flowing, **counts}
        self.say("position", position=position)

    def of_kind(self, kind: str) -> list[tuple[dict[str, Any], list[bytes]]]:
        return [(message, buffers) for message, buffers in self.sent if message["kind"] == kind]

    @property
    def plays(self) -> list[tuple[dict[str, Any], list[bytes]]]:
        return self.of_kind("play")

    @property
    def sent_ms(self) -> float:
        """Sound that was sent to the page."""
        return sum(len(buffers[0]) for _, buffers in self.plays) / BYTES_PER_MS
