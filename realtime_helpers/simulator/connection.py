"""One connection: client events in, server events out, no socket. The order of `send` calls is the contract."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from ..protocol.frames import Event, encode
from ..protocol.ids import IdMint
from .accounting import InputCount, Span, count_input, count_text, user_audio_tokens
from .context import Conversation, Item, audio_from, item_from_client
from .generation import Generation, Request
from .input_audio import InputAudioBuffer
from .pace import Pace
from .parts import Parts
from .protocol_error import ProtocolError, missing, optional_text, unsupported
from .session_config import check_response, default_session, updated_session
from .vad import SpeechStarted, SpeechStopped, VoiceDetector

_log = logging.getLogger(__name__)

SESSION_SECONDS = 3600
MAX_APPEND_BYTES = 15 * 1024 * 1024
_MIN_COMMIT_MS = 100
_MAX_DEPTH = 64
_TOKEN_LIMIT = 200_000  # the number shown in rate_limits.updated; nothing is limited here


class Connection:
    """A realtime session on the server's side.

    Args:
        send: Takes each outgoing frame, in order. Must not block.
        model: Model name from the URL.
        parts: Ears, voice and responder.
        ids: Mints every id of this connection.
        pace: Waiting times.
        now_s: Seconds since the epoch at which the connection began.
    """

    def __init__(
        self, send: Callable[[str], None], *, model: str, parts: Parts, ids: IdMint, pace: Pace, now_s: float
    ) -> None:
        self._send = send
        self.parts = parts
        self.ids = ids
        self.pace = pace
        self.session = default_session(ids.new("sess"), model, int(now_s) + SESSION_SECONDS)
        self.conversation = Conversation()
        self._conversation_id = ids.new("conv")
        self._buffer = InputAudioBuffer()
        self._detector: VoiceDetector | None = None
        self._adjust_detector()
        self._speech_item_id: str | None = None
        self._speech_start_ms = 0
        self._active: Generation | None = None
        self._answer_waiting = False
        self._out_of_band: dict[str, Generation] = {}
        self._last_request: list[Span] = []
        self._hearing: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # -- outgoing -------------------------------------------------------------------------------------

    def emit(self, kind: str, **fields: Any) -> None:
        """Send an event. It is encoded at once, so later changes to its parts do not show."""
        self._send(encode({"type": kind, "event_id": self.ids.new("event"), **fields}))

    def start(self) -> None:
        """Greet the client with `session.created`."""
        self.emit("session.created", session=self.session)

    async def close(self) -> None:
        """Stop everything this connection started."""
        tasks = [*self._tasks, *self._hearing.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- incoming -------------------------------------------------------------------------------------

    def receive(self, frame: str) -> None:
        """Handle one client frame. A bad one is answered with one `error` event; the session goes on."""
        event_id: str | None = None
        try:
            event = _parse(frame)
            raw_id = event.get("event_id")
            event_id = raw_id if isinstance(raw_id, str) else None
            if not isinstance(event.get("type"), str):
                raise missing("type")
            self._handle(event)
        except ProtocolError as error:
            self._send(encode(error.as_event(self.ids.new("event"), event_id)))
        except Exception:  # noqa: BLE001 - a fault of ours must not end the client's session
            _log.exception("A client event could not be handled.")
            fault = ProtocolError("internal_error", "The simulator failed to handle this event. Please report it.")
            self._send(encode(fault.as_event(self.ids.new("event"), event_id, "server_error")))

    def refuse_binary(self) -> None:
        """Answer a binary frame (reference §2.4)."""
        error = ProtocolError("invalid_event", "Expected a text WebSocket message; binary frames are not supported.")
        self._send(encode(error.as_event(self.ids.new("event"), None)))

    def _handle(self, event: Event) -> None:
        match event["type"]:
            case "session.update":
                self._update_session(event)
            case "input_audio_buffer.append":
                self._append(event)
            case "input_audio_buffer.commit":
                self._commit_by_client()
            case "input_audio_buffer.clear":
                self._clear()
            case "conversation.item.create":
                self._create_item(event)
            case "conversation.item.retrieve":
                item = self.conversation.get(_id_in(event), "retrieve")
                self.emit("conversation.item.retrieved", item=item.with_audio())
            case "conversation.item.delete":
                self.conversation.delete(_id_in(event))
                self.emit("conversation.item.deleted", item_id=event["item_id"])
            case "conversation.item.truncate":
                self._truncate(event)
            case "response.create":
                self._create_response(event.get("response") or {})
            case "response.cancel":
                self._cancel_by_client(event)
            case other:
                raise unsupported(other, _CLIENT_EVENTS, "type")

    def _update_session(self, event: Event) -> None:
        if "session" not in event:
            raise missing("session")
        self.session = updated_session(
            self.session, event["session"], has_assistant_audio=self.conversation.has_assistant_audio
        )
        self._adjust_detector()
        self.emit("session.updated", session=self.session)

    def _adjust_detector(self) -> None:
        """Follow the session's turn detection. An utterance that is under way goes on."""
        settings = self.session["audio"]["input"]["turn_detection"]
        if settings is None:
            self._detector = None
            return
        if self._detector is None:
            self._detector = VoiceDetector(at_ms=int(self._buffer.end_ms))
        self._detector.configure(
            threshold=settings["threshold"],
            prefix_padding_ms=settings["prefix_padding_ms"],
            silence_duration_ms=settings["silence_duration_ms"],
        )

    # -- audio in -------------------------------------------------------------------------------------

    def _append(self, event: Event) -> None:
        if "audio" not in event:
            raise missing("audio")
        pcm = audio_from(event["audio"], "audio")
        if len(pcm) > MAX_APPEND_BYTES:
            raise ProtocolError(
                "invalid_value", "Invalid 'audio'. An append may carry at most 15 MiB of audio.", "audio"
            )
        self._buffer.write(pcm)
        if self._detector is None:
            return
        for change in self._detector.feed(pcm):
            match change:
                case SpeechStarted(start_ms):
                    self._speech_started(start_ms)
                case SpeechStopped(end_ms):
                    self._speech_stopped(end_ms)
        if not self._detector.speaking:
            settings = self.session["audio"]["input"]["turn_detection"]
            self._buffer.keep_last(settings["prefix_padding_ms"] + 200)

    def _speech_started(self, start_ms: int) -> None:
        self._speech_item_id = self.ids.new("item")
        self._speech_start_ms = start_ms
        self.emit("input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=self._speech_item_id)
        if self._turn_detection("interrupt_response"):
            self._answer_waiting = False  # the turn that waits for its answer goes on in this one
            if self._active is not None:
                self._active.cancel("turn_detected")

    def _speech_stopped(self, end_ms: int) -> None:
        assert self._speech_item_id is not None
        item_id, self._speech_item_id = self._speech_item_id, None
        self.emit("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=item_id)
        self._commit(self._buffer.take(self._speech_start_ms, end_ms), item_id)
        if self._turn_detection("create_response"):
            self._answer_when_free()

    def _turn_detection(self, name: str) -> bool:
        settings = self.session["audio"]["input"]["turn_detection"]
        return settings is not None and bool(settings[name])

    def _commit_by_client(self) -> None:
        if self._buffer.length_ms < _MIN_COMMIT_MS:
            raise ProtocolError(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer "
                f"only has {self._buffer.length_ms:.2f}ms of audio.",
            )
        item_id = self._speech_item_id or self.ids.new("item")
        self._end_open_speech()
        self._commit(self._buffer.take_all(), item_id)

    def _clear(self) -> None:
        self._end_open_speech()
        self._buffer.take_all()
        self.emit("input_audio_buffer.cleared")

    def _end_open_speech(self) -> None:
        self._speech_item_id = None
        if self._detector is not None:
            self._detector.close_turn()

    def _commit(self, pcm: bytes, item_id: str) -> None:
        content = [{"type": "input_audio", "transcript": None}]
        wire = {"id": item_id, "type": "message", "status": "completed", "role": "user", "content": content}
        item = Item(wire, bytearray(pcm))
        self.conversation.insert(item)
        self.emit("input_audio_buffer.committed", item_id=item_id, previous_item_id=item.previous_id)
        self._announce(item)
        self._listen_to(item)

    def _announce(self, item: Item) -> None:
        self.emit("conversation.item.added", previous_item_id=item.previous_id, item=item.wire)
        self.emit("conversation.item.done", previous_item_id=item.previous_id, item=item.wire)

    # -- words in the audio ---------------------------------------------------------------------------

    def _listen_to(self, item: Item) -> None:
        transcription = self.session["audio"]["input"]["transcription"]
        task = asyncio.create_task(self._transcribe(item, transcription))
        self._hearing[item.id] = task
        task.add_done_callback(lambda _: self._hearing.pop(item.id, None))

    async def _transcribe(self, item: Item, transcription: dict[str, Any] | None) -> None:
        ids = {"item_id": item.id, "content_index": 0}
        try:
            text = await self.parts.ears.hear(bytes(item.pcm), None, None)
        except Exception as error:  # noqa: BLE001 - a deaf server still holds a conversation
            if transcription is not None and self.conversation.find(item.id) is not None:
                problem = {"type": "server_error", "code": "transcriber_unavailable", "param": None,
                           "message": f"Input transcription failed for item '{item.id}'. {error}"}  # fmt: skip
                self.emit("conversation.item.input_audio_transcription.failed", **ids, error=problem)
            return
        item.heard = text
        if transcription is None or self.conversation.find(item.id) is None:
            return
        item.wire["content"][0]["transcript"] = text
        if text:
            self.emit("conversation.item.input_audio_transcription.delta", **ids, delta=text)
        self.emit("conversation.item.input_audio_transcription.completed", **ids, transcript=text,
                  usage=_transcription_usage(transcription["model"], item.audio_ms, text))  # fmt: skip

    async def hear(self, items: Sequence[Item]) -> None:
        """Wait until the words of all user audio among the items are known."""
        waiting = [self._hearing[item.id] for item in items if item.id in self._hearing]
        if waiting:
            await asyncio.wait(waiting)

    # -- conversation ---------------------------------------------------------------------------------

    def _create_item(self, event: Event) -> None:
        if "item" not in event:
            raise missing("item")
        item = item_from_client(event["item"], self.ids.new("item"))
        self.conversation.insert(item, optional_text(event, "previous_item_id"))
        self._announce(item)
        if item.pcm:
            self._listen_to(item)

    def store(self, item: Item) -> None:
        """Append an item of a response."""
        self.conversation.insert(item)

    def _truncate(self, event: Event) -> None:
        for name in ("item_id", "content_index", "audio_end_ms"):
            if name not in event:
                raise missing(name)
        at_ms = event["audio_end_ms"]
        if isinstance(at_ms, bool) or not isinstance(at_ms, int) or at_ms < 0:
            raise ProtocolError(
                "invalid_value", "Invalid 'audio_end_ms': expected a whole number >= 0.", "audio_end_ms"
            )
        self.conversation.truncate(_id_in(event), at_ms)
        self.emit("conversation.item.truncated", item_id=event["item_id"], content_index=event["content_index"],
                  audio_end_ms=at_ms)  # fmt: skip

    # -- responses ------------------------------------------------------------------------------------

    def _create_response(self, wanted: dict[str, Any]) -> None:
        check_response(wanted, "response")
        if wanted.get("conversation") != "none" and self._active is not None:
            raise ProtocolError(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {self._active.id}. "
                "Wait until the response is finished before creating a new one.",
            )
        self._start_response(wanted)

    def _start_response(self, wanted: dict[str, Any]) -> None:
        generation = Generation(self, self._request(wanted), self.ids.new("resp"))
        if generation.request.out_of_band:
            self._out_of_band[generation.id] = generation
        else:
            self._active = generation
        generation.announce()
        self._spawn(self._run(generation))

    async def _run(self, generation: Generation) -> None:
        try:
            await generation.run()
        finally:
            if self._active is generation:
                self._active = None
            self._out_of_band.pop(generation.id, None)
        if not generation.was_cancelled:
            limit = {"name": "tokens", "limit": _TOKEN_LIMIT, "remaining": _TOKEN_LIMIT, "reset_seconds": 0.0}
            self.emit("rate_limits.updated", rate_limits=[limit])
        if self._answer_waiting and self._active is None and self._speech_item_id is None:
            self._answer_waiting = False
            self._start_response({})

    def _answer_when_free(self) -> None:
        """Answer now, or once the response that this speech interrupted has ended; otherwise not at all."""
        if self._active is None:
            self._start_response({})
        elif self._active.was_cancelled:
            self._answer_waiting = True

    def _request(self, wanted: dict[str, Any]) -> Request:
        out_of_band = wanted.get("conversation") == "none"
        output = {**self.session["audio"]["output"], **wanted.get("audio", {}).get("output", {})}
        tools = wanted.get("tools", self.session["tools"])
        choice = wanted.get("tool_choice", self.session["tool_choice"])
        return Request(
            context=self._context(wanted.get("input")),
            instructions=wanted.get("instructions") or self.session["instructions"],
            tools=[] if choice == "none" else tools,
            spoken=wanted.get("output_modalities", self.session["output_modalities"]) == ["audio"],
            voice=output["voice"] if isinstance(output["voice"], str) else "marin",
            output_format=output["format"],
            speed=output["speed"],
            max_output_tokens=wanted.get("max_output_tokens", self.session["max_output_tokens"]),
            out_of_band=out_of_band,
            metadata=wanted.get("metadata"),
            conversation_id=None if out_of_band else self._conversation_id,
        )

    def _context(self, wanted: list[Any] | None) -> list[Item]:
        """The items a response reads: the conversation, or exactly what `input` lists."""
        if wanted is None:
            return self.conversation.items
        context = []
        for raw in wanted:
            if isinstance(raw, dict) and raw.get("type") == "item_reference":
                context.append(self.conversation.get(str(raw.get("id")), "retrieve"))
            else:
                item = item_from_client(raw, self.ids.new("item"))
                context.append(item)
                if item.pcm:
                    self._listen_to(item)
        return context

    def _cancel_by_client(self, event: Event) -> None:
        response_id = optional_text(event, "response_id")
        target = self._out_of_band.get(response_id) if response_id else self._active
        if target is None and self._active is not None and self._active.id == response_id:
            target = self._active
        if target is None:
            raise ProtocolError("response_cancel_not_active", "Cancellation failed: no active response found")
        target.cancel("client_cancelled")

    def count(self, spans: Sequence[Span], *, remember: bool) -> InputCount:
        """Count a request against the prefix of the last one."""
        counted = count_input(spans, self._last_request)
        if remember:
            self._last_request = list(spans)
        return counted

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_CLIENT_EVENTS = [
    "session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
    "conversation.item.create", "conversation.item.truncate", "conversation.item.delete",
    "conversation.item.retrieve", "response.create", "response.cancel",
]  # fmt: skip


def _parse(frame: str) -> Event:
    try:
        event = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise ProtocolError("invalid_json", f"Invalid event: failed to parse JSON value. {error}") from error
    if not isinstance(event, dict):
        raise ProtocolError("invalid_event", "Invalid event: expected a JSON object.")
    if _is_deeper_than(event, _MAX_DEPTH):
        raise ProtocolError("invalid_json", f"Invalid event: nested deeper than {_MAX_DEPTH} levels.")
    return event


def _is_deeper_than(value: object, limit: int) -> bool:
    level: list[object] = [value]
    for _ in range(limit + 1):
        if not level:
            return False
        level = [inner for outer in level for inner in _contents(outer)]
    return bool(level)


def _contents(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _id_in(event: Event) -> str:
    if not isinstance(event.get("item_id"), str):
        raise missing("item_id")
    return str(event["item_id"])


def _transcription_usage(model: str, audio_ms: float, text: str) -> dict[str, Any]:
    if not model.startswith("gpt-4o"):
        return {"type": "duration", "seconds": round(audio_ms / 1000, 3)}
    heard, written = user_audio_tokens(audio_ms), count_text(text)
    return {
        "type": "tokens",
        "total_tokens": heard + written,
        "input_tokens": heard,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
        "output_tokens": written,
    }
