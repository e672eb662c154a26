"""Runs scenarios: both clients on the same server, the same talk, the same faults, judged by the same referee."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

from ...errors import SettingsError
from ...protocol import Event
from ...session.service import LineLostError
from ...simulator import Pace, Parts
from ...simulator.memory_door import LineClosedError
from ...speech import Voice
from ..lab import LabUser, lab_config, lab_parts
from ..virtual_time import DeadlockError, VirtualTimeLoop
from .cases import SCENARIOS, Case
from .clients import INSTRUCTIONS, Client, Naive, Ours
from .referee import Verdict, judge
from .script import Talk
from .stage import Direction, Moment, Stage

_SETTLE_S = 45.0
"""Longer than every time-out and retry on either side."""

MakeClient = Callable[[Stage, dict[str, object], int], Client]
CLIENTS: dict[str, MakeClient] = {"naive": Naive, "ours": Ours}


@dataclass(frozen=True)
class Course:
    """What happened to one client.

    Attributes:
        verdict: The referee's.
        timeline: What happened, in virtual time.
        events: Every event on its line, `sent` or `received`, without sound.
    """

    verdict: Verdict
    timeline: tuple[Moment, ...]
    events: tuple[tuple[Direction, Event], ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return "\n".join(map(str, self.timeline))


@dataclass(frozen=True, repr=False)
class Result:
    """What happened to both in one scenario."""

    case: Case
    naive: Course
    ours: Course

    def __repr__(self) -> str:
        lines = [f"{self.case.name}: {self.case.what}"]
        for name, course in (("naive", self.naive), ("ours", self.ours)):
            why = f": {course.verdict.why}" if course.verdict.why else ""
            lines.append(f"  {name + ':':<6} {course.verdict.word}{why}")
        return "\n".join(lines)


def find_scenario(name: str) -> Case:
    """A scenario by its name.

    Raises:
        SettingsError: There is none of that name.
    """
    found = next((case for case in SCENARIOS if case.name == name), None)
    if found is None:
        raise SettingsError(
            f"There is no scenario {name!r}.", f"Use one of: {', '.join(case.name for case in SCENARIOS)}."
        )
    return found


def run_scenario(scenario: str | Case, *, parts: Parts | None = None) -> Result:
    """Play one scenario to both clients. Takes a second or two; what happens in it may take minutes.

    Args:
        scenario: Its name, or a case of your own.
        parts: Voice and ears to share between runs.

    Raises:
        SettingsError: There is no such scenario.
    """
    return run_scenarios([scenario], parts=parts)[0]


def run_scenarios(
    scenarios: Sequence[str | Case] = SCENARIOS,
    *,
    parts: Parts | None = None,
    on_result: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Play several scenarios.

    Args:
        scenarios: Names or cases; by default all.
        parts: Voice and ears to share between runs.
        on_result: Gets each result as soon as it is there.

    Raises:
        SettingsError: There is no such scenario.
    """
    cases = [find_scenario(scenario) if isinstance(scenario, str) else scenario for scenario in scenarios]
    own = parts or lab_parts()
    results = []
    with closing(Voice()) as voice:
        try:
            for case in cases:
                courses = {name: play(case, make, own, voice) for name, make in CLIENTS.items()}
                results.append(Result(case, **courses))
                on_result(results[-1])
        finally:
            if parts is None:
                own.close()
    return results


def play(case: Case, make: MakeClient, parts: Parts, voice: Voice) -> Course:
    """Play one scenario to one client, on a thread of its own: a notebook's cell has a loop already."""

    def hold() -> Course:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(_hold(case, make, parts, voice))

    with ThreadPoolExecutor(1, "scenario") as thread:
        return thread.submit(hold).result()


async def _hold(case: Case, make: MakeClient, parts: Parts, voice: Voice) -> Course:
    pace = Pace(before_item_ms=300, before_audio_ms=120, audio_speed=8.0, rate_limits_ms=36,
                transcript_ms=case.transcript_ms)  # fmt: skip
    stage = Stage(lab_config(parts, pace), case.faults, case.moods)
    session = {"instructions": INSTRUCTIONS, **case.session}
    client, user = make(stage, session, case.trigger_tokens), LabUser()
    talk = Talk(stage, client, user, voice)
    try:
        await client.start(user)
        stuck = await _play_to_the_end(talk, case)
        verdict = judge(talk.said, stage.items, stage.writer.written, client.known_ids, stuck, case.most_turns)
    finally:
        await client.stop()
        await stage.close()
    return Course(verdict, tuple(stage.timeline), tuple(stage.wire))


async def _play_to_the_end(talk: Talk, case: Case) -> str | None:
    """Play the script and let everything come to rest; why that was not possible."""
    try:
        await talk.play(case.script)
        await asyncio.sleep(_SETTLE_S)
    except (TimeoutError, LineClosedError, LineLostError, DeadlockError) as error:
        return talk.client.end or str(error) or type(error).__name__
    return talk.client.end
