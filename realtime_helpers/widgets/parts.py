"""Where a panel's user speaks from and where replies are heard: names and what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..audio.devices import microphone, speaker
from ..audio.files import sound_file
from ..audio.sinks import SilentSink, Sink
from ..audio.sources import Source, SpeechSource
from ..errors import AudioError
from .browser_audio import BrowserAudio

Sources = Mapping[str, Callable[[], Source]]
Sinks = Mapping[str, Callable[[], Sink]]

SCRIPTED = "a scripted person"
THIS_MICROPHONE = "this machine's microphone"
THIS_BROWSER = "this browser"
A_FILE = "a sound file"
NOBODY = "nobody listens"
THIS_SPEAKER = "this machine's speaker"


def usual_sources(browser: BrowserAudio, path: Callable[[], str]) -> Sources:
    """What a person can choose from who brought nothing along.

    Args:
        browser: Whose microphone is used.
        path: Where the sound file is.
    """

    def a_file() -> Source:
        if not path().strip():
            raise AudioError("No sound file is named.", f"Type where it is into 'sound file', then choose {A_FILE!r}.")
        return sound_file(path().strip())

    return {
        SCRIPTED: SpeechSource,
        THIS_MICROPHONE: microphone,
        THIS_BROWSER: lambda: browser.microphone,
        A_FILE: a_file,
    }


def usual_sinks(browser: BrowserAudio) -> Sinks:
    """Where replies can be heard, or not."""
    return {NOBODY: SilentSink, THIS_SPEAKER: speaker, THIS_BROWSER: lambda: browser.speaker}
