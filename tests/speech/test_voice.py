"""The built-in voice says the same thing the same way."""

from __future__ import annotations

import sys

import pytest

from realtime_helpers.errors import AudioError
from realtime_helpers.speech import Voice


@pytest.mark.skipif(sys.platform == "win32", reason="espeak's traces are wiped by forks")
def test_an_utterance_sounds_the_same_in_every_process_and_after_every_other() -> None:
    spoken = []
    for before in ([], ["Tell me a story.", "How are you?"]):
        voice = Voice()
        for text in before:
            voice.speak(text, "en-us+f3")
        spoken.append(voice.speak("It is clear.", "en-us+f2"))
        voice.close()
    assert spoken[0] == spoken[1]


def test_an_unknown_voice_is_refused_and_the_next_one_speaks() -> None:
    voice = Voice()
    with pytest.raises(AudioError, match="no voice"):
        voice.speak("Hello", "no-such-voice")
    assert voice.speak("Hello").pcm
    voice.close()
