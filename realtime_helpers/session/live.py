"""One live conversation on the background loop: where connection, state, memory and audio meet.

Everything here runs on one loop, so nothing needs a lock. No policy, no parsing, no widget code.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, Literal

from ..audio.sinks import Sink
from ..audio.sources import Source
from ..conversation import PRICES, Conversation, FrozenView, cost_usd
from ..errors import AudioError, SessionError, WorkshopError
from ..memory import (
    Assume,
    Compactor,
    Effect,
    Phase,
    Problem,
    Send,
    Summariser,
    SummaryPolicy,
    SummaryRequest,
    SummaryStyle,
    Write,
    Written,
)
from ..protocol import (
    ErrorKind,
    Event,
    IdMint,
    classify_error,
    create_item,
    create_response,
    decode,
    encode,
    retrieve_item,
    truncate_item,
    update_session,
    user_text,
)
from ..protocol.frames import base64_to_pcm
from ..settings import Settings
from .failures import closed, refused
from .outbox import Outbox
from .service import CONNECT_PATIENCE_S, Line, LineLostError, Service
from .snapshot import Snapshot, State

Trace = Callable[[Literal["sent", "received"], Event, float], None]
"""Called for every event both ways with the session's clock in seconds. It must return at once."""

_NO_POLICY = SummaryPolicy(trigger_tokens=2**62)


class LiveSession:
    """The inside of `RealtimeSession`; see there for the arguments."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        config: dict[str, Any],
        memory: SummaryPolicy | None,
        style: SummaryStyle,
        summariser: Summariser | None,
        trace: Trace | None,
        ids: IdMint | None = None,
    ) -> None:
        self._service = service
        self.conversation = Conversation()
        self.problems: list[str] = []
        self.error: WorkshopError | None = None
        self._settings = settings
        self._config = config
        self._style = style
        self._summariser = summariser
        self._trace = trace
        self._ids = ids or IdMint(time.time, random.Random())
        self._compactor = Compactor(memory or _NO_POLICY, self._ids.new)
        self._outbox = Outbox()
        self._sink: Sink | None = None
        self._state = State.NEW
        self._version = 0
        self._waiters: list[tuple[Callable[[Snapshot], bool], asyncio.Future[Snapshot]]] = []
        self._awaited_events: dict[str, asyncio.Future[None]] = {}
        self._retrievals: dict[str, tuple[str, asyncio.Future[bool]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._main: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fatal: Event | None = None
        self._question_ended_s: float | None = None
        self._first_audio_ms: list[float] = []
        self._reply_item: str | None = None
        self._silenced_response: str | None = None
        self._cut_items: set[str] = set()
        self._configured = False
        self._update_id = self._ids.new("event")
        self._held: list[Event] = []
        self._answer_is_due = False
        self._drain_check: asyncio.TimerHandle | None = None

    # -- life -----------------------------------------------------------------------------------------

    def start(self, source: Source | None, sink: Sink) -> None:
        """Begin, in the background."""
        self._state = State.CONNECTING
        self._sink = sink
        self._main = asyncio.get_running_loop().create_task(self._live(source, sink))

    async def stop(self) -> None:
        """End, and wait until everything is let go."""
        if self._main is not None:
            self._main.cancel()
            await asyncio.gather(self._main, return_exceptions=True)

    async def _live(self, source: Source | None, sink: Sink) -> None:
        try:
            await self._hold_conversation(source, sink)
        except asyncio.CancelledError:
            self._state = State.STOPPED
        except Exception as group:  # noqa: BLE001 - nobody awaits this task: every end must reach the user here
            error = _first_error(group)
            fault = SessionError(f"The session failed: {error!r}.", "Please report this as a bug.")
            self._fail(error if isinstance(error, WorkshopError) else fault)
        finally:
            try:
                sink.close()
            except Exception as error:  # noqa: BLE001 - whoever waits must be told all the same
                self.problems.append(f"The sink could not be closed: {error!r}")
            for timer in (self._timer, self._drain_check):
                if timer is not None:
                    timer.cancel()
            self._changed()
            for _, future in self._waiters:
                if not future.done():
                    future.set_exception(self.error or _stopped())
            self._waiters.clear()
            for _, retrieval in self._retrievals.values():
                if not retrieval.done():
                    retrieval.set_exception(self.error or _stopped())

    def _fail(self, error: WorkshopError) -> None:
        self._state = State.FAILED
        self.error = error

    async def _hold_conversation(self, source: Source | None, sink: Sink) -> None:
        async with self._service as service:
            sink.open()
            if self._summariser is None:
                self._summariser = service.summariser(self._style)
            line = await service.connect()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._receive(line))
                    group.create_task(self._transmit(line))
                    await self._configure()
                    self._state = State.LISTENING
                    self._changed()
                    if source is not None:
                        group.create_task(self._upload(source))
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                await line.close()

    async def _configure(self) -> None:
        await self._await_event("session.created")
        self._outbox.send(update_session(self._config, event_id=self._update_id))
        await self._await_event("session.updated")
        self._configured = True
        for event in self._held:
            self._outbox.send(event)

    async def _await_event(self, kind: str) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited_events[kind] = future
        try:
            async with asyncio.timeout(CONNECT_PATIENCE_S):
                await future
        except TimeoutError:
            raise SessionError(
                f"The server did not send {kind!r} within {CONNECT_PATIENCE_S:.0f} seconds.", "Try again."
            ) from None

    # -- three streams --------------------------------------------------------------------------------

    async def _receive(self, line: Line) -> None:
        while True:
            try:
                frame = await line.receive()
            except LineLostError as end:
                raise closed(self._settings, end.code, self._fatal) from None
            try:
                self._on_event(decode(frame))
            except Exception as error:  # noqa: BLE001 - one frame we cannot read must not end the talk
                self.problems.append(f"The server sent something that could not be read: {error!r}")
                self._changed()

    async def _transmit(self, line: Line) -> None:
        while True:
            event = await self._outbox.take()
            try:
                frame = encode(event)
            except TypeError as error:
                self.problems.append(f"An event could not be sent, it is no valid text: {error}")
                continue
            self._note("sent", event)
            try:
                await line.send(frame)
            except LineLostError:
                return  # the receiving side knows why, and says so

    async def _upload(self, source: Source) -> None:
        chunks = source.chunks()
        try:
            async for chunk in chunks:
                if source.is_live:
                    self._outbox.offer_audio(chunk)
                else:
                    await self._outbox.put_audio(chunk)
        except WorkshopError:
            raise
        except Exception as error:
            name = type(source).__name__
            raise AudioError(
                f"The audio source {name} failed: {error!r}.", "Start again with another source."
            ) from error
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    # -- events ---------------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        self._note("received", event)
        self.conversation.apply(event)
        match event["type"]:
            case "response.output_audio.delta":
                self._play(event)
            case "input_audio_buffer.speech_started":
                self._yield_to_user()
            case "input_audio_buffer.speech_stopped":
                self._question_ended_s = self._now()
            case "response.done":
                self._on_response_done(event)
            case "conversation.item.input_audio_transcription.failed":
                reason = (event.get("error") or {}).get("message") or "no reason given"
                self.problems.append(f"The words of a turn are not known: {reason}")
            case "conversation.item.retrieved":
                self._on_retrieved(event["item"]["id"])
            case "error":
                self._on_error(event)
        if (future := self._awaited_events.get(event["type"])) is not None and not future.done():
            future.set_result(None)
        self._carry_out(self._compactor.apply(event, self.conversation, self._now()))
        self._answer_if_due()
        self._changed()

    def _play(self, event: Event) -> None:
        if self.conversation.find(event["item_id"]) is None:
            return  # outside the conversation
        if event["response_id"] == self._silenced_response:
            self._cut(event["item_id"])  # interrupted before its first sound was here
            return
        if self._question_ended_s is not None:
            self._first_audio_ms.append((self._now() - self._question_ended_s) * 1000)
            self._question_ended_s = None
        self._reply_item = event["item_id"]
        assert self._sink is not None
        self._sink.play(event["item_id"], base64_to_pcm(event["delta"]))

    def _yield_to_user(self) -> None:
        """Barge-in (reference §3.5): fall silent, truncate at what was heard. The server cancels by itself."""
        if not self.conversation.interrupts_replies:
            return
        assert self._sink is not None
        cut = list(self._sink.head.queued_items)
        if self.conversation.active_response_id is not None:
            self._silenced_response = self.conversation.active_response_id
            if self._reply_item is not None:
                cut.append(self._reply_item)
        self._sink.flush()
        for item_id in cut:
            self._cut(item_id)
        self._reply_item = None

    def _cut(self, item_id: str) -> None:
        """Tell the server, once, how much of a reply was heard."""
        assert self._sink is not None
        if item_id not in self._cut_items:
            self._cut_items.add(item_id)
            heard_ms = self._sink.head.heard_ms(item_id)
            self._send(truncate_item(item_id, heard_ms, event_id=self._ids.new("event")))

    def _on_response_done(self, event: Event) -> None:
        self._reply_item = None
        response = event["response"]
        if response["status"] in {"failed", "incomplete"}:
            details = response.get("status_details") or {}
            reason = (details.get("error") or {}).get("message") or details.get("reason") or "no reason given"
            self.problems.append(f"A response ended as {response['status']}: {reason}")

    def _on_error(self, event: Event) -> None:
        error = event["error"]
        _, retrieval = self._retrievals.get(error.get("event_id"), (None, None))
        if retrieval is not None and not retrieval.done():
            retrieval.set_result(False)
        match classify_error(error.get("code")):
            case ErrorKind.FATAL:
                self._fatal = event
            case ErrorKind.REFUSED:
                self.problems.append(refused(error))
        awaited = self._awaited_events.get("session.updated")
        if awaited is not None and not awaited.done() and error.get("event_id") == self._update_id:
            awaited.set_exception(SessionError(f"{refused(error)}", "Change the session's settings and start again."))

    # -- memory ---------------------------------------------------------------------------------------

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(event):
                    self._send(event)
                case Write(request):
                    self._spawn(self._summarise(request))
                case Assume(event):
                    self.conversation.apply(event)
                    self._carry_out(self._compactor.apply(event, self.conversation, self._now()))
                case Problem(message):
                    self.problems.append(message)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (due_s := self._compactor.next_deadline_s) is not None:
            self._timer = asyncio.get_running_loop().call_at(due_s, self._on_timer)

    def _on_timer(self) -> None:
        self._carry_out(self._compactor.advance(self.conversation, self._now()))
        self._changed()

    async def _summarise(self, request: SummaryRequest) -> None:
        assert self._summariser is not None
        try:
            answer = await self._summariser(request)
        except Exception as error:  # noqa: BLE001 - whatever a summariser raises, the conversation goes on
            effects = self._compactor.summary_failed(str(error) or type(error).__name__)
        else:
            written = Written(answer) if isinstance(answer, str) else answer
            effects = self._compactor.summary_written(written.text, self.conversation, self._now())
        self._carry_out(effects)
        self._changed()

    def summarise_now(self) -> None:
        """Summarise without waiting for the trigger."""
        self._carry_out(self._compactor.summarise_now(self.conversation, self._now()))
        self._changed()

    # -- doing ----------------------------------------------------------------------------------------

    def say_text(self, text: str) -> None:
        """Send a typed user turn and ask for a response."""
        self._send(create_item(user_text(text, item_id=self._ids.new("item")), event_id=self._ids.new("event")))
        self._answer_is_due = True
        self._answer_if_due()

    def _answer_if_due(self) -> None:
        """Ask for a response once no other runs: the server would refuse a second one (reference §2.4)."""
        if self._answer_is_due and self.conversation.is_quiet:
            self._answer_is_due = False
            self._question_ended_s = self._now()
            self._send(create_response(event_id=self._ids.new("event")))

    async def check_items(self) -> frozenset[str]:
        """Ask the server for every item believed to be there; the ids of those it really has.

        Each answer carries the item's whole audio: a check for the end of a conversation, not for its middle.
        """
        found = set()
        for item_id in self.conversation.item_ids:
            event_id = self._ids.new("event")
            future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._retrievals[event_id] = (item_id, future)
            self._send(retrieve_item(item_id, event_id=event_id))
            try:
                async with asyncio.timeout(CONNECT_PATIENCE_S):
                    if await future:
                        found.add(item_id)
            finally:
                del self._retrievals[event_id]
        return frozenset(found)

    def _on_retrieved(self, item_id: str) -> None:
        for wanted, future in self._retrievals.values():
            if wanted == item_id and not future.done():
                future.set_result(True)

    def _send(self, event: Event) -> None:
        self.conversation.note_sent(event)
        if self._configured:
            self._outbox.send(event)
        else:
            self._held.append(event)  # nothing overtakes the session's configuration

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _note(self, direction: Literal["sent", "received"], event: Event) -> None:
        if self._trace is None:
            return
        try:
            self._trace(direction, event, self._now())
        except Exception as error:  # noqa: BLE001 - the caller's function must not end the talk
            self._trace = None
            self.problems.append(f"The trace was switched off, it failed: {error!r}")

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    # -- looking --------------------------------------------------------------------------------------

    def wait_for(self, condition: Callable[[Snapshot], bool]) -> asyncio.Future[Snapshot]:
        """A future that gets the first snapshot for which `condition` holds."""
        future: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        if self._state in {State.STOPPED, State.FAILED}:
            self._try(condition, future, self.snapshot())
            if not future.done():
                future.set_exception(self.error or _stopped())
        else:
            self._waiters.append((condition, future))
            self._changed()
        return future

    def _changed(self) -> None:
        self._version += 1
        if not self._waiters:
            return
        now = self.snapshot()
        for waiter in list(self._waiters):
            condition, future = waiter
            self._try(condition, future, now)
            if future.done():
                self._waiters.remove(waiter)
        if self._drain_check is not None:
            self._drain_check.cancel()
            self._drain_check = None
        if self._waiters and self._sink is not None and (left_ms := self._sink.head.queued_ms):
            # no event tells that the last sound was played
            self._drain_check = asyncio.get_running_loop().call_later(left_ms / 1000, self._changed)

    @staticmethod
    def _try(condition: Callable[[Snapshot], bool], future: asyncio.Future[Snapshot], now: Snapshot) -> None:
        try:
            if not future.done() and condition(now):
                future.set_result(now)
        except StopIteration as error:  # a future cannot carry this one
            future.set_exception(RuntimeError(f"The condition raised {error!r}."))
        except Exception as error:  # noqa: BLE001 - the condition is the caller's: so is its error
            future.set_exception(error)

    def snapshot(self) -> Snapshot:
        """The session as it is now."""
        conversation, ledger = self.conversation, self.conversation.ledger
        playing = self._sink is not None and self._sink.head.queued_ms > 0
        prices = PRICES.get(self._settings.model)
        summaries = self._compactor.records
        return Snapshot(
            version=self._version,
            state=self._state_in_words(playing),
            is_quiet=conversation.is_quiet and not playing,
            is_summarising=self._compactor.phase is not Phase.IDLE,
            turns=conversation.all_turns,
            items=conversation.items,
            summaries=FrozenView(summaries, shared=len(summaries) - 1),  # only the newest still changes
            responses=FrozenView(ledger.entries),
            total=ledger.total,
            window_tokens=ledger.window_tokens,
            cost_usd=None if prices is None else cost_usd(ledger.total, prices),
            first_audio_ms=FrozenView(self._first_audio_ms),
            dropped_chunks=self._outbox.dropped_chunks,
            problems=FrozenView(self.problems),
            error=self.error,
        )

    def _state_in_words(self, playing: bool) -> State:
        if self._state is not State.LISTENING:
            return self._state
        if self.conversation.user_is_speaking:
            return State.HEARING
        if playing or self._reply_item is not None:
            return State.SPEAKING
        return State.LISTENING if self.conversation.is_quiet else State.THINKING


def _first_error(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def _stopped() -> SessionError:
    return SessionError("The session was stopped.", "Start it again with session.start(...).")
