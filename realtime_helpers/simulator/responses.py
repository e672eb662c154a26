"""Which responses run: one in the conversation, others out of band, one that waits (reference §3.5, §3.7)."""

from __future__ import annotations

import asyncio
from typing import Any

from ..audio.formats import AUDIO_FORMATS
from ..protocol.frames import Event
from .accounting import InputCount, RateLimit, Span, count_input
from .client_items import item_from_client
from .context import Truncation, read_window
from .generation import Generation, Request
from .items import Item, prefix_spans
from .protocol_error import ProtocolError, missing, optional_text
from .session import ServerSession
from .session_config import locked_voice, no_reasoning
from .session_fields import check_response
from .transcripts import Transcripts
from .turns import TurnTaking

_MOST_OUT_OF_BAND = 16


class Responses:
    """Starts, cancels and finishes responses.

    Args:
        session: Where items are and events go.
        transcripts: Knows the words of user audio.
    """

    turns: TurnTaking

    def __init__(self, session: ServerSession, transcripts: Transcripts) -> None:
        self._session = session
        self._transcripts = transcripts
        self._conversation_id = session.ids.new("conv")
        self._active: Generation | None = None
        self._out_of_band: dict[str, Generation] = {}
        self._answer_waiting = False
        self._last_request: list[Span] = []
        self._rate_limit = RateLimit(session.clock())

    @property
    def is_active(self) -> bool:
        """Whether a response of the conversation is in progress."""
        return self._active is not None

    # -- what the client asks for ---------------------------------------------------------------------

    def create(self, event: Event) -> None:
        """Carry out a `response.create`.

        Raises:
            ProtocolError: It is malformed, or cannot be answered now.
        """
        if self._session.model is None:
            raise ProtocolError("invalid_event", "A transcription session creates no responses.", "type")
        wanted = event.get("response") or {}
        check_response(wanted, "response")
        wanted = {name: value for name, value in wanted.items() if value is not None}
        if "reasoning" in wanted and not self._session.model.reasons:
            raise no_reasoning("response.reasoning", self._session.wire["model"])
        if wanted.get("conversation") == "none":
            if len(self._out_of_band) >= _MOST_OUT_OF_BAND:
                raise ProtocolError("too_many_responses", f"{_MOST_OUT_OF_BAND} out-of-band responses are in progress.")
        elif self._active is not None:
            raise ProtocolError(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {self._active.id}. "
                "Wait until the response is finished before creating a new one.",
            )
        self._start(wanted)

    async def cancel(self, event: Event) -> None:
        """Carry out a `response.cancel`, to its `response.done`; without an id it means the conversation's response.

        Raises:
            ProtocolError: No such response is in progress.
        """
        response_id = optional_text(event, "response_id")
        target = self._active
        if response_id and (target is None or target.id != response_id):
            target = self._out_of_band.get(response_id)
        if target is None:
            raise ProtocolError("response_cancel_not_active", "Cancellation failed: no active response found")
        target.cancel("client_cancelled")
        await target.finished.wait()  # so that the order does not depend on how frames were packed

    # -- what turns bring about -----------------------------------------------------------------------

    async def speech_started(self) -> None:
        """Interrupt the conversation's response, and see it end."""
        self._answer_waiting = False  # the turn that waits for its answer goes on in this one
        if self._active is not None:
            interrupted = self._active
            interrupted.cancel("turn_detected")
            await interrupted.finished.wait()

    def turn_ended(self) -> None:
        """Answer now, or once the response that this speech interrupted has ended; otherwise not at all."""
        if self._session.model is None:
            return
        if self._active is None:
            self._answer()
        elif self._active.was_cancelled:
            self._answer_waiting = True

    def _answer(self) -> None:
        try:
            self._start({})
        except ProtocolError as error:
            self._session.refuse(error)

    # -- one response ---------------------------------------------------------------------------------

    def _start(self, wanted: dict[str, Any]) -> None:
        request = self._request(wanted)
        generation = Generation(self._session, self._transcripts, request, self._session.ids.new("resp"))
        if request.is_out_of_band:
            self._out_of_band[generation.id] = generation
        else:
            self._active = generation
            self._answer_waiting = False
            self.turns.reply_started()
        generation.announce()
        self._session.spawn(self._run(generation))

    async def _run(self, generation: Generation) -> None:
        try:
            await generation.run()
        finally:
            if self._active is generation:
                self._active = None
                self._last_request = [*self._last_request, *generation.output_spans]
                self.turns.reply_ended(generation.audio_ms)
            self._out_of_band.pop(generation.id, None)
        if not generation.was_cancelled:
            self._tell_rate_limit(generation)
        if self._answer_waiting and self._active is None and not self.turns.is_speaking:
            self._answer_waiting = False
            self._answer()

    def _tell_rate_limit(self, generation: Generation) -> None:
        limit = self._rate_limit.spend(generation.total_tokens, self._session.clock())
        if wait_ms := self._session.draw(self._session.pace.rate_limits_ms):
            self._session.spawn(self._later(wait_ms, limit), in_background=True)
        else:
            self._session.emit("rate_limits.updated", rate_limits=[limit])

    async def _later(self, wait_ms: float, limit: dict[str, Any]) -> None:
        await asyncio.sleep(wait_ms / 1000)
        self._session.emit("rate_limits.updated", rate_limits=[limit])

    # -- what it reads --------------------------------------------------------------------------------

    def _request(self, wanted: dict[str, Any]) -> Request:
        session, model = self._session.wire, self._session.model
        assert model is not None
        is_out_of_band = wanted.get("conversation") == "none"
        output = self._audio_output(wanted, is_out_of_band=is_out_of_band)
        choice = wanted.get("tool_choice", session["tool_choice"])
        tools = [] if choice == "none" else wanted.get("tools", session["tools"])
        instructions = wanted.get("instructions") or session["instructions"]
        limit = wanted.get("max_output_tokens", session["max_output_tokens"])
        context, counted = self._read(wanted.get("input"), instructions, tools, remembers=not is_out_of_band)
        is_spoken = wanted.get("output_modalities", session["output_modalities"]) == ["audio"]
        return Request(
            context=context,
            counted=counted,
            instructions=instructions,
            tools=tools,
            tool_choice=choice,
            parallel_tool_calls=(
                model.reasons and wanted.get("parallel_tool_calls", session.get("parallel_tool_calls")) is not False
            ),
            audio_format=AUDIO_FORMATS[output["format"]["type"]] if is_spoken else None,
            audio_output=output,
            max_output_tokens=limit,
            output_limit=model.max_output_tokens if limit == "inf" else limit,
            is_out_of_band=is_out_of_band,
            is_task=is_out_of_band and bool(wanted.get("instructions")),
            metadata=wanted.get("metadata"),
            conversation_id=None if is_out_of_band else self._conversation_id,
        )

    def _audio_output(self, wanted: dict[str, Any], *, is_out_of_band: bool) -> dict[str, Any]:
        own = self._session.wire["audio"]["output"]
        other = (wanted.get("audio") or {}).get("output") or {}
        output = {**own, **{name: value for name, value in other.items() if value is not None}}
        output["format"] = AUDIO_FORMATS[output["format"]["type"]].wire
        has_spoken = self._session.conversation.has_assistant_audio
        if has_spoken and not is_out_of_band and output["voice"] != own["voice"]:
            raise locked_voice()
        return output

    def _read(
        self, listed: list[Any] | None, instructions: str, tools: list[dict[str, Any]], *, remembers: bool
    ) -> tuple[list[Item], InputCount]:
        """The items a response reads, and what that costs with the prefix of the last request cached."""
        session = self._session
        assert session.model is not None
        offered = self._listed(listed) if listed is not None else self._in_window()
        keeps = None if session.retention == "documented" else session.model.replies_kept_as_audio
        truncation = Truncation.from_session(session.wire["truncation"], session.model.usable_input_tokens)
        context, spans = read_window(offered, prefix_spans(instructions, tools), truncation, keeps)
        counted = count_input(spans, self._last_request)
        if remembers:
            self._last_request = spans
            if listed is None:
                kept = {item.id for item in context}
                for item in offered:
                    item.is_in_window = item.id in kept
        if listed is not None:
            for item in context:
                if session.conversation.find(item.id) is not item:  # not its namesake
                    self._transcripts.listen_to(item)
        return context, counted

    def _in_window(self) -> list[Item]:
        return [item for item in self._session.conversation.items if item.is_in_window]

    def _listed(self, listed: list[Any]) -> list[Item]:
        audio_format = AUDIO_FORMATS[self._session.wire["audio"]["input"]["format"]["type"]]
        items = []
        for raw in listed:
            if raw.get("type") == "item_reference":
                if not isinstance(raw.get("id"), str):
                    raise missing("response.input.id")
                items.append(self._session.conversation.get(raw["id"], "retrieve"))
            else:
                items.append(item_from_client(raw, self._session.ids.new("item"), audio_format))
        return items
