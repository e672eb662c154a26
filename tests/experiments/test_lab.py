"""The laboratory itself: the clock that jumps, and a whole conversation on it."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from realtime_helpers import SessionError, SilentSink, SummaryPolicy
from realtime_helpers.experiments.lab import (
    LabUser,
    MemoryService,
    lab_config,
    lab_parts,
    lab_session,
)
from realtime_helpers.experiments.virtual_time import DeadlockError, VirtualTimeLoop
from realtime_helpers.simulator import Parts
from realtime_helpers.simulator.faults import NO_FAULTS, Fault, Faults


def test_an_hour_of_waiting_takes_no_time() -> None:
    async def wait() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    before_s = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(wait()) >= 3600
    assert time.monotonic() - before_s < 10


def test_a_hang_is_an_error() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError), asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(hang())


def test_time_stands_still_while_a_thread_computes() -> None:
    async def compute() -> float:
        loop = asyncio.get_running_loop()
        timer = asyncio.create_task(asyncio.sleep(60))
        await loop.run_in_executor(None, time.sleep, 0.05)
        now_s = loop.time()
        timer.cancel()
        return now_s

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(compute()) == 0


def test_a_spoken_conversation_with_a_summary_in_virtual_time(parts: Parts) -> None:
    async def talk() -> None:
        own = lab_parts(parts.voice, parts.ears)
        service, user = MemoryService(lab_config(own)), LabUser()
        session = lab_session(service, memory=SummaryPolicy(trigger_tokens=150, keep_turns=1))
        session.start(user, SilentSink())
        for number in range(1, 5):
            user.play(await own.voice.clip("What can you do?"))
            await session.wait_for(lambda now, number=number: now.has_answered(number))
        now = await session.wait_for(lambda now: bool(now.summaries) and not now.is_summarising)
        assert [item.id for item in now.items] == [item.id for item in service.line.session.conversation.items]
        await session.stop()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(talk())


def test_a_line_that_is_cut_by_what_it_carries_is_closed_all_the_same(parts: Parts) -> None:
    class Scissors(Faults):
        def request(self, event_type: str) -> Fault | None:
            if event_type == "response.create":
                service.line.cut()
            return None

    service: MemoryService

    async def talk() -> None:
        nonlocal service
        own = lab_parts(parts.voice, parts.ears)
        service = MemoryService(lab_config(own), lambda: Scissors(NO_FAULTS, random.Random(0)))
        session = lab_session(service, reconnect=None)
        session.start(None, SilentSink())
        session.say_text("Hello.")
        with pytest.raises(SessionError, match="1006"):
            await session.wait_for(lambda now: now.has_answered(1))
        await session.stop()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(talk())
