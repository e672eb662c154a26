"""One response, from `response.created` to `response.done` (reference §3.2, §3.3, §3.5 to §3.7)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import orjson

from ..audio.formats import AudioFormat
from ..errors import WorkshopError
from . import accounting
from .accounting import NOTHING_READ, InputCount, Span
from .faults import Fault
from .items import Item
from .message import Budget, Message
from .prompt import Prompt, ToolCall
from .protocol_error import ProtocolError
from .session import ServerSession
from .transcripts import Transcripts

_log = logging.getLogger(__name__)

_ARGUMENTS_DELTA = 8
_FILTERED_TOKENS = 60  # what a reply gets out before a simulated content filter stops it
_SENTENCE_END = re.compile(r"[.!?…]['\")\]]?\s+")

CancelReason = Literal["turn_detected", "client_cancelled"]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Request:
    """What a response is made from: a `response.create` with the session's values filled in.

    Attributes:
        context: The items it reads. Which they are, and what they cost, is fixed when it is asked for; what is in them
            is read when it begins to write, because words of user audio may still be on their way.
        counted: What reading them costs.
        audio_format: Of its speech; `None` for a text response.
    """

    context: list[Item]
    counted: InputCount
    instructions: str
    tools: list[dict[str, Any]]
    tool_choice: str | dict[str, Any]
    parallel_tool_calls: bool
    audio_format: AudioFormat | None
    audio_output: dict[str, Any]
    max_output_tokens: int | str
    output_limit: int
    is_out_of_band: bool
    is_task: bool
    metadata: dict[str, Any] | None
    conversation_id: str | None


class _CancelledError(Exception):
    """The response was cancelled while something was awaited."""


@dataclass
class Generation:
    """A response in progress. `run()` ends with `response.done`, whatever happens."""

    session: ServerSession
    transcripts: Transcripts
    request: Request
    id: str
    audio_ms: float = 0
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    _output: list[Item] = field(default_factory=list)
    _cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    _reason: CancelReason = "client_cancelled"
    _message: Message | None = None
    _text_tokens: int = 0
    _audio_tokens: int = 0

    def __post_init__(self) -> None:
        self._budget = Budget(self.request.output_limit)

    @property
    def was_cancelled(self) -> bool:
        """Whether someone asked it to stop."""
        return self._cancelled.is_set()

    @property
    def total_tokens(self) -> int:
        """Tokens read and written so far."""
        return sum(self.request.counted.read.values()) + self._text_tokens + self._audio_tokens

    @property
    def output_spans(self) -> list[Span]:
        """What it wrote, as the next request counts it. Recordings show it cached already (reference §4.3)."""
        return [span for item in self._output for span in item.spans()]

    def announce(self) -> None:
        """Send `response.created`."""
        self._announced_s = asyncio.get_running_loop().time()
        self.session.emit("response.created", response=self._response("in_progress", None, None))

    def cancel(self, reason: CancelReason) -> None:
        """Stop generating; the part that exists is closed and kept."""
        if not self._cancelled.is_set():
            self._reason = reason
            self._cancelled.set()

    async def run(self) -> None:
        """Generate and send everything after `response.created`."""
        counted = NOTHING_READ
        outcome: dict[str, Any] | None = None
        due_s = self._announced_s + self.session.draw(self.session.pace.before_item_ms) / 1000
        try:
            await self._unless_cancelled(self.transcripts.wait_for(self.request.context))
            if (refusal := self._refusal()) is not None:
                outcome = _failure(refusal.code or "refused", refusal.message)
            # what hearing took is part of the wait, as on the service, which need not hear first
            elif await self._pause((due_s - asyncio.get_running_loop().time()) * 1000):
                counted = self.request.counted
                outcome = await self._produce(self.session.faults.response())
        except _CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - a failed reply is reported to the client, not to the socket
            message = str(error) if isinstance(error, WorkshopError) else "The simulator failed. Its log says why."
            _log.exception("A response could not be generated.")
            outcome = _failure("simulator_error", message)
        if self._cancelled.is_set() and outcome is None:
            outcome = {"type": "cancelled", "reason": self._reason}
        status = outcome["type"] if outcome else "completed"
        self._close_message("completed" if status == "completed" else "incomplete")
        if self._cancelled.is_set() and not self._output:
            counted = NOTHING_READ  # as recorded (reference §3.5)
        usage = accounting.usage(counted, self._text_tokens, self._audio_tokens)
        self.session.emit("response.done", response=self._response(status, outcome, usage))
        for item in self._output:
            if item.is_cut:
                item.drop_transcript()  # truncated while it was generated: the closing events still told the whole
        self.finished.set()

    def _refusal(self) -> ProtocolError | None:
        return None if self.session.learner is None else self.session.learner.another_request()

    async def _produce(self, fault: Fault | None) -> dict[str, Any] | None:
        """Write the reply; returns `status_details` when it is not completed."""
        if fault is not None and fault.effect == "failed":
            return _failure(fault.code, "The scenario wants this response to fail.")
        if fault is not None:
            self._budget.left = min(self._budget.left, _FILTERED_TOKENS)
        unspoken = ""
        pieces = self._pieces()
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, str):
                    ready, unspoken = self._split(unspoken + piece)
                    is_whole = not ready or await self._say(ready)
                else:
                    is_whole = (not unspoken.strip() or await self._say(unspoken)) and await self._call(piece)
                    unspoken = ""
                if not is_whole:
                    return self._cut_short(fault)
        if unspoken.strip() and not await self._say(unspoken):
            return self._cut_short(fault)
        return self._cut_short(fault) if fault is not None else None

    def _cut_short(self, fault: Fault | None) -> dict[str, Any] | None:
        if self._cancelled.is_set():
            return None
        return {"type": "incomplete", "reason": "content_filter" if fault else "max_output_tokens"}

    def _split(self, text: str) -> tuple[str, str]:
        """What can be sent now, and the beginning of a sentence that a voice cannot speak yet."""
        if self.request.audio_format is None:
            return text, ""
        end = max((match.end() for match in _SENTENCE_END.finditer(text)), default=0)
        return text[:end].rstrip(), text[end:]

    async def _pieces(self) -> AsyncGenerator[str | ToolCall, None]:
        """What the responder says, until it ends or the response is cancelled."""
        request = self.request
        lines = [line for item in request.context if (line := item.as_line()) is not None]
        prompt = Prompt(
            lines, request.instructions, request.tools, request.tool_choice, request.parallel_tool_calls,
            None if request.max_output_tokens == "inf" else int(request.max_output_tokens),
            is_task=request.is_task,
        )  # fmt: skip
        reply = self.session.parts.responder.reply(prompt)
        async with contextlib.aclosing(reply):
            while (piece := await self._unless_cancelled(_next_of(reply))) is not None:
                yield piece.encode(errors="replace").decode() if isinstance(piece, str) else piece

    async def _say(self, text: str) -> bool:
        if self.request.audio_format is None:
            return await self._open_message().write_text(text)
        output, session = self.request.audio_output, self.session
        voice = output["voice"] if isinstance(output["voice"], str) else "marin"
        speech = await self._unless_cancelled(session.parts.voice.speak(text, voice, output["speed"]))
        is_first = self._message is None
        message = self._open_message()
        if is_first and not await self._pause(session.draw(session.pace.before_audio_ms)):
            return False
        if is_first:
            session.metrics.first_audio(asyncio.get_running_loop().time() - self._announced_s)
        return await message.write_speech(speech)

    def _open_message(self) -> Message:
        if self._message is None:
            item = Item({"id": self.session.ids.new("item"), "type": "message", "status": "in_progress",
                         "role": "assistant", "content": [], **self._phase("final_answer")})  # fmt: skip
            ids = self._open(item) | {"content_index": 0}
            self._message = Message(self.session, item, ids, self._budget, self._pause)
            self._message.open(self.request.audio_format)
        return self._message

    def _phase(self, phase: str) -> dict[str, str]:
        """Reasoning models say whether a message is the answer (reference §2.3)."""
        return {"phase": phase} if self.session.model is not None and self.session.model.reasons else {}

    def _close_message(self, status: str, phase: str | None = None) -> None:
        if self._message is None:
            return
        message, self._message = self._message, None
        self._text_tokens += message.text_tokens
        self._audio_tokens += message.audio_tokens
        self.audio_ms += message.audio_ms
        if phase is not None:
            message.item.wire.update(self._phase(phase))
        message.close(status)
        self._close(message.item)

    async def _call(self, call: ToolCall) -> bool:
        arguments = orjson.dumps(call.arguments).decode()
        tokens = accounting.count_text(f"{call.name} {arguments}") + accounting.MESSAGE_FRAMING_TOKENS
        if not self._budget.take(tokens):
            return False
        self._text_tokens += tokens
        wire = {"id": self.session.ids.new("item"), "type": "function_call", "status": "in_progress",
                "name": call.name, "call_id": self.session.ids.new_call(), "arguments": ""}  # fmt: skip
        item = Item(wire)
        ids = self._open(item) | {"call_id": wire["call_id"]}
        for start in range(0, len(arguments), _ARGUMENTS_DELTA):
            delta = arguments[start : start + _ARGUMENTS_DELTA]
            padding = self.session.padding(delta)
            self.session.emit("response.function_call_arguments.delta", **ids, delta=delta, obfuscation=padding)
        self._close_message("completed", "commentary")  # only now, as recorded (reference §3.6)
        wire["arguments"] = arguments
        self.session.emit("response.function_call_arguments.done", **ids, name=call.name, arguments=arguments)
        wire["status"] = "completed"
        self._close(item)
        return await self._pause(0)

    def _open(self, item: Item) -> dict[str, Any]:
        """Announce an output item; returns the ids of its events."""
        self._output.append(item)
        index = len(self._output) - 1
        self.session.emit("response.output_item.added", response_id=self.id, output_index=index, item=item.wire)
        if not self.request.is_out_of_band:
            self.session.conversation.insert(item)
            self.session.emit("conversation.item.added", previous_item_id=item.previous_id, item=item.wire)
        return {"response_id": self.id, "item_id": item.id, "output_index": index}

    def _close(self, item: Item) -> None:
        conversation = self.session.conversation
        if not self.request.is_out_of_band and conversation.find(item.id) is item:  # the client may have deleted it
            previous_id = conversation.previous_of(item)
            self.session.emit("conversation.item.done", previous_item_id=previous_id, item=item.wire)
        index = self._output.index(item)
        self.session.emit("response.output_item.done", response_id=self.id, output_index=index, item=item.wire)

    def _response(self, status: str, details: dict[str, Any] | None, usage: dict[str, Any] | None) -> dict[str, Any]:
        output = {name: self.request.audio_output[name] for name in ("format", "voice")}
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [item.wire for item in self._output],
            "conversation_id": self.request.conversation_id,
            "output_modalities": ["text"] if self.request.audio_format is None else ["audio"],
            "max_output_tokens": self.request.max_output_tokens,
            "audio": {"output": output},
            "usage": usage,
            "metadata": self.request.metadata,
        }

    async def _pause(self, length_ms: float) -> bool:
        """Let other events in, for `length_ms` or until cancelled. Returns whether to go on."""
        if not self._cancelled.is_set():
            await self.session.room()
        if length_ms <= 0:
            await asyncio.sleep(0)
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._cancelled.wait(), length_ms / 1000)
        return not self._cancelled.is_set()

    async def _unless_cancelled(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of `work`, which is given up when the response is cancelled.

        Raises:
            _CancelledError: The response was cancelled first.
        """
        working = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._cancelled.wait())
        try:
            await asyncio.wait({working, stop}, return_when=asyncio.FIRST_COMPLETED)
            if self._cancelled.is_set():
                raise _CancelledError
            return working.result()
        finally:
            stop.cancel()
            if not working.done():
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)


async def _next_of(reply: AsyncGenerator[str | ToolCall, None]) -> str | ToolCall | None:
    return await anext(reply, None)


def _failure(code: str, message: str) -> dict[str, Any]:
    return {"type": "failed", "error": {"type": "server_error", "code": code, "message": message}}
