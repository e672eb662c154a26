"""`RealtimeSession`: the same object for cells, `await` cells, callbacks and scripts."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType, UnionType
from typing import Any, Self, TypeVar, get_args

from ..audio.files import read_sound_file
from ..audio.formats import duration_ms
from ..audio.sinks import SilentSink, Sink
from ..audio.sources import Source
from ..errors import AudioError, SessionError, SettingsError
from ..memory import Summariser, SummaryPolicy, SummaryStyle
from ..options import Profile, SessionOptions
from ..runtime import BackgroundLoop, Pending, background_loop
from ..settings import Backend, Settings
from ..tools import Tool, Toolbox, as_output
from ..tracing import Trace
from .ears import Ear, Ears
from .echo_guard import EchoGuard
from .live import LiveSession
from .observers import all_traces
from .push_to_talk import LEAST_TURN_MS
from .reconnect import Reconnect
from .service import OpenAIService, TextWriter, Writer
from .snapshot import Snapshot, State
from .uploads import MAX_KEPT_BYTES
from .views import Views

_T = TypeVar("_T")
_STOP_PATIENCE_S = 10.0
_WRITERS = (*get_args(TextWriter), "out_of_band")
_A_POLICY = "SummaryPolicy(trigger_tokens=2_000), or None for no summaries"
_A_STYLE = "SummaryStyle(...)"
_OPTIONS = "SessionOptions(...), or a profile: PROFILES['voice_assistant']"
_PCM = "PCM16 bytes, as samples.astype('<i2').tobytes() of an array, or the Path of a sound file"


class RealtimeSession:
    """One live voice conversation. It runs in the background: every method returns at once unless it says it waits.

    It runs until it is stopped, or nobody can reach it any more: a cell that makes another one under the same name ends
    the one before.

    Args:
        backend: `simulator` (default; started in this process when none runs), `openai` or `azure`.
        settings: Full settings instead of `backend`.
        memory: When to summarise old turns inside the live conversation; `None` never does.
        style: Language, length and prompt of the summaries.
        summariser: Who writes them: the server's text model through `chat` completions or the `responses` API, the
            live model itself `out_of_band`, or a function of your own.
        reconnect: How a lost connection is made again; `None`: the session ends with it.
        echo_guard: For loudspeakers beside an open microphone; see `EchoGuard` for its price.
        tools: Functions with type hints and docstrings that the model may call; see `docs/tools.md`.
        options: How it behaves: voice, instructions, turn detection and so on. A profile of `PROFILES` will do, too.
        config: Session fields as the wire has them (reference §1.6), unchecked; they win over the options.
        trace: Called for every event both ways, one or several: see `EventLog` and `Telemetry`.

    Raises:
        SettingsError: An argument of the wrong kind, or a variable that the backend needs is missing.

    Example:
        user = SpeechSource()
        with RealtimeSession(memory=SummaryPolicy(trigger_tokens=2_000, keep_turns=2)) as session:
            session.start(source=user)
            user.say("Tell me a quick story.")
            print(session.wait_for_answer(1).turns[0].assistant_text)
    """

    def __init__(
        self,
        *,
        backend: Backend = "simulator",
        settings: Settings | None = None,
        memory: SummaryPolicy | None = None,
        style: SummaryStyle | None = None,
        summariser: Summariser | Writer = "chat",
        reconnect: Reconnect | None = Reconnect(),  # noqa: B008 - immutable
        echo_guard: EchoGuard | None = None,
        tools: Sequence[Tool | Callable[..., Any]] = (),
        options: SessionOptions | Profile = SessionOptions(),  # noqa: B008 - immutable
        config: Mapping[str, Any] | None = None,
        trace: Trace | Sequence[Trace] | None = None,
    ) -> None:
        _check_kind("settings", settings, Settings | None, "Settings.from_environment(...)")
        _check_kind("memory", memory, SummaryPolicy | None, _A_POLICY)
        _check_kind("style", style, SummaryStyle | None, _A_STYLE)
        _check_kind("reconnect", reconnect, Reconnect | None, "Reconnect(...), or None to end with a lost connection")
        _check_kind(
            "echo_guard", echo_guard, EchoGuard | None, "EchoGuard(tail_ms=300), or None to listen all the time"
        )
        wanted = _options(options)
        _check_trace(trace)
        _check_kind("config", config, Mapping | None, "a dict of session fields")
        if summariser not in _WRITERS and not callable(summariser):
            raise SettingsError(
                f"There is no summariser {summariser!r}.",
                f"Use one of: {', '.join(_WRITERS)}; or an async function that takes a SummaryRequest.",
            )
        self._settings = settings or Settings.from_environment(backend)
        self._loop = background_loop()
        self._memory, self._style, self._summariser = memory, style, summariser
        self._reconnect, self._echo_guard = reconnect, echo_guard
        self._toolbox, self._config = Toolbox(tools), dict(config or {})
        self._traces = all_traces(trace)
        self._views = Views()
        self._ears = Ears()
        self._live = self._make(wanted)
        self._next_options: SessionOptions | None = None
        self._started = False
        self._out_of_reach: weakref.finalize[..., RealtimeSession] | None = None

    def _make(self, options: SessionOptions) -> LiveSession:
        return LiveSession(
            OpenAIService(self._settings), self._settings, self._config, self._memory, self._style, self._summariser,
            self._traces, self._reconnect, self._echo_guard,
            toolbox=self._toolbox, options=options, views=self._views, ears=self._ears,
        )  # fmt: skip

    def start(self, source: Source | None = None, sink: Sink | None = None) -> None:
        """Connect and begin to listen, in the background.

        A session that has ended may be started again: as a new conversation, with what was set last.

        Args:
            source: The user's audio; without one, turns are typed with `send_text`.
            sink: Where replies are played; without one they are received and counted as heard.

        Raises:
            SessionError: It is running already.
            SettingsError: The source or the sink is none.
        """
        _check_parts(source, sink)

        def begin() -> None:  # on the loop: of two threads that start it at once, one does
            if self._is_running():
                raise SessionError("This session is running already.", "Stop it first with session.stop().")
            if self._started:
                self._live = self._make(self.options)
            self._started, self._next_options = True, None
            self._live.start(source, SilentSink() if sink is None else sink)
            if self._out_of_reach is not None:
                self._out_of_reach.detach()
            self._out_of_reach = weakref.finalize(self, _let_go, self._loop, self._live)
            self._out_of_reach.atexit = False  # a session sees to its own end then

        self._on_the_loop(begin)

    def stop(self) -> None:
        """End the session and wait until sockets and devices are let go. Harmless when it is not running.

        Called by something that runs on the session's own loop, such as a trace, it does not wait.

        Raises:
            SessionError: It takes too long.
        """
        if not self._started:
            return
        stopping = self._loop.submit(self._live.stop())
        if self._loop.is_current:
            return
        try:
            stopping.result(_STOP_PATIENCE_S)
        except TimeoutError:
            raise SessionError(
                f"The session did not stop within {_STOP_PATIENCE_S:g} seconds.",
                "Something holds it up: most likely its audio source or sink. Call stop() again, or restart Python.",
            ) from None

    def send_text(self, text: str) -> None:
        """Send a typed turn and ask for a reply, as soon as no other reply is under way.

        Raises:
            SessionError: The session is not running.
            SettingsError: It is no text, or an empty one.
        """
        _check_kind("text", text, str, "a str")
        if not text.strip():
            raise SettingsError("An empty text is no turn.", "Send some words, or call session.respond() for a reply.")
        self._require_running()
        self._loop.call(self._live.say_text, text)

    def send_audio(self, audio: bytes | bytearray | memoryview | Path | str, *, transcript: str | None = None) -> None:
        """Send a recorded message as one turn and ask for a reply, as soon as no other reply is under way.

        Args:
            audio: PCM16, 24 kHz, mono, from 100 ms to three minutes; or a sound file.
            transcript: Its words, if you know them. Otherwise they are those that the server's transcription tells,
                as for speech; where it tells none, the live model is asked when the turn is summarised.

        Raises:
            AudioError: No such file, no sound in it, no whole samples, too short or too long.
            SessionError: The session is not running.
            SettingsError: The transcript is no text.
        """
        _check_kind("transcript", transcript, str | None, "a str, or None where the words are not known")
        pcm = _pcm(audio)
        if not LEAST_TURN_MS <= duration_ms(pcm) <= duration_ms(bytes(MAX_KEPT_BYTES)):
            raise AudioError(
                f"A message of {duration_ms(pcm) / 1000:.1f} s cannot be sent as one turn.",
                f"Send {LEAST_TURN_MS} ms to 3 minutes; cut what is longer into several messages.",
            )
        self._require_running()
        self._loop.call(self._live.say_audio, self._live.input_format.from_pcm24k(pcm), transcript)

    def begin_turn(self) -> None:
        """Push-to-talk: the button is pressed. A reply that sounds is interrupted, and the microphone is sent.

        For sessions with `turn_detection=PushToTalk()`. From any thread; pressing twice does nothing.

        Raises:
            SessionError: The session is not running.
        """
        self._require_running()
        self._loop.call(self._live.begin_turn)

    def end_turn(self) -> None:
        """Push-to-talk: the button is released. What was said is sent to its end, and answered.

        From any thread; harmless when no turn is open, also in a session that has stopped.
        """
        self._loop.call(self._live.end_turn)

    def respond(self) -> None:
        """Ask for a reply to what was said: for turn detection with `create_response=False`.

        It comes as soon as nobody speaks and no other reply is under way. Asking twice gives one reply.

        Raises:
            SessionError: The session is not running.
        """
        self._require_running()
        self._loop.call(self._live.respond)

    def interrupt(self) -> None:
        """Stop talking now. What was heard of the reply stays in the conversation, the rest is taken back.

        Works in every mode, also when the reply is complete and only still sounds. A tool that runs goes on, but no
        reply to it is asked for; what you said since the reply was asked for is still answered. From any thread;
        harmless when nobody talks, or the session has stopped.
        """
        self._loop.call(self._live.interrupt)

    def mute(self) -> None:
        """Send silence instead of what the microphone records, until `unmute`. Nothing else changes.

        Also another microphone stays muted. A source that can wait, such as a file or `SpeechSource()`, is no
        microphone: it is heard.

        Raises:
            SessionError: The session is not running.
        """
        self._require_running()
        self._loop.call(self._live.mute, True)

    def unmute(self) -> None:
        """Send what the microphone records again. Harmless when it is not muted.

        Raises:
            SessionError: The session is not running.
        """
        self._require_running()
        self._loop.call(self._live.mute, False)

    def use(self, *, source: Source | None = None, sink: Sink | None = None) -> None:
        """Plug in another microphone or speaker in the middle of the talk; what is not given stays as it is.

        A reply that sounds goes on in the new sink where it was heard last. A part that cannot be used is told in
        `snapshot.problems`, and the session goes on.

        Raises:
            SessionError: The session is not running.
            SettingsError: The source or the sink is none.
        """
        _check_parts(source, sink)
        self._require_running()
        self._loop.call(self._live.use, source, sink)

    def answer_call(self, call_id: str, output: object) -> None:
        """Answer a call of a tool that you declared in `config`: `snapshot.calls` shows it as `yours`.

        A reply is asked for as soon as every call of the same response is answered.

        Args:
            call_id: The id of the call.
            output: A text, or anything that can be written as JSON.

        Raises:
            SessionError: The session is not running.
            ValueError: The output cannot be written as JSON.
        """
        text = as_output(output)
        self._require_running()
        self._loop.call(self._live.answer_call, call_id, text)

    def ask_out_of_band(self, response: Mapping[str, Any]) -> Pending[dict[str, Any]]:
        """Have a response made beside the conversation: it may read it, and leaves nothing in it.

        It may run while the assistant speaks. Its tokens stand in `snapshot.responses`.

        Args:
            response: Fields of a response as the wire has them (reference §3.7): `instructions`, `input`,
                `output_modalities`, ... Without `input` it reads the conversation.

        Returns:
            The response as the server tells it at its end, with `status`, `output` and `usage`. To await it, or to
            call its `result()`, raises `SessionError` where the server refused it or the line was lost, and
            `TimeoutError` after a minute.

        Raises:
            SessionError: The session is not running.
            SettingsError: These are no fields.
        """
        _check_kind("response", response, Mapping, "a dict of response fields")
        self._require_running()
        return self._loop.submit(self._live.ask(dict(response)))

    def summarise_now(self) -> None:
        """Summarise old turns without waiting for the trigger.

        Raises:
            SessionError: The session is not running.
        """
        self._require_running()
        self._loop.call(self._live.summarise_now)

    def undo_summary(self) -> None:
        """Put the words of the turns behind the latest summary back in its place, as text.

        They stay so until `summarise_now`.

        Raises:
            SessionError: The session is not running.
        """
        self._require_running()
        self._loop.call(self._live.undo_summary)

    def set_memory(self, policy: SummaryPolicy | None) -> None:
        """Use another policy from now on: what it finds due is summarised at once. `None` only when asked.

        Of a session that is not running: from its next start on.

        Raises:
            SettingsError: It is no policy.
        """
        _check_kind("policy", policy, SummaryPolicy | None, _A_POLICY)

        def change() -> None:  # on the loop: a start in the same moment takes it along, or is told
            self._memory = policy
            self._live.set_memory(policy)

        self._on_the_loop(change)

    def set_style(self, style: SummaryStyle) -> None:
        """Have the next summaries written in another style, also those of the next start.

        Raises:
            SettingsError: It is no style.
        """
        _check_kind("style", style, SummaryStyle, _A_STYLE)

        def change() -> None:
            self._style = style
            self._live.set_style(style)

        self._on_the_loop(change)

    def set_options(self, options: SessionOptions | Profile) -> None:
        """Behave like this from now on. What is left out goes back to the server's default.

        Only what differs is sent; the speed when nobody speaks; of quick changes only the last. What the server
        confirmed stands in `snapshot.options`; what it refused is told in `snapshot.problems`, and nothing changes.
        A session that is not running begins with them at its next start; nothing is locked then.

        Raises:
            SessionError: Something is locked: the voice once it was heard, the audio formats, tracing once it is on.
            SettingsError: These are no options, their file cannot be read, the model cannot do what they ask for, they
                name a tool that is not declared, or the session's `config` fixes what would change.
        """
        wanted = _options(options)

        def change() -> None:
            if self._is_running():
                self._live.set_options(wanted)
            else:
                self._prepare(wanted)

        self._on_the_loop(change)

    def use_settings(self, settings: Settings) -> None:
        """Talk to another server, or another model, from the next `start` on.

        Raises:
            SessionError: The session is running.
            SettingsError: These are no settings, or their model cannot do what the options ask for: nothing changes.
        """
        _check_kind("settings", settings, Settings, "Settings.from_environment(...)")

        def move() -> None:
            if self._is_running():
                raise SessionError("A session cannot move to another server.", "Stop it first with session.stop().")
            before, self._settings = self._settings, settings
            try:
                self._prepare(self.options)
            except SettingsError:
                self._settings = before
                raise

        self._on_the_loop(move)

    def watch(self, look: Callable[[Snapshot], object]) -> Callable[[], None]:
        """Show every change to `look`, which a panel draws: now, and at most 20 times a second.

        It runs on a thread of its own, and sees only the newest snapshot when it is slow. One that raises is let go
        of, and `snapshot.problems` says why. It goes on when the session is started again.

        Returns:
            Call it to see no more.
        """
        self._loop.call(self._views.look_at, self._live)
        self._loop.call(self._views.add, look)
        return lambda: self._loop.call(self._views.remove, look)

    def watch_events(self, trace: Trace) -> Callable[[], None]:
        """Call `trace` for every event both ways from now on, on the session's loop: it must return at once.

        Returns:
            Call it to hear no more.
        """
        _check_trace(trace)
        self._loop.call(self._traces.append, trace)

        def forget() -> None:
            with contextlib.suppress(ValueError):  # it failed, and was let go of already
                self._traces.remove(trace)

        return lambda: self._loop.call(forget)

    def listen_in(self, ear: Ear) -> Callable[[], None]:
        """Call `ear(side, pcm)` with all that is said from now on, on the session's loop: it must return at once.

        `side` is `user` or `assistant`; the audio is PCM16, 24 kHz, mono: what is sent, and what is handed to the sink,
        as early as it comes. One that raises is let go of. Recordings of `send_audio` are no part of it.

        Returns:
            Call it to hear no more.

        Raises:
            SettingsError: It cannot be called.
        """
        if not callable(ear):
            raise SettingsError("This is no ear.", "Use a function of a side and its audio: lambda side, pcm: ...")
        self._loop.call(self._ears.add, ear)
        return lambda: self._loop.call(self._ears.remove, ear)

    def wait_for(self, condition: Callable[[Snapshot], object], *, timeout_s: float = 60.0) -> Snapshot:
        """Wait until `condition` holds for a snapshot, and return that snapshot. Raises instead of hanging.

        Raises:
            TimeoutError: It did not hold within `timeout_s`; the message says how the session stands.
            WorkshopError: The session ended before it held; the message says why.
        """
        pending = self.when(condition)
        try:
            return pending.result(timeout_s)
        except TimeoutError:
            pending.cancel()
            now = self.snapshot
            raise TimeoutError(
                f"Waited {timeout_s:g} s in vain. The session is {now.state.value}, after {len(now.turns)} turns; "
                f"problems so far: {'; '.join(now.problems) or 'none.'}"
            ) from None

    def wait_for_answer(self, number: int, *, timeout_s: float = 60.0) -> Snapshot:
        """Wait until turn `number` (from 1) was answered and its answer heard to the end, or cut off.

        Raises like `wait_for`.
        """
        return self.wait_for(lambda now: now.has_answered(number), timeout_s=timeout_s)

    def when(self, condition: Callable[[Snapshot], object]) -> Pending[Snapshot]:
        """The same without waiting: `await` the result, or call its `result()`."""

        async def holds() -> Snapshot:
            return await self._live.wait_for(lambda now: bool(condition(now)))

        return self._loop.submit(holds())

    def check_items(self) -> Pending[frozenset[str]]:
        """Ask the server for every item believed to be there: the ids of those it really has.

        Each answer carries the item's whole audio, so this is for the end of a conversation.

        Raises:
            SessionError: The session is not running.
        """
        self._require_running()
        return self._loop.submit(self._live.check_items())

    @property
    def settings(self) -> Settings:
        """Where it connects, and with which models."""
        return self._settings

    @property
    def options(self) -> SessionOptions:
        """The latest options that were asked for, and not refused; those in force stand in the snapshot."""
        return self._live.wanted_options if self._next_options is None else self._next_options

    @property
    def snapshot(self) -> Snapshot:
        """The session as it is now."""

        def look() -> Snapshot:
            return self._live.snapshot()  # of the one that lives when the loop comes to it

        return self._on_the_loop(look)

    @property
    def source(self) -> Source | None:
        """Who is listened to now; `None` where turns are typed, the source has come to its end, or nothing runs."""
        return self._on_the_loop(lambda: self._live.source)

    def _prepare(self, options: SessionOptions) -> None:
        """Have the next start use these options; refused here if they cannot work. What was said stays to be seen."""
        live = self._make(options)
        if self._started:
            self._next_options = options
        else:
            live.take_over_watchers(self._live)
            self._live = live
            self._views.look_at(live)

    def _on_the_loop(self, work: Callable[[], _T]) -> _T:
        async def do() -> _T:
            return work()

        return work() if self._loop.is_current else self._loop.submit(do()).result(_STOP_PATIENCE_S)

    def _require_running(self) -> None:
        if not self._is_running():
            raise self.snapshot.error or SessionError(
                "This session is not running.", "Start it first with session.start(...)."
            )

    def _is_running(self) -> bool:
        return self.snapshot.state not in {State.NEW, State.STOPPED, State.FAILED}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<RealtimeSession {self.snapshot.state.value} on {self._settings.backend}>"


def _let_go(loop: BackgroundLoop, live: LiveSession) -> None:
    loop.submit(live.stop())


def _check_parts(source: object, sink: object) -> None:
    if source is not None and not isinstance(source, Source):
        raise SettingsError(
            f"{source!r} is no audio source.",
            "To play a file: session.start(source=sound_file('talk.wav')).",
        )
    if sink is not None and not isinstance(sink, Sink):
        raise SettingsError(f"{sink!r} is no audio sink.", "Use sink=speaker(), or leave it out.")


def _check_kind(name: str, value: object, kind: type | UnionType, usable: str) -> None:
    if not isinstance(value, kind):  # its kind is told, not the value: it may be a key
        raise SettingsError(f"{name} cannot be of the kind {type(value).__name__}.", f"Use {usable}.")


def _options(options: SessionOptions | Profile) -> SessionOptions:
    """Options with what is in their file: read here, not on the loop."""
    _check_kind("options", options, SessionOptions | Profile, _OPTIONS)
    return (options.options if isinstance(options, Profile) else options).loaded()


def _check_trace(trace: object) -> None:
    several = trace if isinstance(trace, Sequence) and not isinstance(trace, str | bytes) else [trace]
    if trace is not None and not all(callable(one) for one in several):
        raise SettingsError(
            f"trace cannot be of the kind {type(trace).__name__}.",
            "Use a function, or several; for a file: trace=EventLog('talk.jsonl').",
        )


def _pcm(audio: bytes | bytearray | memoryview | Path | str) -> bytes:
    if isinstance(audio, Path | str):
        return read_sound_file(audio)
    given: object = audio
    if not isinstance(given, bytes | bytearray | memoryview):
        raise AudioError(f"A message cannot be of the kind {type(given).__name__}.", f"Use {_PCM}.")
    pcm = bytes(given)
    if len(pcm) % 2:
        raise AudioError(f"{len(pcm):,} bytes end within a sample: PCM16 has two bytes each.", f"Use {_PCM}.")
    return pcm
