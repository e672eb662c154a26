"""Microphone and speaker of the browser, for notebooks whose kernel runs where nobody sits."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..runtime import background_loop
from .browser_microphone import BrowserMicrophone
from .browser_speaker import BrowserSpeaker
from .lane import close_lane, open_lane
from .page import Page

PREBUFFER_MS = 100
_STATIC = Path(__file__).parent / "static"


def _script(*names: str) -> str:
    return "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in names)


class BrowserAudio(anywidget.AnyWidget):
    """Microphone and speaker of the browser that shows it.

        audio = BrowserAudio()
        session.start(source=audio.microphone, sink=audio.speaker)
        audio

    Sound flows while cells compute. Its Stop button stops the microphone in the browser, whatever the kernel does;
    Start lets it go on. However many views and windows show it, one of them makes the sound.

    Args:
        prebuffer_ms: How much of a reply must have come before it sounds, and again after it ran dry, in milliseconds.
        echo_cancellation: Have the browser take the reply out of what the microphone hears: for open speakers.
        noise_suppression: Have the browser take steady noise away.
        auto_gain_control: Have the browser level how loud you are.
    """

    _esm = _script("sound.js", "browser_audio.js")
    _css = _STATIC / "browser_audio.css"

    name = traitlets.Unicode().tag(sync=True)
    worklet = traitlets.Unicode().tag(sync=True)
    control_lane = traitlets.Bool().tag(sync=True)
    prebuffer_ms = traitlets.Int(min=0).tag(sync=True)
    echo_cancellation = traitlets.Bool().tag(sync=True)
    noise_suppression = traitlets.Bool().tag(sync=True)
    auto_gain_control = traitlets.Bool().tag(sync=True)

    microphone: BrowserMicrophone
    """The source."""
    speaker: BrowserSpeaker
    """The sink."""

    def __init__(
        self,
        *,
        prebuffer_ms: int = PREBUFFER_MS,
        echo_cancellation: bool = True,
        noise_suppression: bool = True,
        auto_gain_control: bool = True,
    ) -> None:
        name = f"realtime-audio-{uuid.uuid4().hex}"
        try:
            kernel_loop = asyncio.get_running_loop()
        except RuntimeError:
            kernel_loop = None
        self._page = Page(self.send, kernel_loop)
        self.microphone = BrowserMicrophone(self._page)
        self.speaker = BrowserSpeaker(self._page, prebuffer_ms)
        super().__init__(
            name=name,
            worklet=_script("sound.js", "worklet.js"),
            control_lane=open_lane(name, self._page.receive),
            prebuffer_ms=prebuffer_ms,
            echo_cancellation=echo_cancellation,
            noise_suppression=noise_suppression,
            auto_gain_control=auto_gain_control,
        )
        self.on_msg(self._on_message)

    def _on_message(self, _widget: object, content: dict[str, Any], buffers: list[memoryview]) -> None:
        self._page.receive(content, buffers)

    def close(self) -> None:
        """Switch the sound off and take the widget away."""
        close_lane(self.name)
        background_loop().call(self._page.close)
        super().close()
