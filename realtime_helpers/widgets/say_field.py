"""A line to type what the user says, for whoever has no microphone, or would rather not speak aloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from .panel import script


class SayField(anywidget.AnyWidget):
    """A field and a button; what is sent goes to every function of `on_submit`."""

    _esm = script("panel.js", "say_field.js")
    _css = script("panel.css", "say_field.css")

    description = traitlets.Unicode("Words to say").tag(sync=True)
    disabled = traitlets.Bool().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self._told: list[Callable[[str], object]] = []
        super().__init__(**traits)
        self.on_msg(self._on_message)

    def on_submit(self, tell: Callable[[str], object]) -> None:
        """Have `tell` called with what is sent."""
        self._told.append(tell)

    def submit(self, words: str) -> None:
        """Send words, as its button does."""
        for tell in self._told:
            tell(words)

    def _on_message(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        if isinstance(words := content.get("submit"), str):
            self.submit(words)

    def __repr__(self) -> str:
        return "SayField()"
