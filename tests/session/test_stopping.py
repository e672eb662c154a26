"""A session can be stopped at any moment, at once, and leaves no task behind."""

from __future__ import annotations

import asyncio

import pytest

from realtime_helpers import SessionError, State
from realtime_helpers.experiments.lab import LabParts, MemoryService, lab_config

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
