"""One live conversation on the background loop: where connection, state, memory and audio meet.

Everything here runs on one loop, so nothing needs a lock. No policy, no parsing, no widget code.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from tenacity import AsyncRetrying, RetryCallState

from ..audio.formats import AUDIO_FORMATS, PCM16, AudioFormat
from ..audio.sinks import Sink
from ..audio.sources import Source
from ..conversation import Captions, Conversation, FrozenView, Transcript, cost_usd, find_prices
from ..errors import AudioError, SessionError, WorkshopError
from ..memory import Summariser, SummaryPolicy, SummaryStyle
from ..options import SessionOptions
from ..protocol import (
    ErrorKind,
    Event,
    IdMint,
    append_audio,
    cancel_response,
    classify_error,
    decode,
    encode,
    truncate_item,
    user_audio,
    user_text,
)
from ..runtime import prompt_threads
from ..settings import Settings
from ..tools import Toolbox
from ..tracing import Trace
from .answers import Answers
from .at_exit import stopped_at_exit
from .calls import Calls
from .configuring import Configuring
from .ears import Ears
from .echo_guard import EchoGuard
from .failures import HopelessError, closed, refused
from .latency import LatencyMeter
from .listening import Listening
from .memory_work import Hands, MemoryWork
from .observers import Observers
from .outbox import Outbox
from .push_to_talk import TalkActions, TalkButton
from .questions import PATIENCE_S, Questions, RefusedError
from .reconnect import Reconnect
from .replies import Replies, ReplyActions
from .restore import Restoration, what_remains
from .service import Line, LineLostError, Service, Writer, round_trips
from .snapshot import Snapshot, State
from .uploads import Uploads, detects_turns
from .views import Views
from .watchers import Condition, Watchers
from .whole_turns import WholeTurns
from .words_due import WordsDue

_MAX_CREATE_ATTEMPTS = 5
_LIVED_S = 10.0
"""A line that lasted this long was a good one: what comes after its loss is a new start, not one more failure."""
_LOOK_WHILE_SOUNDING_S = 0.1
_RENEWAL_MARGIN_S = 120.0
_LEAST_LIFE_S = 300.0
"""A session that seems to have less left has a strange clock on one of its sides."""
_MORE_OF_A_REPLY = frozenset(
    {"response.output_audio.delta", "response.output_audio_transcript.delta", "response.output_text.delta"}
)


class _RenewalDueError(Exception):
    """The session's hour is almost up, and nobody speaks: a good moment for a new connection."""


class _LineEndedError(SessionError):
    """A line that worked was lost."""


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
        traces: list[Trace] | None = None,
        reconnect: Reconnect | None = None,
        echo_guard: EchoGuard | None = None,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        toolbox: Toolbox | None = None,
        *,
        options: SessionOptions,
        views: Views | None = None,
        ears: Ears | None = None,
    ) -> None:
        self.conversation = Conversation()
        self.problems: list[str] = []
        self._told_last = ""
        self.error: WorkshopError | None = None
        self._service = service
        self._settings = settings
        toolbox = toolbox or Toolbox()
        self._observers = Observers([] if traces is None else traces, self._now, self.tell)
        self._meter = LatencyMeter(self.conversation, self._now, self._observers.note)
        self._captions = Captions(self.conversation, self._heard_ms)
        self._reconnect = reconnect
        self._clock = clock
        self._rng = rng or random.Random()
        self._ids = IdMint(clock, self._rng)
        self._outbox = Outbox()
        self._outbox.hold_audio()
        self._configuring = Configuring(
            options, settings, toolbox.declared_in(config), self.conversation, self._send_now, self._ids.new,
            lambda: self._is_ready, self.tell, self._changed,
        )  # fmt: skip
        self.input_format = _input_format(self._configuring.wire)
        self._uploads = Uploads(self.input_format.bytes_per_ms)
        self._ears = ears or Ears()
        self._listening = Listening(
            self._outbox, self.input_format, echo_guard, lambda: self.sounds, self.tell,
            lambda pcm: self._ears.hear("user", pcm, self.tell),
        )  # fmt: skip
        self._questions = Questions(self._send_now, self._ids.new, lambda: self._is_ready)
        self._calls = Calls(
            self.conversation, toolbox, self._send_now, lambda: self._is_ready, self._ids.new, self.tell,
            self._went_on, lambda response_id: self._replies is not None and self._replies.is_silenced(response_id),
        )  # fmt: skip
        self._whole_turns = WholeTurns(self._send_now, lambda: self._is_ready, self._ids.new, self.tell)
        self._answers = Answers(
            self.conversation, self._calls, self._whole_turns, lambda: self._replies, lambda: self._is_ready,
            self._send_now, self._ids.new,
        )  # fmt: skip
        self._talk = TalkButton(
            detects_turns(self._configuring.wire), self._listening, self._outbox, self.conversation, self._ids.new,
            TalkActions(self._silence_reply, self._answers.ask, self.tell, self._went_on),
            lambda: self._configuring.will_detect,
        )  # fmt: skip
        hands = Hands(self._send, self._take_in, self.tell, self._changed, self._questions.ask, lambda: self._playing)
        self._memory = MemoryWork(
            self.conversation, memory, style or SummaryStyle(), summariser, service, settings, hands, self._ids.new,
            self._rng,
        )  # fmt: skip
        self._replies: Replies | None = None
        self._watchers = Watchers()
        self._views = views or Views()
        self._state = State.NEW
        self._version = 0
        self._awaited_events: dict[str, asyncio.Future[None]] = {}
        self._main: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._next_look: asyncio.TimerHandle | None = None
        self._words_due = WordsDue(lambda: self._configuring.transcribes, self._give_up_words)
        self._fatal: Event | None = None
        self._opened = asyncio.Event()
        self._is_ready = False
        self._failures = 0
        self._lost_because: str | None = None
        self._restorations: list[Restoration] = []

    # -- life -----------------------------------------------------------------------------------------

    def start(self, source: Source | None, sink: Sink) -> None:
        """Begin, in the background."""
        self._state = State.CONNECTING
        self._views.look_at(self)
        backend, model = self._settings.backend, self._settings.model
        self._observers.note({"type": "session.started", "backend": backend, "model": model})
        actions = ReplyActions(
            self._truncate, self._cancel, self.tell, self._settled, self._meter.play_to,
            lambda pcm: self._ears.hear("assistant", pcm, self.tell),
        )  # fmt: skip
        self._replies = Replies(sink, self.conversation, actions)
        self._listening.use(source)
        self._main = asyncio.get_running_loop().create_task(self._live(self._replies))

    async def stop(self) -> None:
        """End, and wait until everything is let go."""
        self._is_stopping = True
        if self._main is not None:
            self._main.cancel()
            await asyncio.gather(self._main, return_exceptions=True)
            await self._calls.ended()
        if not self._is_over:
            self._end(State.STOPPED)  # stopped before it ran

    @property
    def _is_over(self) -> bool:
        return self._state in {State.STOPPED, State.FAILED}

    async def _live(self, replies: Replies) -> None:
        state = State.STOPPED
        try:
            async with self._service as service:
                with stopped_at_exit(self.stop), prompt_threads():
                    await replies.player.open()
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._stay_connected(service))
                        group.create_task(self._listening.run(self._opened))
        except asyncio.CancelledError:
            pass
        except Exception as group:  # noqa: BLE001 - nobody awaits this task: every end must reach the user here
            if not self._is_stopping:
                state = State.FAILED
                error = _first_error(group)
                fault = SessionError(f"The session failed: {error!r}.", "Please report this as a bug.")
                self.error = error if isinstance(error, WorkshopError) else fault
        finally:
            self._talk.stop()
            replies.stop()
            self._end(state)

    def _end(self, state: State) -> None:
        self._state = state
        self._calls.end()
        self._changed()
        self._observers.note({"type": "session.ended", "error": type(self.error).__name__ if self.error else None})
        self._watchers.end(self.error or _stopped())
        if self._next_look is not None:
            self._next_look.cancel()

    async def _stay_connected(self, service: Service) -> None:
        """Hold one line after the other; ends with the error that no other try can mend."""
        tries = AsyncRetrying(
            retry=self._is_worth_another_try,
            stop=lambda _state: self._reconnect is None or self._failures >= self._reconnect.attempts,
            wait=lambda _state: self._reconnect.wait_s(self._failures, self._rng) if self._reconnect else 0.0,
            reraise=True,
        )
        try:
            async for attempt in tries:
                with attempt:
                    if self._lost_because is not None:
                        self._forget_line()
                    self._failures += 1
                    await self._hold(await service.connect())
        except (WorkshopError, ExceptionGroup) as group:
            error = _first_error(group)
            if self._lost_because is None or isinstance(error, _LineEndedError) or not isinstance(error, WorkshopError):
                raise
            what = f"{self._lost_because} It could not be made again: {error.what}"
            raise SessionError(what, error.next_step) from None

    def _is_worth_another_try(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if self._is_stopping or not isinstance(error, Exception):
            return False
        first = _first_error(error)
        if isinstance(first, HopelessError | AudioError):
            return False
        return self._lost_because is not None  # the very first connection is not tried twice

    async def _hold(self, line: Line) -> None:
        """Use a line until it is lost, and say how it ended.

        Raises:
            SessionError: It was lost.
        """
        end: LineLostError | None = None
        ready_s: float | None = None

        async def set_up() -> None:
            nonlocal ready_s
            await self._configure()
            if self._lost_because is not None:
                await self._restore(self._lost_because)
            self._become_ready()
            ready_s = self._now()
            await self._renewal()

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(set_up())  # first: it must be waiting when the server greets
                group.create_task(self._receive(line))
                group.create_task(self._transmit(line))
                group.create_task(round_trips(line, self._meter.round_trip))
        except* LineLostError as lost:
            end = next(error for error in lost.exceptions if isinstance(error, LineLostError))
        except* _RenewalDueError:
            end = LineLostError(1001, "The session came near the end of its longest duration.")
        finally:
            await self._let_go(line)
        if self._is_stopping:
            raise asyncio.CancelledError  # a loss in the same moment must not swallow it
        assert end is not None
        failure = closed(self._settings, end.code, self._fatal)
        if isinstance(failure, HopelessError):
            raise failure
        if ready_s is not None and self._now() - ready_s >= _LIVED_S:
            self._failures = 0
        self._lost_because = end.reason or failure.what
        if self._reconnect is not None:
            self._state = State.RECONNECTING
            self._changed()
        raise _LineEndedError(failure.what, failure.next_step)

    async def _let_go(self, line: Line) -> None:
        """End what depends on a line that is of no use any more."""
        self._is_ready = False
        self._configuring.line_lost()
        self._questions.end(SessionError("The connection was lost.", "The session connects again by itself."))
        self._words_due.line_lost()
        await self._memory.line_lost()
        await line.close()

    def _forget_line(self) -> None:
        """A new conversation will be empty. What was said is kept, and what was asked for is still owed."""
        assert self._replies is not None
        self._answers.line_lost()
        self.conversation.line_lost()
        self._replies.line_lost()
        self._captions.line_lost()
        self._meter.line_lost()
        self._outbox.hold_audio()
        self._fatal = None
        self._changed()

    # -- setting up -----------------------------------------------------------------------------------

    async def _configure(self) -> None:
        await self._await_event("session.created")
        self._configuring.begin()
        await self._await_event("session.updated")

    def _become_ready(self) -> None:
        self._is_ready = True
        self._answers.was_cut = False
        self._memory.compactor.back_online()
        self._calls.back_online()
        self._whole_turns.back_online()
        self._outbox.release_audio(self._talk.resume(self._uploads.line_lost()))
        self._opened.set()
        self._state = State.LISTENING
        self._configuring.advance()
        self._answers.advance()
        self._changed()

    async def _restore(self, reason: str) -> None:
        """Tell an empty conversation what was said before (reference §7.5): memory first, the microphone last."""
        compactor = self._memory.compactor
        remains = what_remains(
            self.conversation, compactor.records, self._uploads.clips, reason,
            reply_was_cut=self._answers.was_cut or self._calls.is_busy,
        )  # fmt: skip
        after = "root"
        if (memory := compactor.carry_over(remains.words, self.conversation)) is not None:
            await self._put_back(memory["item"], after)
            after = memory["item"]["id"]
        lost = remains.account.lost
        for item in remains.items:
            try:
                await self._put_back(item, after)
                after = item["id"]
            except RefusedError:
                lost += 1  # one item must not keep all others from coming back
        self._restorations.append(replace(remains.account, lost=lost))
        if lost:
            self.tell(f"After a lost connection {lost} part(s) of the conversation could not be brought back.")

    async def _put_back(self, item: dict[str, Any], after: str) -> None:
        for attempt in range(1, _MAX_CREATE_ATTEMPTS + 1):
            try:
                return await self._questions.create(item, after)
            except RefusedError:
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
        life_s = expires_at - self._clock()
        if life_s < _LEAST_LIFE_S:
            return  # its end is dealt with when it comes
        await asyncio.sleep(life_s - min(_RENEWAL_MARGIN_S, life_s / 10))
        await self.wait_for(lambda now: now.is_quiet and not now.is_summarising)
        raise _RenewalDueError

    # -- three streams --------------------------------------------------------------------------------

    async def _receive(self, line: Line) -> None:
        while True:
            frame = await line.receive()
            try:
                self._on_event(decode(frame))
            except WorkshopError:
                raise
            except Exception as error:  # noqa: BLE001 - one frame we cannot read must not end the talk
                self.tell(f"The server sent something that could not be read: {error!r}")
                self._changed()

    async def _transmit(self, line: Line) -> None:
        while True:
            taken = await self._outbox.take()
            event = taken if isinstance(taken, dict) else append_audio(taken)
            if isinstance(taken, bytes):
                self._uploads.sent(taken)
            else:
                self._uploads.note_sent(event)
                self._meter.sent(event)
                self._talk.note_sent(event)
            try:
                frame = encode(event)
            except TypeError as error:
                self.tell(f"An event could not be sent, it is no valid text: {error}")
                continue
            self._observers.saw("sent", event)
            try:
                await line.send(frame)
            except LineLostError:
                return  # the receiving side knows why, and says so
            if isinstance(taken, bytes):
                self._meter.sent_audio(taken, self.input_format.duration_ms(taken))

    # -- events ---------------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        self._observers.saw("received", event)
        self._take_in(event)
        if event["type"] in _MORE_OF_A_REPLY:
            self._changed()
        else:
            self._went_on()

    def _went_on(self) -> None:
        self._configuring.advance()
        self._answers.advance()
        self._changed()

    def _take_in(self, event: Event) -> None:
        self.conversation.apply(event)
        self._captions.apply(event)
        self._meter.received(event)
        if event["type"] in _MORE_OF_A_REPLY:
            assert self._replies is not None
            self._replies.apply(event)
            return  # most events by far, and nobody else's business
        self._calls.apply(event)
        self._configuring.apply(event)
        self._uploads.apply(event)
        assert self._replies is not None
        self._replies.apply(event)
        self._answers.apply(event)
        self._talk.apply(event)
        match event["type"]:
            case "input_audio_buffer.committed":
                self.conversation.note_speech(event["item_id"], self._uploads.length_ms(event["item_id"]))
            case "conversation.item.added":
                self._on_added(event["item"]["id"])
            case "response.done":
                self._on_response_done(event["response"])
            case "conversation.item.input_audio_transcription.completed":
                self._words_due.came(event["item_id"])
            case "conversation.item.input_audio_transcription.failed":
                self._words_due.came(event["item_id"])
                reason = (event.get("error") or {}).get("message") or "no reason given"
                self.tell(f"The words of a turn are not known: {reason}")
            case "error" if not self._calls.was_refused(event["error"]):
                self._on_error(event)
        self._questions.apply(event)
        if (future := self._awaited_events.get(event["type"])) is not None and not future.done():
            future.set_result(None)
        self._memory.apply(event)

    def _on_added(self, item_id: str) -> None:
        audio = self._whole_turns.added(item_id)
        if audio is not None:
            self._answers.ask()
        item = self.conversation.find(item_id)
        if item is not None and item.transcript is Transcript.PENDING:
            self._uploads.keep(item_id, audio or b"")
            self._words_due.expect(item_id)

    def _give_up_words(self, event: Event) -> None:
        self._take_in(event)
        self._changed()

    def _on_response_done(self, response: dict[str, Any]) -> None:
        if response["status"] in {"failed", "incomplete"}:
            details = response.get("status_details") or {}
            reason = (details.get("error") or {}).get("message") or details.get("reason") or "no reason given"
            self.tell(f"A response ended as {response['status']}: {reason}")

    def _on_error(self, event: Event) -> None:
        error = event["error"]
        if self._whole_turns.is_about(error):
            if self._whole_turns.refused(error):
                self._answers.ask()
            return
        if self._configuring.took_refusal(error):
            return
        match classify_error(error.get("code")):
            case ErrorKind.FATAL:
                self._fatal = event
            case ErrorKind.REFUSED:
                self.tell(refused(error))
        awaited = self._awaited_events.get("session.updated")
        if awaited is not None and not awaited.done() and error.get("event_id") == self._configuring.first_id:
            awaited.set_exception(SessionError(refused(error), "Change the session's settings and start again."))

    # -- memory ---------------------------------------------------------------------------------------

    def summarise_now(self) -> None:
        """Summarise without waiting for the trigger."""
        self._told_last = ""  # who asks again is answered again
        self._memory.summarise_now()
        self._changed()

    def undo_summary(self) -> None:
        """Put the words of the turns behind the latest summary back in its place."""
        self._told_last = ""
        self._memory.undo()
        self._changed()

    def set_memory(self, policy: SummaryPolicy | None) -> None:
        """Use another policy from now on."""
        self._memory.set_policy(policy)
        self._changed()

    def set_style(self, style: SummaryStyle) -> None:
        """Have the next summaries written in another style."""
        self._memory.style = style
        self._changed()

    @property
    def ask(self) -> Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]:
        """Asks for a response outside of the conversation: see `memory.AskOutOfBand`."""
        return self._questions.ask

    # -- doing ----------------------------------------------------------------------------------------

    def set_options(self, options: SessionOptions) -> None:
        """Want other options from now on.

        Raises:
            SessionError: Something in them is locked.
            SettingsError: The model cannot do what they ask for.
        """
        self._configuring.set(options)
        self._changed()

    @property
    def wanted_options(self) -> SessionOptions:
        """The latest options that were asked for, and not refused."""
        return self._configuring.wanted

    def say_text(self, text: str) -> None:
        """Send a typed user turn and ask for a response."""
        self._whole_turns.say(user_text(text, item_id=self._ids.new("item")))
        self._changed()

    def say_audio(self, audio: bytes, transcript: str | None = None) -> None:
        """Send a recorded user turn, in the session's input format, and ask for a response."""
        self._whole_turns.say(user_audio(audio, transcript=transcript, item_id=self._ids.new("item")), audio)
        self._changed()

    def respond(self) -> None:
        """Ask for a response to what was said, unless one is due that reads all of it."""
        self._answers.respond()

    def interrupt(self) -> None:
        """Stop talking now."""
        if not self._is_over:
            self._silence_reply()
            self._answers.interrupt()
            self._changed()

    def begin_turn(self) -> None:
        """Push-to-talk: the button is pressed."""
        if not self._is_over:
            self._talk.begin()

    def end_turn(self) -> None:
        """Push-to-talk: the button is released."""
        self._talk.end()

    def mute(self, is_muted: bool) -> None:
        """Send silence instead of what the microphone records, or no longer."""
        self._listening.mute(is_muted)
        self._changed()

    def use(self, source: Source | None, sink: Sink | None) -> None:
        """Plug in another source or sink; `None` leaves the one that is there."""
        if self._is_over:
            return
        if source is not None:
            self._listening.use(source)
        if sink is not None and self._replies is not None:
            self._replies.player.use(sink)
        self._changed()

    def _silence_reply(self) -> None:
        if self._replies is not None:
            self._replies.interrupt()

    def answer_call(self, call_id: str, output: str) -> None:
        """Answer a call of a tool that was declared in the config."""
        self._calls.answer(call_id, output)

    def _truncate(self, item_id: str, heard_ms: int) -> None:
        self._send(truncate_item(item_id, heard_ms, event_id=self._ids.new("event")))

    def _cancel(self, response_id: str) -> None:
        self._send(cancel_response(response_id, event_id=self._ids.new("event")))

    def _settled(self) -> None:
        self._answers.advance()
        self._changed()

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
        self._meter.sending(event)
        self._outbox.send(event)

    def tell(self, problem: str) -> None:
        """Note a problem for the user; what repeats itself is said once."""
        if problem != self._told_last:
            self._told_last = problem
            self.problems.append(problem)
            asyncio.get_running_loop().call_soon(self._changed)  # a part may fail while nothing else happens

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    # -- looking --------------------------------------------------------------------------------------

    def wait_for(self, condition: Condition) -> asyncio.Future[Snapshot]:
        """A future that gets the first snapshot for which `condition` holds."""
        future = self._watchers.add(condition)
        if self._is_over:
            self._watchers.look(self.snapshot())
            self._watchers.end(self.error or _stopped())
        else:
            self._changed()
        return future

    def _changed(self) -> None:
        self._version += 1
        self._observers.look_at(self._memory)
        self._views.changed()
        self._look()

    def _look(self) -> None:
        if not self._watchers:
            return
        left_ms = self._replies.queued_ms if self._replies is not None else 0  # read first: sound goes on meanwhile
        self._watchers.look(self.snapshot())
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        if self._watchers and left_ms:
            # no event tells how far the sound was played, and when the last of it was
            again_s = min(left_ms / 1000, _LOOK_WHILE_SOUNDING_S)
            self._next_look = asyncio.get_running_loop().call_later(again_s, self._look)

    def _heard_ms(self, item_id: str) -> int:
        return self._replies.player.heard_ms(item_id) if self._replies is not None else 0

    @property
    def _playing(self) -> tuple[str, ...]:
        return self._replies.playing if self._replies is not None else ()

    def take_over_watchers(self, before: LiveSession) -> None:
        """Whoever waits for something of another that never ran waits for it of this one."""
        self._watchers = before._watchers

    @property
    def source(self) -> Source | None:
        """Who is listened to."""
        return None if self._is_over else self._listening.source

    @property
    def sounds(self) -> bool:
        """Whether a reply is being played."""
        return self._replies is not None and self._replies.queued_ms > 0

    def snapshot(self) -> Snapshot:
        """The session as it is now."""
        conversation, ledger = self.conversation, self.conversation.ledger
        playing = self._replies is not None and (self.sounds or not self._replies.is_settled)
        prices = find_prices(self._settings.model)
        return Snapshot(
            version=self._version,
            state=self._state_in_words(),
            is_quiet=conversation.is_quiet and not playing and self._is_ready and not self._answers.are_owed,
            is_summarising=self._memory.is_busy,
            turns=conversation.all_turns,
            items=conversation.items,
            summaries=self._memory.records,
            responses=FrozenView(ledger.entries),
            total=ledger.total,
            window_tokens=ledger.window_tokens,
            cache_hit_rate=ledger.hit_rate,
            cost_usd=None if prices is None else cost_usd(ledger.total, prices),
            summaries_usd=self._memory.usd,
            captions=self._captions.view,
            latency=self._meter.latency,
            dropped_chunks=self._outbox.dropped_chunks,
            problems=FrozenView(self.problems),
            restorations=FrozenView(self._restorations),
            options=self._configuring.in_force,
            error=self.error,
            calls=self._calls.log,
            has_unread=conversation.has_unread,
            is_muted=self._listening.is_muted,
            memory=self._memory.compactor.policy,
            style=self._memory.style,
        )

    def _state_in_words(self) -> State:
        if self._state is not State.LISTENING:
            return self._state
        if self.conversation.user_is_speaking or self.conversation.turn_is_open:
            return State.HEARING
        if self._replies is not None and self._replies.is_speaking:
            return State.SPEAKING
        is_idle = self.conversation.is_quiet and not self._answers.are_owed and not self._calls.is_busy
        return State.LISTENING if is_idle else State.THINKING


def _input_format(config: Mapping[str, Any]) -> AudioFormat:
    """The format of the user's audio; what the server would refuse counts as PCM16 until it does."""
    wire = ((config.get("audio") or {}).get("input") or {}).get("format") or {}
    return AUDIO_FORMATS.get(wire.get("type", PCM16.name), PCM16)


def _first_error(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def _stopped() -> SessionError:
    return SessionError("The session was stopped.", "Start it again with session.start(...).")
