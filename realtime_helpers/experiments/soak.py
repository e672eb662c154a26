"""A conversation of ten thousand turns: nothing may be lost, and nothing may grow with its length."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..audio.sinks import SilentSink
from ..conversation import Usage
from ..errors import SettingsError
from ..memory import Summariser, SummaryPolicy, SummaryRequest, SummaryStyle, Written, covered_by
from ..protocol import Event
from ..session import Snapshot
from ..simulator import PACES
from ..simulator.items import Item
from .lab import LabParts, LabUser, MemoryService, lab_config, lab_parts, lab_session
from .sizes import deep_size
from .talk import Talker
from .virtual_time import VirtualTimeLoop

SHARE = 1_000
"""Turns at the beginning and at the end that are compared."""
MOST_GROWTH = 1.5
FEWEST_TURNS_TO_JUDGE = 2_000
"""From how many turns on growth is judged: a tenth of fewer is mostly chance."""
_FOR_EVER_S = 10.0**9
_WARM_UP_TURNS = 60


@dataclass(frozen=True)
class SoakPlan:
    """What to run.

    Attributes:
        turns: How many; at least 10.
        trigger_tokens: See `SummaryPolicy`.
        keep_turns: See `SummaryPolicy`.

    Raises:
        SettingsError: Too few turns.
    """

    turns: int = 10_000
    trigger_tokens: int = 2_000
    keep_turns: int = 2

    def __post_init__(self) -> None:
        if self.turns < 10:
            raise SettingsError(f"{self.turns} turns cannot show growth.", "Use 10 turns or more.")

    @property
    def share(self) -> int:
        """Turns at each end that are compared: a thousand, or a tenth."""
        return SHARE if self.turns >= 2 * SHARE else self.turns // 10


@dataclass(frozen=True)
class Ends:
    """A figure per turn, at the beginning and at the end."""

    first: float
    last: float

    @property
    def growth(self) -> float:
        """How many times the first the last is."""
        return self.last / self.first


@dataclass(frozen=True)
class SoakReport:
    """What came of it.

    Attributes:
        spoken: Turns that were said aloud; the others were typed.
        lost: Turns of which the server had, after a summary or at the end, neither the words nor a summary made from
            them.
        max_window: Most conversation tokens that any response read.
        largest_turn: The longest question and the longest reply together, in tokens.
        ms: Real milliseconds per turn.
        memory: Bytes per turn that the client and the server keep; audio in the window does not count.
        seconds: How long it took.
        problems: What the session complained of.
    """

    plan: SoakPlan
    spoken: int
    lost: int
    max_window: int
    largest_turn: int
    ms: Ends
    memory: Ends
    summaries: int
    total: Usage
    cost_usd: float | None
    seconds: float
    problems: tuple[str, ...]

    @property
    def failures(self) -> list[str]:
        """What does not hold."""
        plan, failures = self.plan, list(self.problems)
        limit = plan.trigger_tokens + self.largest_turn
        if self.lost:
            failures.append(f"{self.lost} turns are lost: the server has neither them nor a summary of them.")
        if self.max_window > limit:
            failures.append(f"The window reached {self.max_window:,} tokens; trigger and one turn are {limit:,}.")
        if plan.turns >= FEWEST_TURNS_TO_JUDGE:
            failures += [
                f"A turn at the end takes {ends.growth:.2f} times the {what} of one at the beginning."
                for what, ends in (("time", self.ms), ("memory", self.memory))
                if ends.last > MOST_GROWTH * max(ends.first, 0.0)
            ]
        return failures

    @property
    def line(self) -> str:
        """Everything in one line, for machines."""
        return (
            f"soak: turns={self.plan.turns} lost={self.lost} max_window={self.max_window} "
            f"ms_per_turn_first={self.ms.first:.2f} ms_per_turn_last={self.ms.last:.2f}"
        )


def run_soak(plan: SoakPlan, console: Console) -> int:
    """Run it, and print what came of it; 0 when everything held."""
    parts = lab_parts()
    try:
        with _progress(plan.turns, console) as tick, asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            report = runner.run(soak(plan, parts, tick=tick))
    finally:
        parts.close()
    _print(report, console)
    return 1 if report.failures else 0


async def soak(
    plan: SoakPlan,
    parts: LabParts,
    *,
    service: MemoryService | None = None,
    clock: Callable[[], float] = time.perf_counter,
    tick: Callable[[], object] = lambda: None,
) -> SoakReport:
    """Hold the conversation.

    Args:
        plan: What to run.
        parts: The simulator's voice and ears.
        service: The simulator; by default one that waits for nothing.
        clock: Seconds; real ones by default.
        tick: Called after each turn.
    """
    service = service or MemoryService(lab_config(parts, PACES["fast"], session_seconds=_FOR_EVER_S))
    witness = _Witness(service.summariser(SummaryStyle(), "chat"))
    policy = SummaryPolicy(plan.trigger_tokens, plan.keep_turns)
    user = LabUser()
    session = lab_session(service, memory=policy, summariser=witness.write, trace=witness)
    talker = Talker(session, user, parts)
    await _warm_up(parts)
    session.start(user, SilentSink())
    began, taken, sizes = clock(), [], {}
    longest_question = longest_reply = summaries = 0
    try:
        for number in range(1, plan.turns + 1):
            witness.turn, turn_began = number, clock()
            now = await talker.chat()
            taken.append(clock() - turn_began)
            if len(now.summaries) > summaries or number == plan.turns:
                summaries = len(now.summaries)
                witness.look(now, service)
            question, reply = (_tokens(item) for item in service.line.session.conversation.items[-2:])
            longest_question, longest_reply = max(longest_question, question), max(longest_reply, reply)
            if number in (1, 1 + plan.share, plan.turns - plan.share, plan.turns):
                sizes[number] = deep_size(
                    session, service.line, without=[service, service.config, parts, witness, *_sound(service)]
                )
            tick()
        first, last = sizes[1 + plan.share] - sizes[1], sizes[plan.turns] - sizes[plan.turns - plan.share]
        return SoakReport(
            plan=plan,
            spoken=talker.spoken,
            lost=len(witness.lost),
            max_window=max(entry.conversation_tokens for entry in now.responses),
            largest_turn=longest_question + longest_reply,
            ms=Ends(sum(taken[: plan.share]) / plan.share * 1000, sum(taken[-plan.share :]) / plan.share * 1000),
            memory=Ends(first / plan.share, last / plan.share),
            summaries=summaries,
            total=now.total,
            cost_usd=now.cost_usd,
            seconds=clock() - began,
            problems=tuple(now.problems),
        )
    finally:
        await session.stop()


async def _warm_up(parts: LabParts) -> None:
    """Load engines and vocabulary, and speak and hear everything once: that is not what is measured."""
    service, user = MemoryService(lab_config(parts, PACES["fast"])), LabUser()
    session = lab_session(service)
    talker = Talker(session, user, parts)
    session.start(user, SilentSink())
    for _ in range(_WARM_UP_TURNS):
        await talker.chat()
    await session.stop()


class _Witness:
    """Knows what was said and what the writer read, without asking the client's own records."""

    def __init__(self, writer: Summariser) -> None:
        self.turn = 0
        self.lost: set[int] = set()
        self._said: dict[int, set[str]] = {}
        self._read: set[str] = set()
        self._writer = writer

    def __call__(self, direction: Literal["sent", "received"], event: Event, _at_s: float) -> None:
        """Note what the server has taken into the conversation."""
        if direction == "received" and event["type"] == "conversation.item.added" and event["item"]["role"] != "system":
            self._said.setdefault(self.turn, set()).add(event["item"]["id"])

    async def write(self, request: SummaryRequest) -> str | Written:
        """Have a summary written, and note what it was made from: with the earlier summary, all that one knew."""
        if request.previous is None:
            self._read.clear()
        self._read.update(request.item_ids)
        return await self._writer(request)

    def look(self, now: Snapshot, service: MemoryService) -> None:
        """Find turns that are neither on the server word for word nor covered by the summary that stands there."""
        there = {item.id for item in service.line.session.conversation.items}
        standing = [item for item in now.items if item.id in there]
        safe = there | (covered_by(now.summaries, standing).keys() & self._read)
        self.lost.update(turn for turn, said in self._said.items() if len(said) < 2 or not said <= safe)


def _sound(service: MemoryService) -> Iterator[object]:
    """Audio in the window. It comes and goes, and is so large that it would hide what stays."""
    for item in service.line.session.conversation.items:
        yield from (sound.data for sound in item.sounds.values())


def _tokens(item: Item) -> int:
    return sum(span.tokens for span in item.spans())


@contextmanager
def _progress(turns: int, console: Console) -> Iterator[Callable[[], object]]:
    """A bar that is only there for people who watch."""
    columns = (TextColumn("turns"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=turns)
        yield lambda: progress.advance(task)


def _print(report: SoakReport, console: Console) -> None:
    plan, total = report.plan, report.total
    cost = "unknown" if report.cost_usd is None else f"${report.cost_usd:,.2f}"
    safe = "after each, every turn was on the server word for word or in the summary that stood"
    lost = f"{report.lost:,} turns are LOST" if report.lost else safe
    text = f"""\
{plan.turns:,} turns in {report.seconds:.0f} s: {report.spoken:,} spoken, {plan.turns - report.spoken:,} typed, \
every reply spoken.
{report.summaries:,} summaries; {lost}.
Window: at most {report.max_window:,} tokens; the trigger is {plan.trigger_tokens:,}, the largest turn \
{report.largest_turn:,}.
Tokens: {total.input_tokens:,} read ({total.cached_tokens:,} from the cache), {total.output_tokens:,} written; \
{cost} at list prices, without the writer of the summaries.
Time: {report.ms.first:.2f} ms a turn in the first {plan.share:,}, {report.ms.last:.2f} ms in the last.
Memory kept: {report.memory.first:,.0f} bytes a turn in the first {plan.share:,}, \
{report.memory.last:,.0f} in the last."""
    lines = [*text.splitlines(), *(f"DOES NOT HOLD: {failure}" for failure in report.failures), report.line]
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
