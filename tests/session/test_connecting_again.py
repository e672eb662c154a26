"""How often and how fast a session tries again: never so that a server suffers from it."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from realtime_helpers import SessionError, State
from realtime_helpers.experiments.lab import LabParts, MemoryService, lab_config

from .lab import run, say, text_session


def test_a_server_that_drops_every_new_line_is_given_up_with_longer_and_longer_waits(
    lab: LabParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session = text_session(service)
        await say(session, "Hello.")
        become_ready, ready_s = session._become_ready, []

        def drop() -> None:
            become_ready()
            loop = asyncio.get_running_loop()
            ready_s.append(loop.time())
            loop.call_soon(service.line.cut)

        monkeypatch.setattr(session, "_become_ready", drop)
        service.line.cut()
        with pytest.raises(SessionError, match="lost"):
            await session.wait_for(lambda now: False)
        assert len(service.lines) == 6, "the first line was short-lived too: it counts among the six tries"
        assert ready_s[-1] - ready_s[0] > 5

    run(talk, lab)


def test_a_clock_that_is_ahead_renews_nothing(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session = text_session(service)
        session._clock = lambda: 1.8e9 + 3 * 3600 + asyncio.get_running_loop().time()
        await asyncio.sleep(60)
        assert session.snapshot().state is State.LISTENING
        assert len(service.lines) == 1
        await session.stop()

    run(talk, lab)


def test_two_sessions_that_lose_the_same_server_do_not_come_back_in_step(lab: LabParts) -> None:
    async def tries_of(seed: int) -> list[float]:
        config = lab_config(lab)
        config.seed = seed  # two servers of one seed would mint the same ids
        service = MemoryService(config)
        session = text_session(service)
        session._rng = random.Random(seed)
        await say(session, "Hello.")
        lost_s = asyncio.get_running_loop().time()
        tries: list[float] = []

        async def away() -> Any:
            tries.append(round(asyncio.get_running_loop().time() - lost_s, 3))
            raise SessionError("Nobody answers.", "Start one.")

        service.connect = away  # type: ignore[method-assign]
        service.line.cut()
        with pytest.raises(SessionError, match="Nobody answers"):
            await session.wait_for(lambda now: False)
        return tries

    async def talk(lab: LabParts) -> None:
        one, other = await tries_of(1), await tries_of(2)
        assert len(one) == len(other) > 2
        assert set(one[1:]).isdisjoint(other[1:]), "only the first try comes at once"

    run(talk, lab)
