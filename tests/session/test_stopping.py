"""A session can be stopped at any moment, at once, and leaves no task behind."""

from __future__ import annotations

import asyncio

import pytest

from realtime_helpers import SessionError, State
from realtime_helpers.audio.sinks import TimedSink
from realtime_helpers.experiments.lab import LabParts, MemoryService, lab_config, lab_session

from .lab import run, say, text_session


def test_a_stop_in_the_tick_of_the_start_ends_whoever_waits(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        session = text_session(MemoryService(lab_config(lab)))
        waiting = session.wait_for(lambda now: bool(now.turns))
        await session.stop()
        assert session.snapshot().state is State.STOPPED
        with pytest.raises(SessionError):
            await waiting

    run(talk, lab)


@pytest.mark.parametrize("ticks", range(5))
def test_a_stop_around_a_cut_is_not_swallowed(lab: LabParts, ticks: int) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session = text_session(service)
        await say(session, "Hello.")
        session.say_text("Tell me a long story.")
        await session.wait_for(lambda now: session.conversation.reply_is_due)
        service.line.cut()
        for _ in range(ticks):
            await asyncio.sleep(0)
        async with asyncio.timeout(3):
            await session.stop()
        assert session.snapshot().state is State.STOPPED
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(talk, lab)


def test_no_timer_is_left_after_a_stop_while_somebody_waits_for_the_last_sound(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        session = lab_session(MemoryService(lab_config(lab)))
        session.start(None, TimedSink())
        session.say_text("Hello.")
        await session.wait_for(lambda now: any(response.status == "completed" for response in now.responses))
        waiting = session.wait_for(lambda _now: False)
        armed = session._next_look
        assert armed is not None
        await session.stop()
        assert waiting.exception() is not None
        assert armed.cancelled()
        assert session._next_look is None or session._next_look.cancelled()

    run(talk, lab)
