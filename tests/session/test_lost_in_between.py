"""A line that is lost at a bad moment: between two events of one turn, or again while the conversation comes back."""

from __future__ import annotations

import asyncio

import pytest

from realtime_helpers import SessionError, State, SummaryPolicy
from realtime_helpers.audio.sinks import TimedSink
from realtime_helpers.experiments.lab import LabParts, MemoryService, lab_config
from realtime_helpers.session import uploads
from realtime_helpers.session.live import LiveSession
from realtime_helpers.simulator.faults import Fault, Scenario

from .lab import (
    BISCUIT,
    NEVER_TRANSCRIBED,
    assert_nothing_is_lost,
    cut_at,
    run,
    say,
    say_aloud,
    server_texts,
    snap,
    text_session,
    voice_session,
)


@pytest.mark.parametrize(
    "kind",
    [
        "session.created",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
    ],
)
def test_a_spoken_question_cut_after_any_event_is_answered_once(lab: LabParts, kind: str) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session, user = voice_session(service, trace=cut_at(service, "received", kind))
        user.play(await lab.voice.clip(BISCUIT))
        await session.wait_for(lambda now: bool(now.restorations) and now.has_answered(1))
        await asyncio.sleep(60)  # a second answer would come by now
        now = session.snapshot()
        assert [turn.user_text for turn in now.turns] == ["my dog is called biscuit"]
        assert [item.role for item in now.items if item.status == "completed"].count("assistant") == 1
        assert len(now.responses) == 1
        await session.stop()

    run(talk, lab)


def test_a_line_lost_before_it_was_configured_is_made_again(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session, user = voice_session(service, trace=cut_at(service, "sent", "session.update"))
        user.play(await lab.voice.clip(BISCUIT))
        now = await session.wait_for(lambda now: bool(now.restorations) and now.has_answered(1))
        assert len(service.lines) == 2
        assert [turn.user_text for turn in now.turns] == ["my dog is called biscuit"]
        await session.stop()

    run(talk, lab)


def test_a_question_typed_while_the_user_speaks_comes_back_as_a_question(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session, user = voice_session(service)
        await session.wait_for(lambda now: now.state is State.LISTENING)
        clip = await lab.voice.clip(BISCUIT)
        user.play(clip[: len(clip) // 2], pause_ms=0)
        await session.wait_for(lambda now: now.state is State.HEARING)
        session.say_text("I live in Lisbon.")
        await session.wait_for(lambda now: len(now.turns) == 1)
        snap(service)
        await session.wait_for(lambda now: bool(now.restorations))
        first = service.line.session.conversation.items[0]
        assert (first.role, first.text) == ("user", "I live in Lisbon."), "not as memory: nobody answered it"
        user.play_on(clip[len(clip) // 2 :])
        now = await session.wait_for(lambda now: len(now.turns[0].items) == 3 and now.has_answered(1))
        assert now.turns[0].user_text == "I live in Lisbon. my dog is called biscuit"
        await session.stop()

    run(talk, lab)


async def hear_half_a_second(session: LiveSession, sink: TimedSink) -> str:
    """Have a story told, hear the beginning of it; returns its last words, which nobody heard."""
    session.say_text("Tell me a long story.")
    now = await session.wait_for(lambda now: any(entry.status == "completed" for entry in now.responses))
    sink.advance(500)
    return " ".join(now.turns[0].assistant_text.split()[-6:])


def test_words_that_nobody_heard_do_not_come_back_when_the_truncation_was_lost(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service, sink = MemoryService(lab_config(lab)), TimedSink()
        session, user = voice_session(service, sink, cut_at(service, "sent", "conversation.item.truncate"))
        unheard = await hear_half_a_second(session, sink)
        user.play(await lab.voice.clip(BISCUIT))
        now = await session.wait_for(lambda now: bool(now.restorations) and len(now.turns) == 2)
        assert unheard not in now.turns[0].assistant_text
        assert unheard not in " ".join(server_texts(service))
        await session.stop()

    run(talk, lab)


def test_a_reply_that_still_sounds_after_the_loss_falls_silent_when_the_user_speaks(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service, sink = MemoryService(lab_config(lab)), TimedSink()
        session, user = voice_session(service, sink)
        unheard = await hear_half_a_second(session, sink)
        snap(service)
        await session.wait_for(lambda now: bool(now.restorations))
        user.play(await lab.voice.clip(BISCUIT))
        now = await session.wait_for(lambda now: len(now.turns) == 2 and bool(now.turns[1].assistant_text))
        assert unheard in now.turns[0].assistant_text, "it came back as text, and counts as heard"
        assert_nothing_is_lost(session, service)
        assert not any("refused" in problem for problem in now.problems), "there is no sound left to truncate"
        await session.stop()

    run(talk, lab)


@pytest.mark.parametrize("nth", range(1, 9))
def test_a_second_loss_while_the_conversation_comes_back_loses_nothing(lab: LabParts, nth: int) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        memory = SummaryPolicy(trigger_tokens=150, keep_turns=1)
        session = text_session(service, memory=memory, trace=cut_at(service, "received", nth=nth, line=2))
        await say(session, BISCUIT, "Tell me a long story.", "I live in Lisbon.", "Thank you.")
        session.say_text("What is my dog called?")
        await session.wait_for(lambda now: session.conversation.reply_is_due)
        snap(service)
        await session.wait_for(lambda now: len(service.lines) == 3 and now.has_answered(5))
        now = await session.wait_for(lambda now: not now.is_summarising)
        assert_nothing_is_lost(session, service)
        assert "Biscuit" in now.turns[4].assistant_text
        assert [item.role for item in now.turns[4].items] == ["user", "assistant"]
        assert sum(item.is_summary for item in now.items) == 1
        await session.stop()

    run(talk, lab)


@pytest.mark.parametrize("refusals", [1, 4])
def test_a_memory_that_the_new_server_refuses_is_sent_again(lab: LabParts, refusals: int) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session = text_session(service)
        await say(session, BISCUIT, "I live in Lisbon.")
        fault = Fault("request", "refused", event="conversation.item.create", times=refusals)
        service.config.scenario = Scenario(faults=(fault,))
        snap(service)
        now = await session.wait_for(lambda now: bool(now.restorations))
        assert len(service.lines) == 2
        assert len(now.problems) == 1, "what repeats itself is said once"
        assert_nothing_is_lost(session, service)
        await session.stop()

    run(talk, lab)


def test_a_memory_that_no_server_takes_ends_the_session_in_words(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session = text_session(service)
        await say(session, BISCUIT)
        fault = Fault("request", "refused", event="conversation.item.create", times=40)
        service.config.scenario = Scenario(faults=(fault,))
        snap(service)
        await asyncio.sleep(200)
        now = session.snapshot()
        assert now.state is State.FAILED
        assert "could not be made again: The server refused" in str(now.error)
        assert now.turns[0].user_text == BISCUIT

    run(talk, lab)


def test_one_item_that_the_new_server_refuses_is_counted_as_lost(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab, scenario=NEVER_TRANSCRIBED))
        session, user = voice_session(service)
        await say_aloud(session, user, await lab.voice.clip(BISCUIT))
        (question,) = session._uploads.clips
        session._uploads.clips[question] = b""  # no server takes an empty recording
        snap(service)
        now = await session.wait_for(lambda now: bool(now.restorations) and now.state is State.LISTENING)
        assert len(service.lines) == 2
        assert (now.restorations[0].items, now.restorations[0].lost) == (1, 1)
        assert "1 part(s)" in now.problems[-1]
        assert "Biscuit" in " ".join(server_texts(service)), "the answer came back without the question"
        await session.stop()

    run(talk, lab)


def test_a_recording_that_is_not_kept_any_more_is_not_waited_for(
    lab: LabParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_KEPT_BYTES", 1000)

    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab, scenario=NEVER_TRANSCRIBED))
        session, user = voice_session(service)
        await say_aloud(session, user, await lab.voice.clip(BISCUIT))
        snap(service)
        now = await session.wait_for(lambda now: bool(now.restorations) and now.has_answered(1))
        assert now.restorations[0].lost == 1
        assert "1 part(s)" in now.problems[-1]
        await session.stop()

    run(talk, lab)


def test_a_newer_fact_stays_behind_an_older_recording(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab, scenario=NEVER_TRANSCRIBED))
        session, user = voice_session(service)
        await say_aloud(session, user, await lab.voice.clip(BISCUIT))
        session.say_text("I renamed my dog. My dog is called Rex.")
        await session.wait_for(lambda now: now.has_answered(2))
        service.config.scenario = Scenario()
        snap(service)
        await session.wait_for(lambda now: bool(now.restorations) and now.has_answered(1))
        await say(session, "What is my dog called?")
        assert "Rex" in session.snapshot().turns[-1].assistant_text
        await session.stop()

    run(talk, lab)


@pytest.mark.parametrize("question", [1, 4])
def test_a_check_of_the_items_over_a_lost_line_does_not_call_them_missing(lab: LabParts, question: int) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        trace = cut_at(service, "sent", "conversation.item.retrieve", nth=question)
        session = text_session(service, trace=trace)
        await say(session, "Hello.", "I live in Lisbon.")
        assert len(session.conversation.item_ids) == 4
        with pytest.raises(SessionError, match="connection was lost"):
            await session.check_items()
        await session.stop()

    run(talk, lab)
