"""Who listens in on both sides of a talk, such as a level meter: never in the way of the audio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Side = Literal["user", "assistant"]
Ear = Callable[[Side, bytes], object]
"""Called on the session's loop with PCM16, 24 kHz, mono: what is sent of the user, what is handed to the sink of the
assistant. It must return at once."""


class Ears:
    """All that listen in on one session, also when it is started again. Lives on the session's loop."""

    def __init__(self) -> None:
        self._all: tuple[Ear, ...] = ()

    def add(self, ear: Ear) -> None:
        """Let it listen in from now on."""
        self._all = (*self._all, ear)

    def remove(self, ear: Ear) -> None:
        """Let it listen in no more. Harmless when it does not."""
        self._all = tuple(other for other in self._all if other != ear)

    def hear(self, side: Side, pcm: bytes, tell: Callable[[str], None]) -> None:
        """This is being said. An ear that fails is let go of, and told of."""
        for ear in self._all:
            try:
                ear(side, pcm)
            except Exception as error:  # noqa: BLE001 - a caller's function must not end the talk
                self.remove(ear)
                tell(f"An ear that listened in was closed, it failed: {error!r}")
