"""A lost connection loses no turn: the real session against the real simulator, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from realtime_helpers import SessionError, SilentSink, State, SummaryPolicy
from realtime_helpers.experiments.lab import LabParts, LabUser, MemoryService, lab_config, lab_session
from realtime_helpers.session.reconnect import Reconnect
from realtime_helpers.simulator.faults import Fault, Scenario

from .lab import TEXT_ONLY, assert_nothing_is_lost, run, say


def test_after_a_cut_line_the_conversation_goes_on_where_it_was(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session = lab_session(service, config=TEXT_ONLY)
        session.start(None, SilentSink())
        await say(session, "My dog is called Biscuit.", "I live in Lisbon.")
        service.line.cut()
        await session.wait_for(lambda now: now.state is State.RECONNECTING)
        await session.wait_for(lambda now: now.state is State.LISTENING)
        assert len(service.lines) == 2
        assert_nothing_is_lost(session, service)
        await say(session, "What is my dog called?")
        now = session.snapshot()
        assert "Biscuit" in now.turns[-1].assistant_text
        assert (now.restorations[0].words, now.restorations[0].items, now.restorations[0].lost) == (2, 0, 0)
        assert "1006" in now.restorations[0].reason
        assert service.line.session.wire["output_modalities"] == ["text"], "the new session is configured like the old"
        await session.stop()

    run(talk, lab)


def test_a_typed_turn_on_its_way_when_the_line_is_cut_is_sent_again_and_answered(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session = lab_session(service, config=TEXT_ONLY)
        session.start(None, SilentSink())
        await say(session, "Hello.")
        session.say_text("I live in Lisbon.")
        service.line.cut()
        now = await session.wait_for(lambda now: now.has_answered(2))
        assert "Lisbon" in now.turns[1].assistant_text
        assert_nothing_is_lost(session, service)
        await session.stop()

    run(talk, lab)


def test_a_reply_that_was_cut_with_the_line_is_asked_for_again(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session = lab_session(service)
        session.start(None, SilentSink())
        await say(session, "Hello.")
        session.say_text("Tell me a long story.")
        await session.wait_for(lambda now: len(now.turns) == 2 and now.turns[1].assistant_text.count(" ") > 5)
        service.line.cut()
        await session.wait_for(lambda now: now.state is State.RECONNECTING)
        now = await session.wait_for(lambda now: now.has_answered(2))
        assert [item.role for item in now.turns[1].items] == ["user", "assistant", "assistant"]
        assert len(now.turns[1].items[1].text) < len(now.turns[1].items[2].text)
        assert_nothing_is_lost(session, service)
        await session.stop()

    run(talk, lab)


def test_a_recording_whose_words_are_not_known_is_sent_again(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        never = Scenario(faults=(Fault("transcript", "missing", times=1),))
        service, user = MemoryService(lab_config(lab, scenario=never)), LabUser()
        session = lab_session(service)
        session.start(user, SilentSink())
        user.play(await lab.voice.clip("My dog is called Biscuit."))
        await session.wait_for(lambda now: bool(now.turns) and bool(now.turns[0].assistant_text) and now.is_quiet)
        service.config.scenario = Scenario()
        service.line.cut()
        now = await session.wait_for(lambda now: bool(now.restorations) and now.has_answered(1))
        assert (now.restorations[0].items, now.restorations[0].lost) == (1, 0)
        assert "biscuit" in now.turns[0].user_text, "it was transcribed at the second try"
        assert_nothing_is_lost(session, service)
        await session.stop()

    run(talk, lab)


def test_speech_that_the_old_server_made_no_turn_of_is_sent_again(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service, user = MemoryService(lab_config(lab)), LabUser()
        session = lab_session(service)
        session.start(user, SilentSink())
        await session.wait_for(lambda now: now.state is State.LISTENING)
        clip = await lab.voice.clip("My dog is called Biscuit.")
        user.play(clip[: len(clip) // 2], pause_ms=0)
        await session.wait_for(lambda now: now.state is State.HEARING)
        service.line.cut()
        user.play_on(clip[len(clip) // 2 :])
        now = await session.wait_for(lambda now: now.has_answered(1))
        assert now.turns[0].user_text == "my dog is called biscuit"
        await session.stop()

    run(talk, lab)


@pytest.mark.parametrize(
    "step",
    ["conversation.item.create", "conversation.item.delete"],
)
def test_a_line_cut_in_the_middle_of_a_splice_loses_nothing(lab: LabParts, step: str) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        cut_at: list[str] = []

        def trace(direction: str, event: dict[str, Any], _at: float) -> None:
            is_splice = event["type"] == step and (step.endswith("delete") or event["item"]["role"] == "system")
            if direction == "sent" and is_splice and not cut_at:
                cut_at.append(event["type"])
                service.line.cut()

        memory = SummaryPolicy(trigger_tokens=150, keep_turns=1)
        session = lab_session(service, config=TEXT_ONLY, memory=memory, trace=trace)
        session.start(None, SilentSink())
        await say(session, "My dog is called Biscuit.", "Tell me a long story.", "I live in Lisbon.", "Thank you.")
        await session.wait_for(lambda now: bool(now.restorations))
        assert_nothing_is_lost(session, service)
        await say(
            session, "What is my dog called?", "Where do I live?", "Tell me a long story.", "What is my dog called?"
        )
        now = await session.wait_for(lambda now: not now.is_summarising and now.is_quiet)
        assert_nothing_is_lost(session, service)
        assert "Biscuit" in now.turns[4].assistant_text
        assert "Lisbon" in now.turns[5].assistant_text
        assert "Biscuit" in now.turns[7].assistant_text
        assert any(record.occasion == "due" for record in now.summaries)
        await session.stop()

    run(talk, lab)


def test_an_hour_that_ends_is_not_noticed(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab, session_seconds=600))
        session = lab_session(service, config=TEXT_ONLY)
        session.start(None, SilentSink())
        for number in range(30):
            await say(session, "My dog is called Biscuit." if number == 0 else "How are you?")
            await asyncio.sleep(60)
        now = session.snapshot()
        assert len(service.lines) >= 3
        assert all("longest duration" in restoration.reason for restoration in now.restorations)
        assert now.problems == ()
        assert_nothing_is_lost(session, service)
        await say(session, "What is my dog called?")
        assert "Biscuit" in session.snapshot().turns[-1].assistant_text
        await session.stop()

    run(talk, lab)


def test_a_server_that_stays_away_is_given_up_in_words(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session = lab_session(service, config=TEXT_ONLY, reconnect=Reconnect(attempts=4))
        session.start(None, SilentSink())
        await say(session, "Hello.")
        await asyncio.sleep(60)
        tries: list[float] = []

        async def away() -> Any:
            tries.append(asyncio.get_running_loop().time())
            raise SessionError("Nobody answers.", "Start one.")

        service.connect = away  # type: ignore[method-assign]
        service.line.cut()
        with pytest.raises(SessionError, match=r"lost.*could not be made again: Nobody answers\. Start one\."):
            await session.wait_for(lambda now: len(now.turns) > 9)
        assert len(tries) == 4
        waits = [after - before for before, after in itertools.pairwise(tries)]
        assert waits == sorted(waits), "it waits longer each time"
        assert session.snapshot().turns[0].user_text == "Hello."

    run(talk, lab)


def test_what_is_said_while_there_is_no_line_is_answered_when_there_is_one(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session = lab_session(service, config=TEXT_ONLY)
        session.start(None, SilentSink())
        await say(session, "Hello.")
        connect, failed = service.connect, [0]

        async def sometimes() -> Any:
            failed[0] += 1
            if failed[0] < 3:
                raise SessionError("Nobody answers.", "Start one.")
            return await connect()

        service.connect = sometimes  # type: ignore[method-assign]
        service.line.cut()
        await session.wait_for(lambda now: now.state is State.RECONNECTING)
        session.say_text("I live in Lisbon.")
        now = await session.wait_for(lambda now: now.has_answered(2))
        assert "Lisbon" in now.turns[1].assistant_text
        assert_nothing_is_lost(session, service)
        await session.stop()

    run(talk, lab)
