"""Who listens in hears both sides of a talk, also of the next one, and can harm neither."""

from __future__ import annotations

import threading

import pytest

from realtime_helpers import RealtimeSession, SettingsError, SpeechSource
from realtime_helpers.audio.formats import BYTES_PER_MS
from realtime_helpers.audio.sinks import SilentSink


def test_an_ear_hears_what_is_sent_and_what_is_played_through_two_talks() -> None:
    heard: dict[str, int] = {"user": 0, "assistant": 0}

    def ear(side: str, pcm: bytes) -> None:
        heard[side] += len(pcm)

    with RealtimeSession() as session:
        forget = session.listen_in(ear)
        for _ in range(2):
            heard.update(user=0, assistant=0)
            user = SpeechSource()
            session.start(source=user, sink=SilentSink())
            user.say("Tell me a quick story.")
            reply = next(item for item in session.wait_for_answer(1).turns[0].items if item.role == "assistant")
            assert heard["assistant"] / BYTES_PER_MS == pytest.approx(reply.audio_ms, abs=1)
            assert heard["user"] / BYTES_PER_MS > 1_000  # the sentence, and the silence around it
            session.stop()
        forget()
        before = dict(heard)
        session.start(sink=SilentSink())
        session.send_text("Hello.")
        session.wait_for_answer(1)
        assert heard == before


def test_an_ear_that_fails_is_told_of_and_the_other_ear_and_the_talk_go_on() -> None:
    heard: list[str] = []

    failures: list[str] = []

    def broken(side: str, pcm: bytes) -> None:
        failures.append(side)
        raise ZeroDivisionError("no ear")

    with RealtimeSession() as session:
        session.listen_in(broken)
        session.listen_in(lambda side, pcm: heard.append(side))
        session.start(sink=SilentSink())
        session.send_text("Hello.")
        now = session.wait_for_answer(1)
        assert now.turns[0].assistant_text
        assert len(heard) > 1
        assert set(heard) == {"assistant"}
        assert failures == ["assistant"], "it is let go of at once"
        now = session.wait_for(lambda now: bool(now.problems))
        assert [problem for problem in now.problems if "no ear" in problem] == list(now.problems)
        with pytest.raises(SettingsError):
            session.listen_in("loud")  # type: ignore[arg-type]


def test_a_muted_microphone_is_heard_as_the_silence_that_is_sent() -> None:
    heard: list[bytes] = []
    begun, enough = threading.Event(), threading.Event()

    def ear(side: str, pcm: bytes) -> None:
        begun.set()
        heard.append(pcm)
        if len(heard) == 40:
            enough.set()

    with RealtimeSession() as session:
        session.listen_in(ear)
        user = SpeechSource(realtime=True)
        session.start(source=user)
        assert begun.wait(20)
        session.mute()
        session.wait_for(lambda now: now.is_muted)
        heard.clear()
        user.say("Hello there.")
        assert enough.wait(20)
        assert not any(any(pcm) for pcm in heard[:40])
        heard.clear()
        enough.clear()
        session.unmute()
        user.say("Hello there.")
        assert enough.wait(20)
        assert any(any(pcm) for pcm in heard[:40])
