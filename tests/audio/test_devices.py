"""Microphone and speaker of a machine, for real: PortAudio plays into and records from virtual devices."""

from __future__ import annotations

import time

from realtime_helpers import RealtimeSession, State, microphone, speaker
from realtime_helpers.audio.sources import TappedSource

from . import talking
from .talking import Events, breaks_in_hum, clip, hum, silent_after_ms, was_loud, words_in, worst_gap_ms
from .virtual_sound import VirtualSound

MEASURING_MS = 30
"""Blocks in which the virtual card plays and records."""


def test_a_conversation_with_an_interruption_goes_through_microphone_and_speaker(
    room: VirtualSound, simulator_url: str
) -> None:
    events, loudspeaker = Events(), speaker("loudspeaker")
    with RealtimeSession(trace=events) as session, room.recording() as recording:
        session.start(source=microphone("desk"), sink=loudspeaker)
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=30)
        room.say(clip("What can you do?"))
        session.wait_for(lambda now: now.state is State.SPEAKING, timeout_s=30)
        first = session.wait_for_answer(1, timeout_s=40)
        room.say(clip("Tell me a long story."))
        session.wait_for(lambda now: len(now.turns) == 2 and now.state is State.SPEAKING, timeout_s=30)
        room.say(clip("Thank you very much."))  # it takes longer to be recognised as speech than the story to begin
        now = session.wait_for_answer(3, timeout_s=40)

    assert "tell stories" in (first.turns[0].assistant_text or "")
    assert "thank you" in (now.turns[2].user_text or "")
    assert {"stories", "window", "tools", "model", "language"} & words_in(recording)
    assert now.dropped_chunks == 0
    assert now.problems == ()

    latency = now.latency
    assert [latency.first_audio.count, latency.first_sound.count, latency.silence.count] == [3, 3, 1]
    assert all(
        0 <= sound - audio < 200 for audio, sound in zip(latency.first_audio.ms, latency.first_sound.ms, strict=True)
    )
    assert latency.silence.ms[0] < 20
    assert 0 < (latency.upload_delay.median or 0) < 20, "from the device's own process to the socket"

    interrupted_s = events.moments("input_audio_buffer.speech_started")[2]
    assert was_loud(recording, interrupted_s), "the story sounded when the user began to speak"
    silent_ms = silent_after_ms(recording, interrupted_s)
    assert silent_ms < 20 + loudspeaker.output_latency_ms + 40 + MEASURING_MS, silent_ms
    (cut,) = [event for _, _, event in events.seen if event["type"] == "conversation.item.truncate"]
    assert 0 < cut["audio_end_ms"] < len(events.reply(cut["item_id"])) / 24


def test_audio_flows_both_ways_while_a_cell_computes(room: VirtualSound, simulator_url: str) -> None:
    events, heard = Events(), bytearray()
    ear, loudspeaker = microphone("desk"), speaker("loudspeaker")
    with RealtimeSession(trace=events) as session, room.recording() as recording:
        session.start(source=TappedSource(ear, heard.extend), sink=loudspeaker)
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=30)
        room.say(clip("What can you do?"))
        session.wait_for(lambda now: now.state is State.SPEAKING, timeout_s=30)
        room.say(hum(9))
        heard_before, began_s = len(heard), time.monotonic()
        stopped_s: list[float] = []

        def stop() -> None:
            asked_s = time.monotonic()
            session.stop()
            stopped_s.append(time.monotonic() - asked_s)

        stopping = talking.later(9.5, stop)
        assert talking.compute(10) > 1_000_000
        stopping.join(10)
        took_s = time.monotonic() - began_s

    assert took_s < 11
    (reply,) = {event["item_id"] for _, _, event in events.seen if event["type"] == "response.output_audio.delta"}
    assert worst_gap_ms(events.reply(reply), recording) < 5
    assert loudspeaker.head.underruns == 0
    assert ear.dropped_chunks == session.snapshot.dropped_chunks == 0
    assert breaks_in_hum(bytes(heard[heard_before:])) == 0
    assert len(heard) - heard_before > 8_500 * 48, "it was heard as long as it hummed"
    assert stopped_s[0] < 1
    assert session.snapshot.state is State.STOPPED


def test_a_call_that_keeps_the_interpreter_to_itself_breaks_nothing(room: VirtualSound, simulator_url: str) -> None:
    events, heard = Events(), bytearray()
    ear = microphone("desk")
    with RealtimeSession(trace=events) as session, room.recording() as recording:
        session.start(source=TappedSource(ear, heard.extend), sink=speaker("loudspeaker"))
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=30)
        room.say(clip("How are you today?"))
        session.wait_for(lambda now: any(turn.assistant_text for turn in now.turns) and not now.responses, timeout_s=30)
        session.wait_for(lambda now: len(now.responses) == 1, timeout_s=30)
        said = room.say(hum(3))
        began_s = time.monotonic()
        sum(range(60_000_000))  # one call: no other thread of this process moves
        blocked_s = time.monotonic() - began_s
        session.wait_for_answer(1, timeout_s=30)
        said.join(10)
        session.wait_for(lambda now: breaks_in_hum(bytes(heard[-int(2.5 * 48_000) :])) == 0, timeout_s=5)

    assert blocked_s > 0.5
    (reply,) = {event["item_id"] for _, _, event in events.seen if event["type"] == "response.output_audio.delta"}
    assert worst_gap_ms(events.reply(reply), recording) < 5
    assert ear.dropped_chunks == session.snapshot.dropped_chunks == 0
