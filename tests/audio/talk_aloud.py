"""Run by `test_devices.py` in a process with virtual sound: one spoken turn through microphone and speaker."""

from __future__ import annotations

import sys
import threading

import sounddevice

from realtime_helpers import RealtimeSession, State, microphone, speaker
from realtime_helpers.audio.formats import silence
from realtime_helpers.speech import Voice


def speak_into_the_room() -> None:
    """Play a question into the sink that the virtual microphone listens to."""
    speech = Voice().speak("What can you do?")
    with sounddevice.RawOutputStream(samplerate=24_000, channels=1, dtype="int16", device=sys.argv[1]) as stream:
        stream.write(silence(300) + speech.pcm + silence(1500))


with RealtimeSession() as session:
    session.start(source=microphone(), sink=speaker())
    session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=30)
    threading.Thread(target=speak_into_the_room, daemon=True).start()
    now = session.wait_for_answer(1, timeout_s=40)
    print("heard:", now.turns[0].user_text)
    print("said:", now.turns[0].assistant_text)
