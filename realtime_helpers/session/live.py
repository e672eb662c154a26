"""One live conversation on the background loop: where connection, state, memory and audio meet.

Everything here runs on one loop, so nothing needs a lock. No policy, no parsing, no widget code.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from ..audio.sinks import Sink
from ..audio.sources import Source
from ..conversation import Conversation, FrozenView, Transcript, Usage, cost_usd, find_prices, summary_usd
from ..errors import AudioError, SessionError, WorkshopError
from ..memory import (
    Assume,
    CarefulSummariser,
    Compactor,
    Effect,
    Hear,
    OutOfBandSummariser,
    Phase,
    Problem,
    Send,
    Summariser,
    SummaryError,
    SummaryPolicy,
    SummaryRequest,
    SummaryStyle,
    Write,
    hear,
)
from ..protocol import (
    ErrorKind,
    Event,
    IdMint,
    append_audio,
    classify_error,
    create_item,
    create_response,
    decode,
    encode,
    truncate_item,
    update_session,
    user_text,
)
from ..settings import Settings
from .failures import closed, is_worth_another_line, refused
from .outbox import Outbox
from .questions import PATIENCE_S, Questions
from .replies import Replies
from .restore import Restoration, what_remains
from .service import Line, LineLostError, Service, Writer
from .snapshot import Snapshot, State
from .uploads import Uploads
from .watchers import Condition, Watchers

Trace = Callable[[Literal["sent", "received"], Event, float], None]
"""Called for every event both ways with the session's clock in seconds. It must return at once."""

TRANSCRIPT_PATIENCE_S = 15.0
"""How long the words of a turn may take; then they count as failed, and are used all the same when they come."""
_LIVE_UNHEARD_MS = 2_000
_MAX_CREATE_ATTEMPTS = 5
_RENEWAL_MARGIN_S = 120.0
_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
_TRANSCRIPTION_FAILED = "conversation.item.input_audio_transcription.failed"


@dataclass(frozen=True)
class Reconnect:
    """How a lost connection is made again.

    Attributes:
        attempts: Tries until the session gives up.
        first_wait_s: Before the second try; it doubles with each.
        longest_wait_s: Longest wait between two tries.
    """

    attempts: int = 6
    first_wait_s: float = 0.5
    longest_wait_s: float = 8.0


class _RenewalDueError(Exception):
    """The session's hour is almost up, and nobody speaks: a good moment for a new connection."""


@dataclass
class _Typed:
    """A typed turn that the server has not acknowledged."""

    item: dict[str, Any]
    event_id: str
    attempts: int = 1


class LiveSession:
    """The inside of `RealtimeSession`; see there for the arguments."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        config: dict[str, Any],
        memory: SummaryPolicy | None = None,
        style: SummaryStyle | None = None,
        summariser: Summariser | Writer = "chat",
        trace: Trace | None = None,
        reconnect: Reconnect | None = None,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self.conversation = Conversation()
        self.problems: list[str] = []
        self.error: WorkshopError | None = None
        self._service = service
        self._settings = settings
        self._config = config
        self._style = style or SummaryStyle()
        self._summariser = summariser
        self._trace = trace
        self._reconnect = reconnect
        self._clock = clock
        self._rng = rng or random.Random()
        self._ids = IdMint(clock, self._rng)
        self._questions = Questions(self._send_now, self._ids.new)
        self._compactor = Compactor(memory, self._ids.new, can_hear=True, playing=lambda: self._playing)
        self._outbox = Outbox()
        self._uploads = Uploads()
        self._sink: Sink | None = None
        self._replies: Replies | None = None
        self._watchers = Watchers()
        self._state = State.NEW
        self._version = 0
        self._awaited_events: dict[str, asyncio.Future[None]] = {}
        self._update_id = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._main: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._drain_check: asyncio.TimerHandle | None = None
        self._words_due: dict[str, asyncio.TimerHandle] = {}
        self._fatal: Event | None = None
        self._is_ready = False
        self._typed: dict[str, _Typed] = {}
        self._answer_is_due = False
        self._reply_is_owed = False
        self._restorations: list[Restoration] = []
        self._summaries_usd = 0.0
        self._summaries_are_priced = True

    # -- life -----------------------------------------------------------------------------------------

    def start(self, source: Source | None, sink: Sink) -> None:
        """Begin, in the background."""
        self._state = State.CONNECTING
        self._sink = sink
        self._replies = Replies(sink, self.conversation, self._truncate, self._now)
        if source is not None and source.is_live:
            self._uploads = Uploads(_LIVE_UNHEARD_MS)
        self._main = asyncio.get_running_loop().create_task(self._live(source, sink))

    async def stop(self) -> None:
        """End, and wait until everything is let go."""
        if self._main is not None:
            self._main.cancel()
            await asyncio.gather(self._main, return_exceptions=True)

    async def _live(self, source: Source | None, sink: Sink) -> None:
        try:
            async with self._service as service:
                sink.open()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._stay_connected(service, source, group))
        except asyncio.CancelledError:
            self._state = State.STOPPED
        except Exception as group:  # noqa: BLE001 - nobody awaits this task: every end must reach the user here
            error = _first_error(group)
            fault = SessionError(f"The session failed: {error!r}.", "Please report this as a bug.")
            self._state = State.FAILED
            self.error = error if isinstance(error, WorkshopError) else fault
        finally:
            try:
                sink.close()
            except Exception as error:  # noqa: BLE001 - whoever waits must be told all the same
                self.problems.append(f"The sink could not be closed: {error!r}")
            for timer in (self._timer, self._drain_check):
                if timer is not None:
                    timer.cancel()
            self._changed()
            self._watchers.end(self.error or _stopped())

    async def _stay_connected(self, service: Service, source: Source | None, group: asyncio.TaskGroup) -> None:
        end = await self._hold(await service.connect(), lambda: self._begin(source, group))
        while True:
            if self._reconnect is None or not is_worth_another_line(end.code, self._fatal):
                raise closed(self._settings, end.code, self._fatal)
            reason = end.reason or closed(self._settings, end.code, self._fatal).what
            self._state = State.RECONNECTING
            end = await self._connect_again(service, reason)

    async def _connect_again(self, service: Service, reason: str) -> LineLostError:
        """Try until the conversation is back; returns when that line is lost too."""
        assert self._reconnect is not None
        restored = False

        async def begin() -> None:
            nonlocal restored
            await self._restore(reason)
            restored = True

        tries = AsyncRetrying(
            stop=stop_after_attempt(self._reconnect.attempts),
            wait=wait_exponential(self._reconnect.first_wait_s, self._reconnect.longest_wait_s),
            retry=retry_if_exception(_is_worth_another_try),
            reraise=True,
        )
        try:
            async for attempt in tries:
                with attempt:
                    self._forget_line()
                    end = await self._hold(await service.connect(), begin)
                    if restored:
                        return end
                    failure = closed(self._settings, end.code, self._fatal)
                    raise failure if is_worth_another_line(end.code, self._fatal) else _HopelessError(failure)
        except Exception as group:  # noqa: BLE001 - whatever it was, the user is told that it was a lost line
            error = _first_error(group)
            what, next_step = (error.what, error.next_step) if isinstance(error, WorkshopError) else (repr(error), "")
            raise SessionError(f"{reason} It could not be made again: {what}", next_step) from error
        raise AssertionError("tenacity ends with a result or an error")

    async def _hold(self, line: Line, begin: Callable[[], Coroutine[Any, Any, None]]) -> LineLostError:
        """Use a line until it is lost; how it ended."""
        end = LineLostError(1006)

        async def set_up() -> None:
            await self._configure()
            await begin()
            self._state = State.LISTENING
            self._changed()
            await self._renewal()

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(set_up())  # first: it must be waiting when the server greets
                group.create_task(self._receive(line))
                group.create_task(self._transmit(line))
        except* LineLostError as lost:
            end = next(error for error in lost.exceptions if isinstance(error, LineLostError))
        except* _RenewalDueError:
            end = LineLostError(1001, "The session came near the end of its longest duration.")
        finally:
            await self._let_go(line)
        return end

    async def _let_go(self, line: Line) -> None:
        """End what depends on a line that is of no use any more."""
        self._is_ready = False
        self._questions.end(SessionError("The connection was lost.", "The session connects again by itself."))
        for item_id in list(self._words_due):
            self._stop_waiting_for_words(item_id)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._compactor.line_lost()
        await line.close()

    def _forget_line(self) -> None:
        """A new conversation will be empty. What was said is kept, and what was asked for is still owed."""
        conversation = self.conversation
        if conversation.reply_is_due:
            self._reply_is_owed = True
            self._answer_is_due |= not conversation.user_is_speaking  # the end of speech asks for one by itself
        conversation.line_lost()
        assert self._replies is not None
        self._replies.line_lost()
        self._outbox.hold_audio()
        self._fatal = None
        self._changed()

    # -- setting up -----------------------------------------------------------------------------------

    async def _begin(self, source: Source | None, group: asyncio.TaskGroup) -> None:
        self._become_ready()
        if source is not None:
            group.create_task(self._upload(source))

    def _become_ready(self, unheard: bytes = b"") -> None:
        self._is_ready = True
        self._reply_is_owed = False
        for typed in self._typed.values():
            self._send_now(create_item(typed.item, event_id=typed.event_id))
        self._outbox.release_audio(unheard)
        self._answer_if_due()

    async def _configure(self) -> None:
        await self._await_event("session.created")
        self._update_id = self._ids.new("event")
        self._outbox.send(update_session(self._config, event_id=self._update_id))
        await self._await_event("session.updated")

    async def _restore(self, reason: str) -> None:
        """Tell an empty conversation what was said before (reference §7.5): memory first, the microphone last."""
        remains = what_remains(
            self.conversation, self._compactor.records, self._uploads.clips, reason, is_answered=not self._reply_is_owed
        )
        after: str | None = None
        memory = self._compactor.carry_over(remains.words, self.conversation)
        items = [memory["item"]] if memory is not None else []
        for item in (*items, *remains.items):
            await self._put_back(item, after)
            after = item["id"]
        self._restorations.append(remains.account)
        if remains.account.lost:
            self.problems.append(
                f"The words of {remains.account.lost} turn(s) were not known when the connection was lost."
            )
        self._become_ready(self._uploads.line_lost())

    async def _put_back(self, item: dict[str, Any], after: str | None) -> None:
        for attempt in range(1, _MAX_CREATE_ATTEMPTS + 1):
            try:
                return await self._questions.create(item, after or "root")
            except SessionError:
                if attempt == _MAX_CREATE_ATTEMPTS:
                    raise
        return None

    async def _await_event(self, kind: str) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited_events[kind] = future
        try:
            async with asyncio.timeout(PATIENCE_S):
                await future
        except TimeoutError:
            raise SessionError(
                f"The server did not send {kind!r} within {PATIENCE_S:.0f} seconds.", "Try again."
            ) from None

    async def _renewal(self) -> None:
        """Wait until the session's life is almost over and nobody speaks. It cannot be made longer (reference §1.3).

        Raises:
            _RenewalDueError: Now is the time.
        """
        expires_at = self.conversation.session.get("expires_at")
        if self._reconnect is None or not expires_at:
            return
        life_s = max(0.0, expires_at - self._clock())
        await asyncio.sleep(life_s - min(_RENEWAL_MARGIN_S, life_s / 10))
        await self.wait_for(lambda now: now.is_quiet and not now.is_summarising)
        raise _RenewalDueError

    # -- three streams --------------------------------------------------------------------------------

    async def _receive(self, line: Line) -> None:
        while True:
            frame = await line.receive()
            try:
                self._on_event(decode(frame))
            except Exception as error:  # noqa: BLE001 - one frame we cannot read must not end the talk
                self.problems.append(f"The server sent something that could not be read: {error!r}")
                self._changed()

    async def _transmit(self, line: Line) -> None:
        while True:
            event = await self._outbox.take()
            if isinstance(event, bytes):
                self._uploads.sent(event)
                event = append_audio(event)
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
        self._take_in(event)
        self._answer_if_due()
        self._changed()

    def _take_in(self, event: Event) -> None:
        self.conversation.apply(event)
        self._uploads.apply(event)
        assert self._replies is not None
        self._replies.apply(event)
        match event["type"]:
            case "conversation.item.added":
                self._on_added(event["item"]["id"])
            case "response.done":
                self._on_response_done(event["response"])
            case kind if kind == _TRANSCRIBED:
                self._stop_waiting_for_words(event["item_id"])
            case kind if kind == _TRANSCRIPTION_FAILED:
                self._stop_waiting_for_words(event["item_id"])
                reason = (event.get("error") or {}).get("message") or "no reason given"
                self.problems.append(f"The words of a turn are not known: {reason}")
            case "error":
                self._on_error(event)
        self._questions.apply(event)
        if (future := self._awaited_events.get(event["type"])) is not None and not future.done():
            future.set_result(None)
        self._carry_out(self._compactor.apply(event, self.conversation, self._now()))

    def _on_added(self, item_id: str) -> None:
        self._typed.pop(item_id, None)
        item = self.conversation.find(item_id)
        if item is not None and item.transcript is Transcript.PENDING:
            loop = asyncio.get_running_loop()
            self._words_due[item_id] = loop.call_later(TRANSCRIPT_PATIENCE_S, self._give_up_words, item_id)

    def _give_up_words(self, item_id: str) -> None:
        """No wait for a transcript is for ever."""
        error = {"message": f"no transcript came within {TRANSCRIPT_PATIENCE_S:.0f} seconds"}
        self._take_in({"type": _TRANSCRIPTION_FAILED, "item_id": item_id, "content_index": 0, "error": error})
        self._changed()

    def _stop_waiting_for_words(self, item_id: str) -> None:
        if (timer := self._words_due.pop(item_id, None)) is not None:
            timer.cancel()

    def _on_response_done(self, response: dict[str, Any]) -> None:
        if response["status"] in {"failed", "incomplete"}:
            details = response.get("status_details") or {}
            reason = (details.get("error") or {}).get("message") or details.get("reason") or "no reason given"
            self.problems.append(f"A response ended as {response['status']}: {reason}")

    def _on_error(self, event: Event) -> None:
        error = event["error"]
        typed = next((t for t in self._typed.values() if t.event_id == error.get("event_id")), None)
        if typed is not None:
            self._type_again(typed, error)
            return
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
                case Hear(item_id):
                    self._spawn(self._hear(item_id))
                case Write(request):
                    self._spawn(self._summarise(request))
                case Assume(event):
                    self._take_in(event)
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

    async def _hear(self, item_id: str) -> None:
        words: str | None = None
        try:
            words = await hear(self._questions.ask, item_id)
        except (WorkshopError, TimeoutError) as error:
            self.problems.append(f"A turn without transcript could not be put into words: {error}")
        self._carry_out(self._compactor.heard(item_id, words, self.conversation, self._now()))
        self._changed()

    async def _summarise(self, request: SummaryRequest) -> None:
        try:
            written = await CarefulSummariser(self._writer(), self._style, rng=self._rng)(request)
        except SummaryError as error:
            self._bill(error.usage, self._settings.summary_model)
            effects = self._compactor.summary_failed(error.what)
        else:
            self._bill(written.usage, written.model)
            effects = self._compactor.summary_written(written, self.conversation, self._now())
        self._carry_out(effects)
        self._changed()

    def _writer(self) -> Summariser:
        match self._summariser:
            case "out_of_band":
                return OutOfBandSummariser(self._questions.ask, self._style, self._settings.model)
            case "chat" | "responses" as kind:
                return self._service.summariser(self._style, kind)
            case own:
                return own

    def _bill(self, usage: Usage, model: str | None) -> None:
        """Add what a writer took. What the live model writes is in the ledger already."""
        if model is None or not usage.input_tokens or find_prices(model) is not None:
            return
        usd = summary_usd(usage, model)
        if usd is None:
            self._summaries_are_priced = False
        else:
            self._summaries_usd += usd

    def summarise_now(self) -> None:
        """Summarise without waiting for the trigger."""
        self._carry_out(self._compactor.summarise_now(self.conversation, self._now()))
        self._changed()

    def undo_summary(self) -> None:
        """Put the words of the turns behind the latest summary back in its place."""
        self._carry_out(self._compactor.undo(self.conversation, self._now()))
        self._changed()

    def set_memory(self, policy: SummaryPolicy | None) -> None:
        """Use another policy from now on."""
        self._carry_out(self._compactor.set_policy(policy, self.conversation, self._now()))
        self._changed()

    def set_style(self, style: SummaryStyle) -> None:
        """Have the next summaries written in another style."""
        self._style = style

    @property
    def ask(self) -> Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]:
        """Asks for a response outside of the conversation: see `memory.AskOutOfBand`."""
        return self._questions.ask

    # -- doing ----------------------------------------------------------------------------------------

    def say_text(self, text: str) -> None:
        """Send a typed user turn and ask for a response."""
        item = user_text(text, item_id=self._ids.new("item"))
        typed = _Typed(item, self._ids.new("event"))
        self._typed[item["id"]] = typed
        if self._is_ready:
            self._send_now(create_item(item, event_id=typed.event_id))
        self._answer_is_due = True
        self._answer_if_due()

    def _type_again(self, typed: _Typed, error: dict[str, Any]) -> None:
        item_id = typed.item["id"]
        if classify_error(error.get("code")) is ErrorKind.BENIGN:
            del self._typed[item_id]  # the id is ours alone: an earlier try arrived
        elif typed.attempts >= _MAX_CREATE_ATTEMPTS:
            del self._typed[item_id]
            self.problems.append(f"What you typed was not accepted. {refused(error)}")
        else:
            typed.attempts += 1
            self._answer_is_due = True  # the answer that was asked for with it does not know it
            self._send_now(create_item(typed.item, event_id=typed.event_id))

    def _answer_if_due(self) -> None:
        """Ask for a response once no other runs: the server would refuse a second one (reference §2.4)."""
        if self._answer_is_due and self._is_ready and self.conversation.is_quiet:
            self._answer_is_due = False
            assert self._replies is not None
            self._replies.question_ended()
            self._send_now(create_response(event_id=self._ids.new("event")))

    def _truncate(self, item_id: str, heard_ms: int) -> None:
        self._send(truncate_item(item_id, heard_ms, event_id=self._ids.new("event")))

    async def check_items(self) -> frozenset[str]:
        """Ask the server for every item believed to be there; the ids of those it really has.

        Each answer carries the item's whole audio: a check for the end of a conversation, not for its middle.
        """
        ids = self.conversation.item_ids
        return frozenset([item_id for item_id in ids if await self._questions.has_item(item_id)])

    def _send(self, event: Event) -> None:
        """Send an event that concerns the conversation as it stands; pointless while there is none."""
        if self._is_ready:
            self._send_now(event)

    def _send_now(self, event: Event) -> None:
        self.conversation.note_sent(event)
        self._outbox.send(event)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
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

    def wait_for(self, condition: Condition) -> asyncio.Future[Snapshot]:
        """A future that gets the first snapshot for which `condition` holds."""
        future = self._watchers.add(condition)
        if self._state in {State.STOPPED, State.FAILED}:
            self._watchers.look(self.snapshot())
            self._watchers.end(self.error or _stopped())
        else:
            self._changed()
        return future

    def _changed(self) -> None:
        self._version += 1
        if not self._watchers:
            return
        self._watchers.look(self.snapshot())
        if self._drain_check is not None:
            self._drain_check.cancel()
            self._drain_check = None
        if self._watchers and self._replies is not None and (left_ms := self._replies.queued_ms):
            # no event tells that the last sound was played
            self._drain_check = asyncio.get_running_loop().call_later(left_ms / 1000, self._changed)

    @property
    def _playing(self) -> tuple[str, ...]:
        return self._replies.playing if self._replies is not None else ()

    def snapshot(self) -> Snapshot:
        """The session as it is now."""
        conversation, ledger = self.conversation, self.conversation.ledger
        playing = self._replies is not None and self._replies.queued_ms > 0
        prices = find_prices(self._settings.model)
        summaries = self._compactor.records
        return Snapshot(
            version=self._version,
            state=self._state_in_words(),
            is_quiet=conversation.is_quiet and not playing and self._is_ready and not self._answer_is_due,
            is_summarising=self._compactor.phase is not Phase.IDLE,
            turns=conversation.all_turns,
            items=conversation.items,
            summaries=FrozenView(summaries, shared=len(summaries) - 1),  # only the newest still changes
            responses=FrozenView(ledger.entries),
            total=ledger.total,
            window_tokens=ledger.window_tokens,
            cache_hit_rate=ledger.hit_rate,
            cost_usd=None if prices is None else cost_usd(ledger.total, prices),
            summaries_usd=self._summaries_usd if self._summaries_are_priced else None,
            first_audio_ms=FrozenView(self._replies.first_audio_ms if self._replies else []),
            dropped_chunks=self._outbox.dropped_chunks,
            problems=FrozenView(self.problems),
            restorations=FrozenView(self._restorations),
            error=self.error,
        )

    def _state_in_words(self) -> State:
        if self._state is not State.LISTENING:
            return self._state
        if self.conversation.user_is_speaking:
            return State.HEARING
        if self._replies is not None and self._replies.is_speaking:
            return State.SPEAKING
        return State.LISTENING if self.conversation.is_quiet else State.THINKING


class _HopelessError(WorkshopError):
    """Another try would end the same way."""

    def __init__(self, error: WorkshopError) -> None:
        super().__init__(error.what, error.next_step)


def _is_worth_another_try(error: BaseException) -> bool:
    return isinstance(error, Exception) and not isinstance(error, _HopelessError)  # a stop is no failure


def _first_error(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def _stopped() -> SessionError:
    return SessionError("The session was stopped.", "Start it again with session.start(...).")
