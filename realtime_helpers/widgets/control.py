"""The control panel: all that a person may do to a session, and a scripted twin that does it for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

import ipywidgets

from ..audio.sources import Source, SpeechSource
from ..errors import SettingsError
from ..memory import SummaryPolicy, SummaryStyle
from ..options import PushToTalk, ServerVAD, SessionOptions, nearest
from ..session import RealtimeSession
from ..settings import Backend, Settings
from .browser_audio import BrowserAudio
from .closing import close_parts
from .controls import AS_SPOKEN, FORMS, SERVERS_VOICE, TURNS, Controls, Standings
from .dial import Dial
from .parts import A_FILE, THIS_BROWSER, Sinks, Sources, usual_sinks, usual_sources
from .standing import Standing
from .worker import Worker

T = TypeVar("T")


class ControlPanel(ipywidgets.VBox):  # type: ignore[misc]
    """Start and stop a session, speak, and turn its dials while it runs.

        panel = ControlPanel(session)
        panel

    A scripted twin does what a person would, through the same handlers: `press`, `hold`, `set`, `choose`, `say`.
    Capitals do not matter in its names.

    Args:
        session: What is controlled. It may run already.
        sources: Where the user speaks from, by name; the first is chosen. Default: a scripted person, this machine's
            microphone, this browser, a sound file.
        sinks: Where replies are heard, by name; the first is chosen. Default: nobody listens, this machine's speaker,
            this browser.
    """

    def __init__(self, session: RealtimeSession, sources: Sources | None = None, sinks: Sinks | None = None) -> None:
        self._session = session
        self._known = {session.settings.backend: session.settings}
        self._showing = threading.local()
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._made: dict[str, Source] = {}
        self.browser = BrowserAudio()
        """The browser's sound; shown where it is chosen."""
        self._sources = (
            usual_sources(self.browser, lambda: str(self.controls.file.value)) if sources is None else sources
        )
        self._sinks = usual_sinks(self.browser) if sinks is None else sinks
        self.controls = Controls(self._sources, self._sinks, session.settings)
        """Each control, as ipywidgets."""
        self.standing = Standing(session)
        """State and problems, in words."""
        self._worker = Worker(self._done)
        self.controls.file.layout.display = "" if A_FILE in self._sources else "none"
        self._source_name, self._sink_name = self.controls.source.value, self.controls.sink.value
        self._show()
        self._connect()
        super().__init__(self.controls.layout(self.standing, self.browser))
        self.add_class("realtime-panel")
        self.add_class("realtime-control")
        self._look_away = session.watch(lambda _now: self._show())

    # -- the scripted twin -----------------------------------------------------------------------------

    def press(self, name: str) -> None:
        """Click a button, and wait until what it does is done. As under a finger, a grey one does nothing.

        Raises:
            SettingsError: There is no such button.
        """
        button = _find(self.controls.buttons, name, "button")
        self._show()
        if not button.disabled:
            button.click()
        self._worker.wait()

    def hold(self, name: str = "Hold to talk", ms: float = 0, *, say: str | None = None) -> None:
        """Hold the push-to-talk button for `ms` milliseconds; meanwhile, the scripted person may say something.

        Raises:
            SettingsError: There is no such button, or it is of no use now.
        """
        button = _find({self.controls.talk.description: self.controls.talk}, name, "button to hold")
        self._show()
        if button.disabled:
            raise SettingsError(f"{name!r} is of no use now.", button.note)
        button.is_held = True
        try:
            self._worker.wait()
            if say is not None and isinstance(source := self._spoken_from, SpeechSource):
                source.say(say)
            time.sleep(ms / 1000)  # a person holds it so long
        finally:
            button.is_held = False
            self._worker.wait()

    def set(self, name: str, value: float | str) -> None:
        """Move a dial or fill in a field, and wait until the session knows.

        Raises:
            SettingsError: There is no such dial, or it does not go so far.
        """
        field = _find(self.controls.fields, name, "dial")
        if isinstance(field, Dial) and not (isinstance(value, int | float) and field.min <= value <= field.max):
            raise SettingsError(
                f"{field.description} cannot be {value!r}.", f"Use a number from {field.min:g} to {field.max:g}."
            )
        field.value = value
        self._worker.wait()

    def choose(self, name: str, option: str) -> None:
        """Choose from a list, and wait until the session knows.

        Raises:
            SettingsError: There is no such list, or no such option in it.
        """
        choice = _find(self.controls.lists, name, "list")
        choice.value = _find({str(each): each for each in choice.options}, option, name)
        self._worker.wait()

    def say(self, words: str) -> None:
        """Send words from the line for them: said aloud by the scripted person, typed where there is another source."""
        self.controls.words.submit(words)
        self._worker.wait()

    # -- what it shows ---------------------------------------------------------------------------------

    @property
    def source(self) -> Source:
        """Where the user speaks from, such as the scripted person: `panel.source.say("…")`.

        Raises:
            WorkshopError: It cannot be used.
        """
        return self._make_source(self._source_name)

    @property
    def problems(self) -> list[str]:
        """What is wrong at this moment, newest last."""
        return self.standing.problems

    @property
    def sentence(self) -> str:
        """State and problems at this moment, in words."""
        return self.standing.sentence

    def close(self) -> None:
        """Look at the session no more, and take the panel away. The session goes on until `session.stop()`."""
        self._look_away()
        self.browser.close()
        close_parts(self)
        super().close()

    def __repr__(self) -> str:
        return f"<ControlPanel: {self.sentence}>"

    def _show(self) -> None:
        """Show the session as it is: not as a view saw it, which may be before what a person has set since."""
        with self._lock:
            ordered = self._worker.ordered
            standings = self._standings
            if self._worker.is_busy or self._worker.ordered != ordered:
                return  # what a person has just set stays, until the session has heard of it
            self._showing.is_on = True
            try:
                self.controls.show(standings)
                self.controls.source.value, self.controls.sink.value = self._source_name, self._sink_name
                uses_browser = THIS_BROWSER in (self._source_name, self._sink_name)
                self.browser.layout.display = "" if uses_browser else "none"
            finally:
                self._showing.is_on = False

    # -- what a person does: nothing here but calls of the session, on a thread of the panels ---------

    def _connect(self) -> None:
        controls, session = self.controls, self._session
        clicks: list[tuple[ipywidgets.Button, Callable[[], object]]] = [
            (controls.start, self._start),
            (controls.stop, session.stop),
            (controls.mute, self._mute),
            (controls.interrupt, session.interrupt),
            (controls.summarise, session.summarise_now),
            (controls.undo, session.undo_summary),
        ]
        for button, order in clicks:
            button.on_click(lambda _button, order=order: self._do(order))
        self._on_change(controls.talk, lambda held: session.begin_turn() if held else session.end_turn(), "is_held")
        self._on_change(controls.trigger, lambda value: self._set_memory(trigger_tokens=round(value)))
        self._on_change(controls.keep, lambda value: self._set_memory(keep_turns=round(value)))
        self._on_change(controls.threshold, lambda value: self._set_vad(threshold=value))
        self._on_change(controls.silence, lambda value: self._set_vad(silence_duration_ms=round(value)))
        self._on_change(controls.form, lambda name: self._set_style(form=FORMS[name]))
        self._on_change(controls.language, lambda name: self._set_style(language=None if name == AS_SPOKEN else name))
        self._on_change(controls.turns, lambda name: self._set_options(turn_detection=TURNS[name]()))
        self._on_change(controls.voice, self._set_voice)
        self._on_change(controls.source, self._use_source)
        self._on_change(controls.sink, self._use_sink)
        self._on_change(controls.file, lambda _path: self._made.pop(A_FILE, None))
        self._on_change(controls.backend, self._use_backend)
        self._on_change(controls.model, lambda model: self._use(replace(session.settings, model=model)))
        controls.words.on_submit(lambda words: self._do(lambda: self._say(words)))

    def _on_change(self, control: Any, order: Callable[[Any], object], trait: str = "value") -> None:
        def changed(change: Mapping[str, Any]) -> None:
            if not getattr(self._showing, "is_on", False):  # otherwise it is the session's news, not a person's wish
                self._do(lambda: order(change["new"]))

        control.observe(changed, trait)

    def _do(self, order: Callable[[], object]) -> None:
        def carry_out() -> None:
            self.standing.has_been_read()
            order()

        self._worker.do(carry_out)

    def _done(self, trouble: str) -> None:
        self.standing.complain(trouble)
        self._show()

    def _start(self) -> None:
        if self._is_running:
            return  # a second click
        self._session.start(source=self.source, sink=self._sinks[self._sink_name]())

    def _mute(self) -> None:
        (self._session.unmute if self._session.snapshot.is_muted else self._session.mute)()

    @property
    def _spoken_from(self) -> Source | None:
        """Who is listened to: not always what this panel plugged in."""
        return self._session.source if self._is_running else self.source

    def _say(self, words: str) -> None:
        source = self._spoken_from
        if not isinstance(source, SpeechSource):
            self._session.send_text(words)
            return
        by_button = isinstance(self._standings.turn_detection, PushToTalk)
        if by_button:
            self._session.begin_turn()
        source.say(words)
        if by_button:
            self._session.end_turn()

    def _set_memory(self, **changes: Any) -> None:
        self._session.set_memory(replace(self._session.snapshot.memory or SummaryPolicy(), **changes))

    def _set_style(self, **changes: Any) -> None:
        self._session.set_style(replace(self._session.snapshot.style or SummaryStyle(), **changes))

    def _set_options(self, **changes: Any) -> None:
        self._session.set_options(self._session.options.but(**changes))

    def _set_vad(self, **changes: Any) -> None:
        vad = self._standings.turn_detection
        if not isinstance(vad, ServerVAD):
            raise SettingsError("Silence does not end a turn here.", "Choose 'silence (server VAD)' first.")
        self._set_options(turn_detection=replace(vad, **changes))

    def _set_voice(self, voice: str) -> None:
        if voice == SERVERS_VOICE:
            chosen = {name: value for name, value in self._session.options.chosen.items() if name != "voice"}
            self._session.set_options(SessionOptions(**chosen))
        else:
            self._set_options(voice=voice)

    def _use_source(self, name: str) -> None:
        source = self._make_source(name)
        if self._is_running:
            self._session.use(source=source)
        self._source_name = name

    def _use_sink(self, name: str) -> None:
        sink = self._sinks[name]()
        if self._is_running:
            self._session.use(sink=sink)
        self._sink_name = name

    def _use_backend(self, name: str) -> None:
        backend, model = cast("Backend", name), self._session.settings.model
        if backend not in self._known:
            self._known[backend] = Settings.from_environment(backend, model=model)
        self._use(replace(self._known[backend], model=model))

    def _use(self, settings: Settings) -> None:
        self._session.use_settings(settings)

    def _make_source(self, name: str) -> Source:
        with self._making:  # a script may ask while Start is at it: both must get the same
            if name not in self._made:
                self._made[name] = self._sources[name]()
            return self._made[name]

    @property
    def _standings(self) -> Standings:
        return Standings(self._session.snapshot, self._session.options, self._session.settings)

    @property
    def _is_running(self) -> bool:
        return self._standings.is_running


def _find(things: Mapping[str, T], name: str, kind: str) -> T:
    """By its name, whatever its capitals."""
    for known, thing in things.items():
        if known.casefold() == name.casefold():
            return thing
    raise SettingsError(f"This panel has no {kind} called {name!r}.", nearest(name, tuple(things)))
