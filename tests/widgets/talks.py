"""A talk in virtual time with everything in it that panels show, and what the session looked like on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from realtime_helpers import Snapshot, SummaryPolicy
from realtime_helpers.audio.sinks import Sink
from realtime_helpers.experiments.lab import LabParts, LabUser, MemoryService, lab_config, lab_session
from realtime_helpers.experiments.scenarios.stage import LoopSink
from realtime_helpers.experiments.virtual_time import VirtualTimeLoop
from realtime_helpers.session.live import LiveSession
from realtime_helpers.simulator.faults import Fault, Scenario
from realtime_helpers.tools.examples import get_weather

SCRIPT = "<script>alert('no')</script>"
Event = dict[str, Any]


@dataclass
class Seen:
    """What was seen of a talk: snapshots by name, and every event both ways."""

    at: dict[str, Snapshot] = field(default_factory=dict)
    events: list[tuple[str, Event, float]] = field(default_factory=list)

    def trace(self, way: str, event: Event, at_s: float) -> None:
        self.events.append((way, event, at_s))


async def _answered(session: LiveSession, number: int) -> Snapshot:
    return await session.wait_for(lambda now: now.has_answered(number) and not now.is_summarising)


async def _talk(lab: LabParts, seen: Seen) -> None:
    faults = Scenario(faults=(Fault("transcript", "failed", after=2, times=1),))
    service = MemoryService(lab_config(lab, scenario=faults))
    session = lab_session(
        service, memory=SummaryPolicy(trigger_tokens=450, keep_turns=2), tools=[get_weather], trace=seen.trace
    )
    user = LabUser()
    seen.at["new"] = session.snapshot()
    session.start(user, LoopSink())
    session.say_text(f"Hello. {SCRIPT}")
    seen.at["typed"] = await _answered(session, 1)

    user.play(await lab.voice.clip("Tell me a long story."))
    seen.at["speaking"] = await session.wait_for(lambda now: bool(now.captions[-1].heard) and len(now.turns) == 2)
    await asyncio.sleep(2)
    user.play(await lab.voice.clip("My dog is called Biscuit."))
    seen.at["interrupted"] = await _answered(session, 3)

    session.say_text("What is the weather in Paris?")
    seen.at["called"] = await _answered(session, 4)
    user.play(await lab.voice.clip("How are you today?"))  # its words are never told
    seen.at["failed"] = await session.wait_for(
        lambda now: now.is_quiet and len(now.turns) == 5 and bool(now.turns[-1].assistant_text)
    )
    for number in range(6, 10):
        session.say_text("Tell me a quick story.")
        await _answered(session, number)
    seen.at["end"] = await session.wait_for(lambda now: len(now.summaries) > 0 and now.is_quiet)
    await session.stop()


async def _long_talk(lab: LabParts, turns: int, look: Callable[[Snapshot], object], sink: Sink) -> None:
    session = lab_session(
        MemoryService(lab_config(lab)), memory=SummaryPolicy(trigger_tokens=2_000, keep_turns=4), tools=[get_weather]
    )
    session.start(None, sink)
    for number in range(1, turns + 1):
        story, weather = (
            f"Tell me a quick story about number {number}.",
            f"What is the weather in Oslo on day {number}?",
        )
        session.say_text(
            story if number % 4 == 0 else weather if number % 10 == 9 else f"Thank you for answer {number}."
        )
        look(await _answered(session, number))
    await session.stop()


def whole_talk(lab: LabParts) -> Seen:
    """Typed and spoken turns, an interruption, a call, words that nobody knows, and a summary."""
    seen = Seen()
    _run(_talk(lab, seen))
    return seen


def long_talk(lab: LabParts, turns: int, look: Callable[[Snapshot], object]) -> None:
    """So many turns; `look` sees the session after each."""
    _run(_long_talk(lab, turns, look, LoopSink()))


def _run(talk: Any) -> None:
    async def limited() -> None:
        async with asyncio.timeout(5 * 3600):
            await talk

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(limited())
