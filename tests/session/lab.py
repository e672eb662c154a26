"""What the tests of lost lines share: talks in virtual time, lines that are cut at an event, and what must be kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from realtime_helpers import SilentSink, lost_items
from realtime_helpers.audio.sinks import Sink
from realtime_helpers.experiments.lab import LabParts, LabUser, MemoryService, lab_session
from realtime_helpers.experiments.virtual_time import VirtualTimeLoop
from realtime_helpers.session.live import LiveSession
from realtime_helpers.simulator.faults import Fault, Scenario

TEXT_ONLY = {"output_modalities": ["text"]}
BISCUIT = "My dog is called Biscuit."
TALK = (BISCUIT, "Tell me a long story.", "I live in Lisbon.", "My cat is called Pepper.", "Thank you.")
NEVER_TRANSCRIBED = Scenario(faults=(Fault("transcript", "missing"),))
Talk = Callable[[LabParts], Awaitable[None]]

_LONGEST_TALK_S = 3 * 3600.0


def run(talk: Talk, lab: LabParts) -> None:
    """Run a talk in virtual time; one that waits for ever fails."""

    async def limited() -> None:
        async with asyncio.timeout(_LONGEST_TALK_S):
            await talk(lab)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(limited())


def text_session(service: MemoryService, **options: Any) -> LiveSession:
    """A session that runs, for typed turns and written replies; `options` are those of `lab_session`."""
    session = lab_session(service, config=TEXT_ONLY, **options)
    session.start(None, SilentSink())
    return session


def voice_session(
    service: MemoryService, sink: Sink | None = None, trace: Any = None, **options: Any
) -> tuple[LiveSession, LabUser]:
    """A session that runs, and who speaks to it."""
    session, user = lab_session(service, trace=trace, **options), LabUser()
    session.start(user, sink or SilentSink())
    return session, user


async def say(session: LiveSession, *turns: str) -> None:
    for words in turns:
        number = len(session.snapshot().turns) + 1
        session.say_text(words)
        await session.wait_for(lambda now, number=number: now.has_answered(number))


async def say_aloud(session: LiveSession, user: LabUser, clip: bytes) -> None:
    """Speak, and wait for the reply; the words need not become known."""
    number = len(session.snapshot().turns) + 1
    user.play(clip)
    await session.wait_for(lambda now: len(now.turns) == number and bool(now.turns[-1].assistant_text) and now.is_quiet)


def snap(service: MemoryService) -> None:
    """Cut the newest line; what is on its way to the client is lost too."""
    service.line._down.clear()
    service.line.cut()


def cut_at(
    service: MemoryService, direction: str, kind: str | None = None, *, nth: int = 1, line: int = 1
) -> Callable[[str, dict[str, Any], float], None]:
    """A trace that cuts a line right after the n-th event on it, of a kind or of any."""
    seen = 0

    def trace(way: str, event: dict[str, Any], _at_s: float) -> None:
        nonlocal seen
        if len(service.lines) == line and way == direction and kind in {None, event["type"]}:
            seen += 1
            if seen == nth:
                snap(service)

    return trace


def server_texts(service: MemoryService) -> list[str]:
    return [item.text for item in service.line.session.conversation.items]


def assert_nothing_is_lost(session: LiveSession, service: MemoryService) -> None:
    now = session.snapshot()
    assert lost_items(now.turns, now.items, now.summaries) == ()
    assert [item.id for item in now.items] == [item.id for item in service.line.session.conversation.items]
