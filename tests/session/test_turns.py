"""Who speaks when: turn detection with and without replies of its own, interruptions, silence, loudspeakers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime_helpers import EchoGuard, SettingsError
from realtime_helpers.audio.formats import CHUNK_BYTES, CHUNK_MS
from realtime_helpers.experiments.lab import LabParts, LabUser
from realtime_helpers.protocol import Event, clear_audio
from realtime_helpers.protocol.frames import base64_to_pcm
from realtime_helpers.session.echo_guard import GuardedEar
from realtime_helpers.session.replies import SETTLE_PATIENCE_S
from realtime_helpers.session.snapshot import State

from .floor import STORY, AirSink, Floor, Mouth, RoomMouth, Script, SlowSink, run
from .lab import BISCUIT, snap

YES = "Yes, of course."


def detection(**changes: Any) -> dict[str, Any]:
    turns = {"type": "server_vad", "silence_duration_ms": 200, **changes}
    return {"audio": {"input": {"turn_detection": turns, "transcription": {"model": "gpt-4o-mini-transcribe"}}}}


async def listening(floor: Floor) -> None:
    await floor.until(lambda now: now.state is State.LISTENING)


async def heard_turns(floor: Floor, count: int) -> None:
    await floor.until(lambda now: len([i for i in now.items if i.role == "user"]) == count)


# -- replies only when asked for --------------------------------------------------------------------------


def test_a_reply_to_everything_that_was_said_comes_when_it_is_asked_for(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user, script = LabUser(), Script([YES])
        floor = Floor(lab, script, user, config=detection(create_response=False))
        await listening(floor)
        user.play(await lab.voice.clip(BISCUIT))
        user.play(await lab.voice.clip("I live in Lisbon."))
        await heard_turns(floor, 2)
        await asyncio.sleep(5)
        assert floor.now.is_quiet, "nobody is to answer yet"
        assert not floor.received("response.created")
        floor.session.respond()
        floor.session.respond()  # the same question
        await floor.answered(1)
        await asyncio.sleep(20)
        assert script.read == [["my dog is called biscuit", "i live in lisbon"]]
        assert len(floor.sent("response.create")) == 1
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_asking_while_the_user_speaks_waits_for_the_end_of_it(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user, script = LabUser(), Script([YES])
        floor = Floor(lab, script, user, config=detection(create_response=False))
        await listening(floor)
        clip = await lab.voice.clip(BISCUIT)
        user.play(clip[: len(clip) // 2], pause_ms=0)
        await floor.until(lambda now: now.state is State.HEARING)
        floor.session.respond()
        await asyncio.sleep(1)
        assert not floor.sent("response.create")
        user.play_on(clip[len(clip) // 2 :])
        await floor.answered(1)
        assert script.read == [["my dog is called biscuit"]]
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_what_is_said_during_a_reply_can_be_answered_after_it(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user, script = LabUser(), Script([STORY], [YES])
        floor = Floor(lab, script, user, config=detection(create_response=False, interrupt_response=False))
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        user.play(await lab.voice.clip(BISCUIT))
        await heard_turns(floor, 2)
        assert floor.session.conversation.active_response_id, "the story goes on"
        floor.session.respond()
        await floor.answered(2)
        assert script.read[-1] == ["Tell me a story.", "my dog is called biscuit"]
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


# -- replies that are not interrupted ---------------------------------------------------------------------


def test_a_reply_that_is_not_interrupted_sounds_to_its_end_and_then_the_user_is_answered(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user, script = LabUser(), Script([STORY], [YES])
        floor = Floor(lab, script, user, config=detection(interrupt_response=False))
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        user.play(await lab.voice.clip(BISCUIT))
        await heard_turns(floor, 2)
        assert floor.now.state is State.SPEAKING
        await floor.answered(2)
        story, answer = floor.replies()
        assert story.heard_ms is None
        assert story.text == STORY
        assert answer.text == YES, "the server skips the answer of speech that ends while a response runs"
        assert not floor.sent("conversation.item.truncate")
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


# -- crossings on the line --------------------------------------------------------------------------------


@pytest.mark.parametrize("goes_on", [False, True], ids=["speech ends", "speech goes on"])
def test_a_reply_that_begins_while_the_user_speaks_is_cancelled_and_the_user_answered(
    lab: LabParts, goes_on: bool
) -> None:
    async def talk(lab: LabParts) -> None:
        user, script = LabUser(), Script([YES])
        asked = False

        def ask_across(way: str, event: Event) -> None:
            nonlocal asked
            if way == "sent" and event["type"] == "input_audio_buffer.append" and not asked and floor.service.line._up:
                asked = len(floor.sent("input_audio_buffer.append")) > 10
                if asked:  # speech has begun, and nobody here knows it yet
                    floor.session.respond()

        floor = Floor(lab, script, user, config=detection(), on_event=ask_across)
        await listening(floor)
        clip = await lab.voice.clip(BISCUIT)
        user.play(clip if not goes_on else clip[: len(clip) // 2], pause_ms=0 if goes_on else 800)
        if goes_on:
            await floor.until_received("response.done")
            user.play_on(clip[len(clip) // 2 :])
        await floor.until(lambda now: now.is_quiet and now.turns and now.turns[-1].assistant_text == YES)
        assert floor.now.state is State.LISTENING
        first, *_ = floor.received("response.created")
        began = floor.received("input_audio_buffer.speech_started")[0]
        order = [event for _, _, event in floor.events]
        assert order.index(began) < order.index(first), "the response was created during speech"
        assert all(turn.is_answered for turn in floor.now.turns)
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_a_false_start_leaves_a_session_that_listens(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user = LabUser()
        floor = Floor(lab, Script([STORY], [YES]), user, config=detection())
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        await asyncio.sleep(0.5)
        clip = await lab.voice.clip(BISCUIT)
        user.play(clip[: len(clip) // 2], pause_ms=0)
        await floor.until_received("input_audio_buffer.speech_started")
        floor.session._send(clear_audio())
        now = await floor.until(lambda now: now.is_quiet)
        assert now.state is State.LISTENING
        assert len(now.turns) == 1
        assert now.turns[0].items[-1].heard_ms
        user.play(await lab.voice.clip(BISCUIT))
        await floor.answered(2)
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_sound_that_comes_after_its_response_was_cancelled_is_not_played(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([STORY], [YES]))
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        floor.session.interrupt()
        late = len(floor.received("response.output_audio.delta"))
        await floor.until_received("response.done")
        assert len(floor.received("response.output_audio.delta")) > late, "some was on its way"
        assert floor.sink.head.queued_ms == 0
        floor.session.say_text("Go on.")
        await floor.answered(2)
        assert floor.replies()[1].heard_ms is None, "the next response sounds"
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_interrupting_a_session_that_is_silent_changes_nothing(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([YES]))
        floor.session.interrupt()
        await listening(floor)
        floor.session.interrupt()
        floor.session.say_text("Hello.")
        await floor.answered(1)
        floor.session.interrupt()
        await asyncio.sleep(1)
        assert floor.order_sent == ["session.update", "conversation.item.create", "response.create"]
        await floor.session.stop()

    run(talk, lab)


def test_a_reply_that_was_interrupted_is_not_given_again_after_a_lost_line(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([STORY]))
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        floor.session.interrupt()
        snap(floor.service)
        await floor.until(lambda now: now.restorations and now.is_quiet)
        await asyncio.sleep(10)
        assert len(floor.sent("response.create")) == 1
        await floor.session.stop()

    run(talk, lab)


# -- a sink that knows later what was heard ---------------------------------------------------------------


def test_what_a_slow_sink_played_is_told_before_the_next_response_is_asked_for(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([STORY], [YES]), sink=SlowSink(0.2))
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        await asyncio.sleep(0.7)
        floor.session.interrupt()
        floor.session.say_text("Go on.")
        assert not floor.now.is_quiet
        await floor.answered(2)
        kinds = [kind for kind in floor.order_sent if kind in {"conversation.item.truncate", "response.create"}]
        assert kinds == ["response.create", "conversation.item.truncate", "response.create"]
        assert abs((floor.replies()[0].heard_ms or 0) - 700) <= CHUNK_MS
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_a_reply_may_begin_before_it_is_known_what_was_heard_of_the_last(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user, sink = LabUser(), SlowSink(0.9)
        floor = Floor(lab, Script([STORY], [YES]), user, sink, config=detection())
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        await asyncio.sleep(0.5)
        user.play(await lab.voice.clip(BISCUIT))  # all of it at once: the server answers before the sink does
        await floor.until_received(
            "response.output_audio.delta", 1 + len(floor.received("response.output_audio.delta"))
        )
        first = floor.replies()[0]
        assert not floor.sent("conversation.item.truncate")
        assert first.id in floor.session._replies.playing, "not to be summarised before it is known"  # type: ignore[union-attr]
        await floor.answered(2)
        silent_s = next(at_s for at_s, _, event in floor.events if event["type"] == "input_audio_buffer.speech_started")
        heard_ms = (silent_s - floor.ear.begins_s(first.id)) * 1000
        assert abs((floor.replies()[0].heard_ms or 0) - heard_ms) <= CHUNK_MS
        assert floor.replies()[1].heard_ms is None
        assert len(floor.sent("conversation.item.truncate")) == 1
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_a_line_may_be_lost_before_it_is_known_what_was_heard(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([STORY], [YES]), sink=SlowSink(0.3))
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        await asyncio.sleep(0.5)
        floor.session.interrupt()
        snap(floor.service)
        await floor.until(lambda now: now.restorations)
        floor.session.say_text("Go on.")
        await floor.until(lambda now: now.is_quiet and len(now.turns) == 2 and now.turns[1].is_answered)
        assert abs((floor.replies()[0].heard_ms or 0) - 500) <= CHUNK_MS
        unheard = STORY.split()[-1]  # the next reply tells it again
        assert not any(unheard in item.text for item in floor.on_server[:-1]), "nobody heard the end"
        assert not floor.received("error")
        await floor.session.stop()

    run(talk, lab)


def test_a_sink_that_never_says_what_was_heard_holds_nobody_up(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([STORY], [YES]), sink=SlowSink(None))
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        await asyncio.sleep(0.5)
        floor.session.interrupt()
        began_s = asyncio.get_running_loop().time()
        floor.session.say_text("Go on.")
        await floor.until(lambda _now: floor.sent("conversation.item.truncate"))
        assert asyncio.get_running_loop().time() - began_s <= SETTLE_PATIENCE_S + 0.1
        await floor.answered(2)
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


# -- an open loudspeaker ----------------------------------------------------------------------------------


@pytest.mark.parametrize("guard", [None, EchoGuard(tail_ms=200)], ids=["without a guard", "guarded"])
def test_with_a_guard_the_model_does_not_hear_itself(lab: LabParts, guard: EchoGuard | None) -> None:
    async def talk(lab: LabParts) -> None:
        sink = AirSink()
        mouth = RoomMouth(sink)
        floor = Floor(lab, Script([STORY], [YES]), mouth, sink, config=detection(), echo_guard=guard)
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until(lambda _now: floor.received("response.output_audio.delta"))
        await asyncio.sleep(12)
        story = floor.replies()[0]
        if guard is None:
            assert story.heard_ms is not None, "it took its own voice for the user's"
            await floor.session.stop()
            return
        assert story.heard_ms is None
        assert not floor.received("input_audio_buffer.speech_started")
        length_s = mouth.say(await lab.voice.clip(BISCUIT))
        began_ms = asyncio.get_running_loop().time() * 1000
        await asyncio.sleep(length_s)
        now = await floor.answered(2)
        await floor.until(lambda now: not now.turns[1].pending)
        assert now.turns[1].user_text == "my dog is called biscuit"
        offset_ms = floor.received("input_audio_buffer.speech_started")[0]["audio_start_ms"]
        written_ms = sum(len(event["audio"]) * 3 // 4 for event in floor.sent("input_audio_buffer.append")) / 48
        assert offset_ms <= written_ms, "silence took the place of what was not heard"
        assert abs(offset_ms - began_ms) < 500
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_a_guarded_reply_can_be_interrupted_with_a_button(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        sink = AirSink()
        mouth = RoomMouth(sink)
        floor = Floor(lab, Script([STORY], [YES]), mouth, sink, config=detection(), echo_guard=EchoGuard())
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        await asyncio.sleep(0.6)
        floor.session.interrupt()
        await asyncio.sleep(0.4)
        mouth.say(await lab.voice.clip(BISCUIT))
        await floor.answered(2)
        assert abs((floor.replies()[0].heard_ms or 0) - 600) <= CHUNK_MS
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_a_guard_is_deaf_while_it_sounds_and_a_tail_longer() -> None:
    ear = GuardedEar(EchoGuard(tail_ms=100))
    chunk = b"\1" * CHUNK_BYTES
    assert ear.hear(chunk, 0.0, is_sounding=False) == chunk
    assert ear.hear(chunk, 1.0, is_sounding=True) == bytes(CHUNK_BYTES)
    assert ear.hear(chunk, 1.09, is_sounding=False) == bytes(CHUNK_BYTES)
    assert ear.hear(chunk, 1.11, is_sounding=False) == chunk
    assert GuardedEar(None).hear(chunk, 0.0, is_sounding=True) == chunk
    with pytest.raises(SettingsError, match="0 or more"):
        EchoGuard(tail_ms=-1)


def test_a_guard_is_for_microphones_and_eats_nothing_of_a_source_that_can_wait(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user = LabUser()
        floor = Floor(lab, Script([STORY], [YES]), user, echo_guard=EchoGuard())
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        user.play(await lab.voice.clip(BISCUIT))
        await floor.answered(2)
        now = await floor.until(lambda now: not now.turns[1].pending)
        assert now.turns[1].user_text == "my dog is called biscuit"
        await floor.session.stop()

    run(talk, lab)


def test_a_muted_microphone_sends_silence_so_that_the_turn_ends(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = Floor(lab, Script([YES]), mouth, config=detection())
        await listening(floor)
        length_s = mouth.say(await lab.voice.clip(BISCUIT) + b"\x11" * CHUNK_BYTES * 50)
        await asyncio.sleep(length_s - 50 * CHUNK_MS / 1000)
        floor.session.mute(True)
        now = await floor.answered(1)
        assert floor.session.snapshot().state is State.LISTENING
        await asyncio.sleep(3)
        sent = b"".join(base64_to_pcm(event["audio"]) for event in floor.sent("input_audio_buffer.append"))
        assert b"\x11" * CHUNK_BYTES * 3 not in sent
        other = Mouth()
        floor.session.use(other, None)
        await asyncio.sleep(other.say(await lab.voice.clip("How are you?")) + 2)
        assert len(floor.now.turns) == 1, "another microphone is muted too"
        floor.session.mute(False)
        other.say(await lab.voice.clip(BISCUIT))
        await floor.answered(2)
        now = await floor.until(lambda now: not any(turn.pending for turn in now.turns))
        assert [turn.user_text for turn in now.turns] == ["my dog is called biscuit"] * 2
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)
