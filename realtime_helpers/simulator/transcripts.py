"""The words of user audio: heard once, told to the responder at once and to the client when its transcript is due."""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from ..errors import WorkshopError
from .accounting import count_text, user_audio_tokens
from .faults import Fault
from .items import Item, Sound
from .session import ServerSession

_log = logging.getLogger(__name__)

_EVENT = "conversation.item.input_audio_transcription"


class Transcripts:
    """Hears the audio of items, and sends the transcription events (reference §3.3).

    Args:
        session: Where the items are and the events go.
    """

    def __init__(self, session: ServerSession) -> None:
        self._session = session
        self._hearing: dict[str, asyncio.Task[None]] = {}

    def listen_to(self, item: Item) -> None:
        """Begin to hear an item's audio. Its words are known when `wait_for` returns."""
        if not item.sounds:
            return
        transcription = self._session.wire["audio"]["input"]["transcription"]
        task = self._session.spawn(self._hear_all(item, transcription))
        self._hearing[item.id] = task
        task.add_done_callback(lambda done: self._forget(item.id, done))

    def _forget(self, item_id: str, task: asyncio.Task[None]) -> None:
        if self._hearing.get(item_id) is task:  # not that of a namesake, which came when this item was deleted
            del self._hearing[item_id]

    async def wait_for(self, items: Sequence[Item]) -> None:
        """Wait until the words of all audio among the items are known."""
        waiting = [self._hearing[item.id] for item in items if item.id in self._hearing]
        if waiting:
            await asyncio.wait(waiting)

    async def hear(self, sound: Sound) -> str:
        """Words in a piece of audio, with the session's hints."""
        hints = self._session.wire["audio"]["input"]["transcription"] or {}
        pcm = sound.format.to_pcm24k(bytes(sound.data))
        started_s = asyncio.get_running_loop().time()
        words = await self._session.parts.ears.hear(pcm, hints.get("language"), hints.get("prompt"))
        self._session.metrics.recognition(asyncio.get_running_loop().time() - started_s)
        return words

    async def _hear_all(self, item: Item, transcription: dict[str, Any] | None) -> None:
        started_s = asyncio.get_running_loop().time()
        for index, sound in item.sounds.items():
            problem: Exception | None = None
            try:
                if sound.heard is None:
                    sound.heard = await self.hear(sound)
            except Exception as error:  # noqa: BLE001 - a deaf server still holds a conversation
                problem = error
                if not isinstance(error, WorkshopError):
                    _log.exception("An utterance could not be heard.")
            if transcription is None or self._session.conversation.find(item.id) is not item:
                continue
            fault = self._session.faults.transcript()
            wait_ms = self._wait_ms(fault, (asyncio.get_running_loop().time() - started_s) * 1000)
            telling = partial(self._tell, item, index, transcription, problem, fault)
            if wait_ms > 0:
                self._session.spawn(_after(wait_ms, telling), in_background=True)
            else:
                await telling()

    def _wait_ms(self, fault: Fault | None, passed_ms: float) -> float:
        if fault is not None and fault.effect == "late":
            return fault.delay_ms
        pace = self._session.pace
        due_ms = pace.transcript_ms if self._session.model is not None else pace.lone_transcript_ms
        return self._session.draw(due_ms) - passed_ms if due_ms else 0

    async def _tell(
        self, item: Item, index: int, transcription: dict[str, Any], problem: Exception | None, fault: Fault | None
    ) -> None:
        session, sound = self._session, item.sounds[index]
        if session.conversation.find(item.id) is not item or (fault is not None and fault.effect == "missing"):
            return
        ids = {"item_id": item.id, "content_index": index}
        if problem is not None or (fault is not None and fault.effect == "failed"):
            reason = "The scenario wants it so."
            if problem is not None:
                reason = str(problem) if isinstance(problem, WorkshopError) else "The simulator's log says why."
            error = {"type": "server_error", "code": "transcription_failed", "param": None,
                     "message": f"Input transcription failed for item '{item.id}'. {reason}"}  # fmt: skip
            session.emit(f"{_EVENT}.failed", **ids, error=error)
            return
        text, model = sound.heard or "", transcription["model"]
        item.wire["content"][index]["transcript"] = text
        for delta in [text] if model == "whisper-1" else re.findall(r"\s*\S+", text):
            if delta:
                session.emit(f"{_EVENT}.delta", **ids, delta=delta, obfuscation=session.padding(delta))
        if "diarize" in model and text:
            seconds = round(sound.length_ms / 1000, 3)
            segment_id = session.ids.new("seg")
            session.emit(f"{_EVENT}.segment", **ids, id=segment_id, text=text, speaker="A", start=0.0, end=seconds)
        session.emit(f"{_EVENT}.completed", **ids, transcript=text, usage=_usage(model, sound.length_ms, text))


async def _after(wait_ms: float, work: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(wait_ms / 1000)
    await work()


def _usage(model: str, audio_ms: float, text: str) -> dict[str, Any]:
    """What the transcription is billed: tokens for the GPT-4o transcribers, else its duration (reference §3.1)."""
    if not model.startswith("gpt-4o"):
        return {"type": "duration", "seconds": math.ceil(audio_ms / 1000) if text else 0}
    heard, written = user_audio_tokens(audio_ms), count_text(text)
    return {
        "type": "tokens",
        "total_tokens": heard + written,
        "input_tokens": heard,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
        "output_tokens": written,
    }
