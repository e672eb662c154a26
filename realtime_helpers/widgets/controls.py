"""The controls of the control panel: what they are called, how they lie, and what they show of a snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args

import ipywidgets

from ..conversation import MODELS
from ..memory import SummaryPolicy, SummaryStyle
from ..options import SERVER_DEFAULT, VOICES, PushToTalk, SemanticVAD, ServerVAD, SessionOptions
from ..session import Snapshot, State
from ..settings import Backend, Settings
from .dial import Dial
from .say_field import SayField
from .talk_button import TalkButton

FORMS = {"paragraph": "paragraph", "bullets": "bullets", "JSON record": "json"}
AS_SPOKEN = "as spoken"
_LANGUAGES = (AS_SPOKEN, "English", "French", "German", "Spanish", "Italian", "Portuguese", "Japanese", "Chinese")
BY_SILENCE, BY_SENSE, BY_BUTTON = "silence (server VAD)", "sense (semantic VAD)", "a button (push-to-talk)"
TURNS: dict[str, type[ServerVAD | SemanticVAD | PushToTalk]] = {
    BY_SILENCE: ServerVAD,
    BY_SENSE: SemanticVAD,
    BY_BUTTON: PushToTalk,
}
SERVERS_VOICE = "the server's own"
_USUAL_THRESHOLD, _USUAL_SILENCE_MS = 0.5, 500
_RESTING = (State.NEW, State.STOPPED, State.FAILED)


@dataclass(frozen=True)
class Standings:
    """What the controls show: the session as it is, and what it was asked to be.

    Attributes:
        now: The session as it is.
        wanted: Its options; what is not chosen there is as the server says.
        settings: Where it connects.
    """

    now: Snapshot
    wanted: SessionOptions
    settings: Settings

    @property
    def is_running(self) -> bool:
        """Whether somebody can talk to it, now or soon."""
        return self.now.state not in _RESTING

    @property
    def turn_detection(self) -> ServerVAD | SemanticVAD | PushToTalk:
        """Who ends a turn."""
        found = self._option("turn_detection")
        if found is None:
            return PushToTalk()
        return found if isinstance(found, ServerVAD | SemanticVAD | PushToTalk) else ServerVAD()

    @property
    def threshold(self) -> float:
        """Certainty that counts as speech, 0 to 1."""
        return float(self._of_vad("threshold", _USUAL_THRESHOLD))

    @property
    def silence_ms(self) -> int:
        """Silence that ends a turn."""
        return int(self._of_vad("silence_duration_ms", _USUAL_SILENCE_MS))

    @property
    def voice(self) -> str:
        """The assistant's."""
        voice = self._option("voice")
        return voice if isinstance(voice, str) else SERVERS_VOICE

    @property
    def is_voice_locked(self) -> bool:
        """It was heard: the service does not change it any more."""
        return self.is_running and any(item.role == "assistant" and item.spoken for item in self.now.items)

    def _option(self, name: str) -> object:
        chosen: object = getattr(self.wanted, name)
        if chosen is SERVER_DEFAULT and self.now.options is not None:
            return getattr(self.now.options, name)
        return chosen

    def _of_vad(self, name: str, usual: float) -> Any:
        for options in (self.wanted, self.now.options):
            vad = None if options is None else options.turn_detection
            if isinstance(vad, ServerVAD) and (value := getattr(vad, name)) is not SERVER_DEFAULT:
                return value
        return usual


class Controls:
    """All controls, and where they lie.

    Args:
        sources: Names to choose from.
        sinks: Names to choose from.
        settings: Where the session connects at first.
    """

    def __init__(self, sources: Iterable[str], sinks: Iterable[str], settings: Settings) -> None:
        self.start, self.stop = _button("Start"), _button("Stop")
        self.mute, self.interrupt = _button("Mute"), _button("Interrupt")
        self.summarise, self.undo = _button("Summarise now"), _button("Undo summary")
        self.talk = TalkButton()
        self.words = SayField()
        self.trigger = Dial("Trigger tokens", 2_000, min=50, max=10_000, step=50, unit="tokens")
        self.keep = Dial("Keep turns", 2, min=1, max=20, unit="turns")
        self.threshold = Dial("VAD threshold", _USUAL_THRESHOLD, min=0, max=1, step=0.05, unit="of 1")
        self.silence = Dial("VAD silence", _USUAL_SILENCE_MS, min=0, max=3_000, step=50, unit="ms")
        self.form = _list("Summary style", FORMS)
        self.language = _list("Summary language", _LANGUAGES)
        self.turns = _list("A turn ends by", TURNS)
        self.voice = _list("Voice", (SERVERS_VOICE, *VOICES))
        self.source, self.sink = _list("Source", sources), _list("Sink", sinks)
        self.backend = _list("Backend", get_args(Backend))
        self.model = _list("Model", MODELS)
        self.file = ipywidgets.Text(
            description="Sound file", placeholder="talk.wav", continuous_update=False, layout=_auto()
        )
        self.voice_note, self.server_note = _note(), _note()
        self.show_settings(settings)

    @property
    def buttons(self) -> dict[str, ipywidgets.Button]:
        """By the names a script uses; the one that mutes also unmutes."""
        buttons = (self.start, self.stop, self.interrupt, self.summarise, self.undo)
        return {button.description: button for button in buttons} | {"Mute": self.mute, "Unmute": self.mute}

    @property
    def fields(self) -> dict[str, Any]:
        """Dials and fields by their names."""
        dials = (self.trigger, self.keep, self.threshold, self.silence, self.file)
        return {dial.description: dial for dial in dials}

    @property
    def lists(self) -> dict[str, ipywidgets.Dropdown]:
        """By their names."""
        lists = (
            self.source, self.sink, self.backend, self.model, self.voice, self.turns, self.form, self.language,
        )  # fmt: skip
        return {one.description: one for one in lists}

    def layout(self, standing: ipywidgets.DOMWidget, browser: ipywidgets.DOMWidget) -> list[Any]:
        """From top to bottom."""
        sound = [self.source, self.file, self.sink, browser]
        return [
            standing,
            _row(self.start, self.stop, self.mute, self.interrupt),
            self.words,
            self.talk,
            _group("Memory", self.trigger, self.keep, _row(self.summarise, self.undo), self.form, self.language),
            _group("Taking turns", self.turns, self.threshold, self.silence),
            _group("Sound and voice", *sound, self.voice, self.voice_note),
            _group("Server", self.backend, self.model, self.server_note),
        ]

    # -- showing ---------------------------------------------------------------------------------------

    def show(self, what: Standings) -> None:
        """Show what is in force, and grey out what cannot be done now."""
        self._show_buttons(what)
        self._show_memory(what.now.memory, what.now.style)
        by_silence = isinstance(what.turn_detection, ServerVAD)
        self.turns.value = next(name for name, kind in TURNS.items() if isinstance(what.turn_detection, kind))
        self.threshold.show(what.threshold)
        self.silence.show(what.silence_ms)
        for dial in (self.threshold, self.silence):
            dial.disabled = not by_silence
            dial.note = "" if by_silence else "Only where silence ends a turn."
        _select(self.voice, what.voice)
        self.voice.disabled = what.is_voice_locked
        self.voice_note.value = "Locked: it was heard. Stop, then start with another." if what.is_voice_locked else ""
        self.backend.disabled = self.model.disabled = what.is_running
        self.server_note.value = "Stop the session to change these." if what.is_running else ""
        self.show_settings(what.settings)

    def show_settings(self, settings: Settings) -> None:
        """Show where the session connects."""
        self.backend.value = settings.backend
        _select(self.model, settings.model)

    def _show_buttons(self, what: Standings) -> None:
        running = what.is_running
        self.start.disabled = running
        for button in (self.stop, self.mute, self.interrupt, self.summarise, self.words):
            button.disabled = not running
        self.undo.disabled = not running or not what.now.summaries
        self.mute.description = "Unmute" if what.now.is_muted else "Mute"
        by_button = isinstance(what.turn_detection, PushToTalk)
        self.talk.disabled = not (running and by_button)
        why_not = f"Choose {BY_BUTTON!r} below." if not by_button else "Press Start first."
        self.talk.note = why_not if self.talk.disabled else "Hold it while you talk: by mouse, finger or Space."

    def _show_memory(self, policy: SummaryPolicy | None, style: SummaryStyle | None) -> None:
        if policy is not None:
            self.trigger.show(policy.trigger_tokens)
            self.keep.show(policy.keep_turns)
        self.trigger.disabled = policy is not None and policy.trigger is not None
        off = "Nothing is summarised by itself. Move this to switch it on."
        own = "This session has a trigger of its own."
        self.trigger.note = off if policy is None else own if self.trigger.disabled else ""
        if style is not None:
            self.form.value = next(name for name, form in FORMS.items() if form == style.form)
            _select(self.language, style.language or AS_SPOKEN)


def _button(name: str) -> ipywidgets.Button:
    return ipywidgets.Button(description=name, layout=_auto())  # an icon would be read aloud


def _list(name: str, options: Iterable[str]) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(description=name, options=tuple(options), layout=_auto())


def _auto() -> ipywidgets.Layout:
    return ipywidgets.Layout(width="auto")


def _note() -> ipywidgets.Label:
    return ipywidgets.Label().add_class("realtime-control-note")


def _row(*parts: Any) -> ipywidgets.HBox:
    return ipywidgets.HBox(parts, layout=ipywidgets.Layout(flex_flow="row wrap"))


def _group(name: str, *parts: Any) -> ipywidgets.VBox:
    title = ipywidgets.HTML(f"<h3>{name}</h3>")
    return ipywidgets.VBox([title, *parts]).add_class("realtime-control-group")


def _select(choice: ipywidgets.Dropdown, option: str) -> None:
    """Select it; what is not in the list yet, such as a deployment's name, comes into it."""
    if option not in choice.options:
        choice.options = (*choice.options, option)
    choice.value = option
