"""Which microphone and speaker to use here, and why: the machine's, the browser's, or a synthesised user."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from .audio.devices import microphone, speaker
from .audio.probes import Probe, probe_microphone, probe_speaker, refuse_on_the_background_loop
from .audio.sinks import SilentSink, Sink
from .audio.sources import Source, SpeechSource

if TYPE_CHECKING:
    from .widgets import BrowserAudio

Kind = Literal["devices", "browser", "speech"]


@dataclass(frozen=True)
class AudioChoice:
    """A source and a sink that work here.

        audio = choose_audio()
        session.start(source=audio.source, sink=audio.sink)
        audio

    The last line shows the browser's microphone where that is used, and says what is used elsewhere.

    Attributes:
        kind: `devices` of this machine, the `browser`, or `speech`: a synthesised user.
        why: One sentence.
        is_audible: Whether replies are played.
    """

    kind: Kind
    why: str
    is_audible: bool

    @cached_property
    def source(self) -> Source:
        """The user's side, made when first asked for. Of the kind `speech` it is a `SpeechSource`: tell it to `say`."""
        match self.kind:
            case "devices":
                return microphone()
            case "browser":
                return self.widget.microphone
            case "speech":
                return SpeechSource(realtime=self.is_audible)

    @cached_property
    def sink(self) -> Sink:
        """Where replies are played, made when first asked for."""
        if self.kind == "browser":
            return self.widget.speaker
        return speaker() if self.is_audible else SilentSink()

    @cached_property
    def widget(self) -> BrowserAudio:
        """What the notebook must show for the kind `browser`.

        Raises:
            MissingPartError: The packages of the `lab` extra are not installed.
        """
        from .widgets import BrowserAudio

        return BrowserAudio()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        words = {"text/plain": self.why, "text/html": f"<p>{escape(self.why)}</p>"}
        shown = self.widget._repr_mimebundle_(**kwargs) if self.kind == "browser" else None
        if shown is None:
            return words, {}
        data, metadata = shown
        return {**data, "text/plain": self.why}, metadata


def choose_audio() -> AudioChoice:
    """Try what this machine has, and choose. Takes about a second, and never longer than five; devices are let go.

    Raises:
        AudioError: Called on the background loop, as a tool would: it cannot wait for itself.
    """
    refuse_on_the_background_loop("choose_audio")
    with ThreadPoolExecutor(2) as pool:
        hearing, playing = pool.submit(probe_microphone), pool.submit(probe_speaker)
        return decide(hearing.result(), playing.result(), front_end(), has_browser_audio())


def decide(hears: Probe, plays: Probe, notebook: str, browser_is_ready: bool) -> AudioChoice:
    """The choice, from what is known. Pure.

    Args:
        hears: How the microphone is.
        plays: How the speaker is.
        notebook: See `front_end`.
        browser_is_ready: Whether the packages of browser audio are installed.
    """
    if hears.works and plays.works:
        return AudioChoice("devices", f"Sound goes through this machine: {hears.detail}; {plays.detail}.", True)
    trouble = " ".join(probe.detail for probe in (hears, plays) if not probe.works)
    if notebook and browser_is_ready:
        return AudioChoice("browser", f"{trouble} So sound goes through the browser that shows {notebook}.", True)
    listening = "replies are played" if plays.works else "replies are silent, read them"
    why = f"{trouble} So a synthesised voice speaks for you (source.say), and {listening}."
    return AudioChoice("speech", why, plays.works)


def has_browser_audio(find: Callable[[str], object | None] = importlib.util.find_spec) -> bool:
    """Whether the packages of browser audio are installed."""
    return find("anywidget") is not None


def front_end(environ: Mapping[str, str] = os.environ) -> str:
    """Which notebook in a browser this runs in; empty when in none, or in one that lets no page use a microphone."""
    if "google.colab" in sys.modules:
        return "Colab"
    if "ipykernel" in sys.modules and "JPY_SESSION_NAME" in environ:  # set by the server that a browser talks to
        return "this notebook"
    return ""
