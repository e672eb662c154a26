"""One response, from `response.created` to `response.done` (reference §3.2, §3.3, §3.5 to §3.7)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import orjson

from ..audio.formats import BYTES_PER_MS, chunks_of
from ..errors import WorkshopError
from ..protocol.frames import pcm_to_base64
from ..protocol.ids import IdMint
from ..speech import Speech
from . import accounting
from .accounting import InputCount, Span
from .context import Item, prefix_spans
from .pace import Pace
from .parts import Parts
from .prompt import Prompt, ToolCall
from .responder import Reply

AUDIO_DELTA_MS = 250
_TRANSCRIPT_LEAD_MS = 1000
"""How far the transcript runs ahead of the audio."""

CancelReason = Literal["turn_detected", "client_cancelled"]


class Host(Protocol):
    """What a response needs from its connection."""

    ids: IdMint
    parts: Parts
    pace: Pace

    def emit(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        ...

    def store(self, item: Item) -> None:
        """Append an item to the conversation."""
        ...

    async def hear(self, items: Sequence[Item]) -> None:
        """Wait until the words of all user audio among the items are known."""
        ...

    def count(self, spans: Sequence[Span], *, remember: bool) -> InputCount:
        """Count a request against the cached prefix; `remember` makes it the new prefix."""
        ...


@dataclass
class Request:
    """What a `response.create` asks for, with the session's values filled in."""

    context: list[Item]
    instructions: str
    tools: list[dict[str, Any]]
    spoken: bool
    voice: str
    output_format: dict[str, Any]
    speed: float
    max_output_tokens: int | str
    out_of_band: bool = False
    metadata: dict[str, Any] | None = None
    conversation_id: str | None = None


@dataclass
class Generation:
    """A response in progress. `run()` ends with `response.done`, whatever happens."""

    host: Host
    request: Request
    id: str
    _output: list[Item] = field(default_factory=list)
    _cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    _reason: CancelReason = "client_cancelled"
    _output_text_tokens: int = 0
    _output_audio_tokens: int = 0

    @property
    def was_cancelled(self) -> bool:
        """Whether someone asked it to stop."""
        return self._cancelled.is_set()

    def announce(self) -> None:
        """Send `response.created`."""
        self.host.emit("response.created", response=self._response("in_progress", None, None))

    def cancel(self, reason: CancelReason) -> None:
        """Stop generating; the part that exists is closed and kept."""
        self._reason = reason
        self._cancelled.set()

    async def run(self) -> None:
        """Generate and send everything after `response.created`."""
        status, details = "completed", None
        counted = InputCount(0, 0, 0, 0)
        try:
            await self._unless_cancelled(self.host.hear(self.request.context))
            await self._pause(self.host.pace.before_item_ms)
            if not self._cancelled.is_set():
                counted = self._count_input()
                await self._produce(await self._decide())
        except Exception as error:  # noqa: BLE001 - a failed reply is reported to the client, not to the socket
            status = "failed"
            message = str(error) if isinstance(error, WorkshopError) else f"The simulator failed: {error!r}"
            details = {
                "type": "failed",
                "error": {"type": "server_error", "code": "simulator_error", "message": message},
            }
        if self._cancelled.is_set() and status == "completed":
            status, details = "cancelled", {"type": "cancelled", "reason": self._reason}
        usage = accounting.usage(counted, self._output_text_tokens, self._output_audio_tokens)
        self.host.emit("response.done", response=self._response(status, details, usage))

    def _count_input(self) -> InputCount:
        spans = prefix_spans(self.request.instructions, self.request.tools)
        for item in self.request.context:
            spans += item.spans()
        return self.host.count(spans, remember=not self.request.out_of_band)

    async def _decide(self) -> Reply:
        lines = [line for item in self.request.context if (line := item.as_line()) is not None]
        prompt = Prompt(lines, self.request.instructions, self.request.tools)
        pieces = [piece async for piece in self.host.parts.responder.reply(prompt)]
        text = "".join(piece for piece in pieces if isinstance(piece, str))
        return Reply(text, tuple(piece for piece in pieces if isinstance(piece, ToolCall)))

    async def _produce(self, reply: Reply) -> None:
        for call in reply.calls:
            await self._call_function(call)
        if not reply.calls:
            await self._say(reply.text)

    async def _say(self, text: str) -> None:
        speech: Speech | None = None
        if self.request.spoken:
            speech = await self.host.parts.voice.speak(text, self.request.voice, self.request.speed)
        if self._cancelled.is_set():
            return
        item = Item({"id": self.host.ids.new("item"), "type": "message", "status": "in_progress",
                     "role": "assistant", "content": []})  # fmt: skip
        self._open(item)
        ids = {
            "response_id": self.id,
            "item_id": item.id,
            "output_index": len(self._output) - 1,
            "content_index": 0,
        }
        empty = {"type": "audio", "transcript": ""} if speech else {"type": "text", "text": ""}
        self.host.emit("response.content_part.added", **ids, part=empty)
        if speech is not None:
            await self._pause(self.host.pace.before_audio_ms)
            said = await self._stream_speech(item, speech, ids)
            self.host.emit("response.output_audio.done", **ids)
            self.host.emit("response.output_audio_transcript.done", **ids, transcript=said)
            part, content = (
                {"type": "audio", "transcript": said},
                {"type": "output_audio", "transcript": said},
            )
        else:
            said = await self._stream_text(text, ids)
            self.host.emit("response.output_text.done", **ids, text=said)
            part, content = {"type": "text", "text": said}, {"type": "output_text", "text": said}
        if said:
            self._output_text_tokens += accounting.reply_text_tokens(said, spoken=speech is not None)
        item.wire["content"] = [content]
        self.host.emit("response.content_part.done", **ids, part=part)
        self._close(item)
        if item.is_cut:
            item.drop_transcript()  # truncated while it was generated: the closing events still told the whole

    async def _stream_speech(self, item: Item, speech: Speech, ids: dict[str, Any]) -> str:
        """Send audio in deltas with the transcript ahead of it; returns the text sent."""
        item.wire["content"] = [{"type": "output_audio", "transcript": ""}]
        cuts = _word_cuts(speech)
        said = generated = 0
        for index, chunk in enumerate(chunks_of(speech.pcm, AUDIO_DELTA_MS * BYTES_PER_MS)):
            if self._cancelled.is_set():
                break
            horizon_ms = (index + 1) * AUDIO_DELTA_MS + _TRANSCRIPT_LEAD_MS
            while cuts and cuts[0][0] < horizon_ms:
                end = cuts.pop(0)[1]
                self.host.emit("response.output_audio_transcript.delta", **ids, delta=speech.text[said:end])
                said = end
            generated += len(chunk)
            if not item.is_cut:
                item.pcm += chunk
            self.host.emit("response.output_audio.delta", **ids, delta=pcm_to_base64(chunk))
            speed = self.host.pace.audio_speed
            await self._pause(AUDIO_DELTA_MS / speed if speed else 0)
        self._output_audio_tokens += accounting.assistant_audio_tokens(generated / BYTES_PER_MS)
        return speech.text[:said].rstrip()

    async def _stream_text(self, text: str, ids: dict[str, Any]) -> str:
        said = ""
        for word in text.split(" "):
            delta = word if not said else f" {word}"
            self.host.emit("response.output_text.delta", **ids, delta=delta)
            said += delta
            await self._pause(0)
            if self._cancelled.is_set():
                break
        return said

    async def _call_function(self, call: ToolCall) -> None:
        if self._cancelled.is_set():
            return
        wire = {"id": self.host.ids.new("item"), "type": "function_call", "status": "in_progress",
                "name": call.name, "call_id": self.host.ids.new_call(), "arguments": ""}  # fmt: skip
        item = Item(wire)
        self._open(item)
        arguments = orjson.dumps(call.arguments).decode()
        ids = {"response_id": self.id, "item_id": item.id, "output_index": len(self._output) - 1,
               "call_id": wire["call_id"]}  # fmt: skip
        self.host.emit("response.function_call_arguments.delta", **ids, delta=arguments)
        wire["arguments"] = arguments
        self.host.emit("response.function_call_arguments.done", **ids, name=call.name, arguments=arguments)
        self._output_text_tokens += (
            accounting.count_text(f"{call.name} {arguments}") + accounting.MESSAGE_FRAMING_TOKENS
        )
        self._close(item)

    def _open(self, item: Item) -> None:
        self._output.append(item)
        self.host.emit("response.output_item.added", response_id=self.id, output_index=len(self._output) - 1,
                       item=item.wire)  # fmt: skip
        if not self.request.out_of_band:
            self.host.store(item)
            self.host.emit("conversation.item.added", previous_item_id=item.previous_id, item=item.wire)

    def _close(self, item: Item) -> None:
        item.wire["status"] = "incomplete" if self._cancelled.is_set() else "completed"
        if not self.request.out_of_band:
            self.host.emit("conversation.item.done", previous_item_id=item.previous_id, item=item.wire)
        self.host.emit("response.output_item.done", response_id=self.id, output_index=self._output.index(item),
                       item=item.wire)  # fmt: skip

    def _response(self, status: str, details: dict[str, Any] | None, usage: dict[str, Any] | None) -> dict[str, Any]:
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [item.wire for item in self._output],
            "conversation_id": self.request.conversation_id,
            "output_modalities": ["audio"] if self.request.spoken else ["text"],
            "max_output_tokens": self.request.max_output_tokens,
            "audio": {"output": {"format": self.request.output_format, "voice": self.request.voice}},
            "usage": usage,
            "metadata": self.request.metadata,
        }

    async def _pause(self, length_ms: float) -> None:
        """Let other events in, for `length_ms` or until cancelled."""
        if length_ms <= 0:
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._cancelled.wait(), length_ms / 1000)

    async def _unless_cancelled(self, work: Awaitable[None]) -> None:
        """Wait for `work`, or give it up when the response is cancelled."""
        working = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._cancelled.wait())
        try:
            await asyncio.wait({working, stop}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            working.cancel()
            stop.cancel()


def _word_cuts(speech: Speech) -> list[tuple[int, int]]:
    """For each word: when it starts, and where in the text its delta ends (the next word's start)."""
    if not speech.words:
        return [(0, len(speech.text))]
    starts = [word.offset for word in speech.words]
    ends = [*starts[1:], len(speech.text)]
    return [(word.at_ms, end) for word, end in zip(speech.words, ends, strict=True)]
