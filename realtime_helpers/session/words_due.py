"""Transcripts that are waited for. No wait is for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..protocol import Event

TRANSCRIPT_PATIENCE_S = 15.0
"""How long the words of a turn may take; then they count as failed, and are used all the same when they come."""
_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class WordsDue:
    """Tells of words that do not come, as the server would: with a `failed` event.

    Args:
        transcribes: Whether the server writes down what is said.
        take_in: Takes in an event as if the server had sent it.
    """

    def __init__(self, transcribes: Callable[[], bool], take_in: Callable[[Event], None]) -> None:
        self._transcribes = transcribes
        self._take_in = take_in
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def expect(self, item_id: str) -> None:
        """The words of this item are to come."""
        patience_s = TRANSCRIPT_PATIENCE_S if self._transcribes() else 0.0
        self._timers[item_id] = asyncio.get_running_loop().call_later(patience_s, self._give_up, item_id)

    def came(self, item_id: str) -> None:
        """They came, or the server said that they will not."""
        if (timer := self._timers.pop(item_id, None)) is not None:
            timer.cancel()

    def line_lost(self) -> None:
        """None will come any more."""
        for item_id in list(self._timers):
            self.came(item_id)

    def _give_up(self, item_id: str) -> None:
        message = f"no transcript came within {TRANSCRIPT_PATIENCE_S:.0f} seconds"
        if not self._transcribes():
            message = "transcription is switched off"
        error = {"message": message}
        self._take_in({"type": f"{_TRANSCRIPTION}.failed", "item_id": item_id, "content_index": 0, "error": error})
