"""The same conversation through simpleaudio, where it can be had at all: Python 3.11."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import numpy as np
import pytest

from realtime_helpers import AudioError, RealtimeSession, State, microphone
from realtime_helpers.audio.formats import samples_from_pcm
from realtime_helpers.audio.simpleaudio_speaker import INSTALL, SimpleaudioSpeaker, simpleaudio_speaker, why_not

from .talking import Events, assert_whole, clip, share_of_words, silent_after_ms, was_loud
from .virtual_sound import VirtualSound


async def until(holds: Callable[[], bool]) -> None:
    """Let the device's time pass: no event tells of it."""
    for _ in range(2_000):
        if holds():
            return
        await asyncio.sleep(0.005)
    pytest.fail("the device stands still")


if sys.version_info < (3, 12):  # elsewhere there is nothing to test, and nothing to skip: see test_device_list.py
    pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"no simpleaudio: {INSTALL}")

    def test_a_conversation_with_an_interruption_goes_through_simpleaudio(
        room: VirtualSound, simulator_url: str
    ) -> None:
        events = Events()
        with RealtimeSession(trace=events) as session, room.recording() as recording:
            session.start(source=microphone("desk"), sink=simpleaudio_speaker())
            session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=30)
            room.say(clip("How are you today?"))
            session.wait_for_answer(1, timeout_s=40)
            room.say(clip("Tell me a long story."))
            session.wait_for(lambda now: len(now.turns) == 2 and now.state is State.SPEAKING, timeout_s=30)
            room.say(clip("Thank you very much."))
            now = session.wait_for_answer(3, timeout_s=40)

        assert share_of_words(events.reply(1), recording) > 0.6
        assert now.problems == ()
        interrupted_s = events.moments("input_audio_buffer.speech_started")[2]
        assert was_loud(recording, interrupted_s)
        assert silent_after_ms(recording, interrupted_s) < 20 + 40 + 30 + 3 * recording.late_ms
        (cut,) = [event for _, _, event in events.seen if event["type"] == "conversation.item.truncate"]
        assert 0 < cut["audio_end_ms"] < len(events.reply(2)) / 24
        assert_whole(events.reply(1), recording, seams=2, at_most_ms=50)  # a reply is a few buffers

    async def test_what_was_heard_is_known_by_the_clock(room: VirtualSound) -> None:
        speech = clip("How are you today?")
        sink, heard = simpleaudio_speaker(), []
        with room.recording() as recording:
            sink.open()
            await sink.opened()
            sink.play("item", speech)
            await until(lambda: sink.head.heard_ms("item") >= 900)
            sink.flush(lambda: heard.append(sink.head.heard_ms("item")))
            sink.play("next", speech)
            sink.end("next")
            await until(lambda: not sink.head.queued_ms)
            sink.close()
        assert heard[0] >= 900
        played = recording.samples
        loud = np.flatnonzero(np.abs(played) > 0.01)
        wanted = np.flatnonzero(np.abs(samples_from_pcm(speech)) > 0.01)
        pause = loud[np.flatnonzero(np.diff(loud) > 24_000 * 0.15)[0]]
        assert (pause - loud[0] + wanted[0]) / 24 == pytest.approx(heard[0], abs=60)
        assert sink.head.heard_ms("next") == len(speech) // 48

    async def test_without_a_device_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALSA_CONFIG_PATH", "/nonexistent")
        sink = SimpleaudioSpeaker()
        sink.open()
        with pytest.raises(AudioError, match=r"simpleaudio cannot play here \(SimpleaudioError.*speaker\(\)"):
            await sink.opened()
