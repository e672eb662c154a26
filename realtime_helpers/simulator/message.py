"""One assistant message on its way out: its part, and the deltas of its text or speech (reference §3.2, §3.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ..audio.formats import AudioFormat, chunks_of
from ..protocol.frames import pcm_to_base64
from ..speech import Speech
from . import accounting
from .items import Item, Sound
from .session import ServerSession

AUDIO_DELTA_MS = 250
_TRANSCRIPT_LEAD_MS = 1000
"""How far the transcript runs ahead of the audio."""


@dataclass
class Budget:
    """Output tokens that a response may still write; what does not fit is not sent."""

    left: int

    def take(self, tokens: int) -> bool:
        """Spend tokens, if they are there."""
        if tokens > self.left:
            return False
        self.left -= tokens
        return True


class Message:
    """Writes one message. `write_*` stop early when the response is cancelled or its budget is spent.

    Args:
        session: Where events go.
        item: The item, already announced.
        ids: `response_id`, `item_id`, `output_index` and `content_index` of every event.
        budget: Output tokens left.
        pause: Waits; returns `False` when the response was cancelled meanwhile.
    """

    def __init__(
        self,
        session: ServerSession,
        item: Item,
        ids: dict[str, Any],
        budget: Budget,
        pause: Callable[[float], Awaitable[bool]],
    ) -> None:
        self._session = session
        self.item = item
        self._ids = ids
        self._budget = budget
        self._pause = pause
        self._said = ""
        self._generated_ms = 0.0
        self._due_s: float | None = None
        self._sound: Sound | None = None

    @property
    def text_tokens(self) -> int:
        """Text tokens written so far."""
        return accounting.reply_text_tokens(self._said, spoken=self._sound is not None) if self._said else 0

    @property
    def audio_ms(self) -> float:
        """Audio generated so far, in milliseconds."""
        return self._generated_ms

    @property
    def audio_tokens(self) -> int:
        """Audio tokens generated so far."""
        return accounting.assistant_audio_tokens(self._generated_ms)

    def open(self, audio_format: AudioFormat | None) -> None:
        """Announce the part: audio in this format, or text."""
        if audio_format is not None:
            self._sound = self.item.sounds[0] = Sound(bytearray(), audio_format)
            self.item.wire["content"] = [{"type": "output_audio", "transcript": ""}]
            part = {"type": "audio", "transcript": ""}
        else:
            part = {"type": "text", "text": ""}
        self._session.emit("response.content_part.added", **self._ids, part=part)

    async def write_text(self, text: str) -> bool:
        """Send text word by word. Returns whether all of it was sent."""
        words = text.split(" ")
        for index, word in enumerate(words):
            delta = f" {word}" if index else word
            if delta and not self._say(delta, "response.output_text.delta"):
                return False
            if not await self._pause(0):
                return False
        return True

    async def write_speech(self, speech: Speech) -> bool:
        """Send audio with the transcript ahead of it. Returns whether all of it was sent."""
        assert self._sound is not None
        audio_format, speed = self._sound.format, self._session.pace.audio_speed
        text = (" " if self._said else "") + speech.text
        cuts = _word_cuts(speech, len(text) - len(speech.text))
        at = 0
        for index, chunk in enumerate(
            chunks_of(audio_format.from_pcm24k(speech.pcm), AUDIO_DELTA_MS * audio_format.bytes_per_ms)
        ):
            while cuts and cuts[0][0] < (index + 1) * AUDIO_DELTA_MS + _TRANSCRIPT_LEAD_MS:
                end = cuts.pop(0)[1]
                if end > at and not self._say(text[at:end], "response.output_audio_transcript.delta"):
                    return False  # a number is several words to the voice, but one place in the text
                at = end
            if not self._play(chunk):
                return False
            if not await self._pause(self._until_next(AUDIO_DELTA_MS / speed) if speed else 0):
                return False
        rest = text[at:]  # words without a sound of their own
        return not rest or self._say(rest, "response.output_audio_transcript.delta")

    def _until_next(self, step_ms: float) -> float:
        """Milliseconds until the next delta is due. What one was late must not make all that follow it late."""
        now_s = asyncio.get_running_loop().time()
        self._due_s = (now_s if self._due_s is None else self._due_s) + step_ms / 1000
        return (self._due_s - now_s) * 1000

    def close(self, status: str) -> None:
        """End the part: everything that was said, and no more."""
        said = self._said.rstrip() if self._sound is not None else self._said
        if self._sound is not None:
            self._session.emit("response.output_audio.done", **self._ids)
            self._session.emit("response.output_audio_transcript.done", **self._ids, transcript=said)
            part, content = {"type": "audio", "transcript": said}, {"type": "output_audio", "transcript": said}
        else:
            self._session.emit("response.output_text.done", **self._ids, text=said)
            part, content = {"type": "text", "text": said}, {"type": "output_text", "text": said}
        self.item.wire["content"] = [content]
        self.item.wire["status"] = status
        self._session.emit("response.content_part.done", **self._ids, part=part)

    def _say(self, delta: str, kind: str) -> bool:
        control = accounting.control_tokens(spoken=self._sound is not None) if not self._said else 0
        tokens = accounting.count_text(delta) + control
        if not self._budget.take(tokens):
            return False
        self._said += delta
        self._session.emit(kind, **self._ids, delta=delta, obfuscation=self._session.padding(delta))
        return True

    def _play(self, chunk: bytes) -> bool:
        assert self._sound is not None
        length_ms = self._sound.format.duration_ms(chunk)
        tokens = accounting.assistant_audio_tokens(self._generated_ms + length_ms) - self.audio_tokens
        if not self._budget.take(tokens):
            return False
        self._generated_ms += length_ms
        if not self.item.is_cut:
            self._sound.data += chunk
        self._session.emit("response.output_audio.delta", **self._ids, delta=pcm_to_base64(chunk))
        return True


def _word_cuts(speech: Speech, offset: int) -> list[tuple[int, int]]:
    """For each word: when it starts (ms), and where in the text its delta ends (the next word's start)."""
    if not speech.words:
        return [(0, offset + len(speech.text))]
    starts = [word.offset for word in speech.words]
    ends = [*starts[1:], len(speech.text)]
    return [(word.at_ms, offset + end) for word, end in zip(speech.words, ends, strict=True)]
