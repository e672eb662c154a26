"""`make bench`: how soon one hears, how soon it falls silent, and what that takes, against others in the same run.

All contenders meet the same scripted server (this process) on the same virtual sound card: in their own process, where
their sound library would run; ours in the processes that hold our devices. What an event took is counted from when the
server sent it, and what a chunk took to when the server had it: the local socket counts for everybody. The card takes
10 ms at once and holds nothing more; what a real one holds sounds on in every case.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import inf, nan
from pathlib import Path
from typing import Any

import psutil
from card import MARK_MS, marks_between, reply_of
from scripted_server import Run, ScriptedServer, Step, jittery, reply, steady

HERE = Path(__file__).parent
REPLIES = 4
CUTS_S = (0.3537, 0.5171, 0.9993, 1.2841, 1.6119, 2.0457)
"""When replies of six seconds are interrupted: twice while they are made, four times while they only play on."""
JITTER_DELTA_MS, JITTER_S, JITTER_MS = 100, 0.15, 10_000
BURSTS, BURST_MS = 5, 60_000
COMPUTE_AT_S, COMPUTE_S = 5.4, 4.0
SESSIONS, WARM_UP_S, CPU_S, CARD_BLOCK_MS = 20, 2.0, 5.0, 40
FLOODS, FLOODS_APART_S, FLOOD_REPLIES, FLOOD_MS = 3, 1.2, 30, 10_000


@dataclass(frozen=True)
class Contender:
    """Who is measured.

    Attributes:
        name: In the sentences.
        kind: Module and function in `contenders`.
        python: Whose packages it has.
        prebuffer_ms: Of our speaker, where it is not the usual one.
    """

    name: str
    kind: str
    python: str = sys.executable
    prebuffer_ms: int | None = None


OURS = Contender("ours", "ours:talk")
NOTEBOOK = Contender("play-when-done", "notebook:talk")
NOBODY = Contender("the card alone", "nobody")


def peers() -> list[Contender]:
    """Those that are installed here; how to get the others is said."""
    found = []
    if importlib.util.find_spec("agents"):
        found.append(Contender("openai-agents", "openai_agents:talk"))
    else:
        print("not measured: openai-agents; install it with: pip install openai-agents")
    pipecat_python = os.environ.get("PIPECAT_PYTHON") or (sys.executable if importlib.util.find_spec("pipecat") else "")
    if pipecat_python:
        found.append(Contender("pipecat", "pipecat:talk", pipecat_python))
    else:
        print("not measured: pipecat; install it with: pip install 'pipecat-ai[openai]' (best into an environment of "
              "its own; then name that one's Python: PIPECAT_PYTHON=.../bin/python make bench)")  # fmt: skip
    return found


def talk_script() -> list[Step]:
    """Replies heard to their end, replies interrupted, and one over a bad network."""
    rng = random.Random(4)
    steps: list[Step] = []
    at_s = 1.0
    for number in range(REPLIES):
        at_s += rng.uniform(0, 0.01)  # another moment of the card's block each time
        steps += reply(number, at_s, steady(4_000))
        at_s += 4.7
    for number, cut_s in enumerate(CUTS_S, REPLIES):
        steps += reply(number, at_s, steady(6_000), cut_s=cut_s)
        at_s += cut_s + 0.9
    arrivals = jittery(JITTER_MS, JITTER_DELTA_MS, rng, JITTER_S)
    steps += reply(REPLIES + len(CUTS_S), at_s, arrivals, JITTER_DELTA_MS)
    return steps


def load_script() -> list[Step]:
    """Replies of a minute that come at once, then one while the main thread computes."""
    steps: list[Step] = []
    for number in range(BURSTS):
        steps += reply(number, 1.0 + 0.8 * number, [0.0] * (BURST_MS // 250), cut_s=0.2)
    steps += reply(BURSTS, COMPUTE_AT_S + 0.7, steady(6_000), cut_s=2.5137)
    return steps


def both_ways_script() -> list[Step]:
    """Replies at the speed of speech, one after the other."""
    steps: list[Step] = []
    for number in range(int((WARM_UP_S + CPU_S) / 5.6) + 1):
        steps += reply(number, 0.6 + 5.6 * number, steady(5_000, pace_s=0.25))
    return steps


def flood_steps(flood: int) -> list[Step]:
    """Replies without a pause."""
    numbers = range(flood * FLOOD_REPLIES, (flood + 1) * FLOOD_REPLIES)
    at_s = 2.0 + flood * FLOODS_APART_S
    return [step for number in numbers for step in reply(number, at_s, steady(FLOOD_MS, pace_s=0))]


TALK_S = 40.0
SCRIPTS = {
    "talk": talk_script(),
    "load": load_script(),
    "both_ways": both_ways_script(),
    "flood": [step for flood in range(FLOODS) for step in flood_steps(flood)],
}


@dataclass
class Seen:
    """What came out of one connection."""

    run: Run
    captured_from_s: float
    handed: list[tuple[float, int]]
    sounded: list[tuple[int, int, float, int, int]]
    computing_s: tuple[float, float] = (0.0, 0.0)

    def noted(self, kind: str, numbers: Iterable[int]) -> dict[int, float]:
        times = dict(self.run.sent)
        return {number: times[f"{kind} {number}"] for number in numbers}

    def handed_ms(self, numbers: Iterable[int]) -> list[float]:
        """From the first delta of a reply to its first sample handed over."""
        return [
            min(
                ((at_s - sent_s) * 1000 for at_s, mark in self.handed if mark and reply_of(mark) == number), default=inf
            )
            for number, sent_s in self.noted("first", numbers).items()
        ]

    def blocks(self, number: int) -> list[tuple[int, int, float, int, int]]:
        return [block for block in self.sounded if reply_of(block[3] or block[4]) == number]

    def sounds_ms(self, numbers: Iterable[int]) -> list[float]:
        """From the first delta of a reply to the card taking the first block of it."""
        return [self.after_ms(number, 0, at_s) for number, at_s in self.noted("first", numbers).items()]

    def silent_ms(self, numbers: Iterable[int]) -> list[float]:
        """From `speech_started` to the end of the last block of the reply that the card took."""
        return [self.after_ms(number, -1, at_s) + MARK_MS for number, at_s in self.noted("cut", numbers).items()]

    def after_ms(self, number: int, which: int, at_s: float) -> float:
        """When the card took the first or last block of a reply; never, if it was not played."""
        blocks = self.blocks(number)
        return (blocks[which][2] - at_s) * 1000 if blocks else inf

    def gaps_ms(self, number: int) -> list[int]:
        """Silences within a reply."""
        blocks = self.blocks(number)
        return [
            (later[1] - earlier[1] - 1) * MARK_MS
            for earlier, later in pairwise(blocks)
            if later[1] - earlier[1] > 1 or not earlier[4]
        ]

    def uploads_ms(self, from_s: float = 0.0, to_s: float = inf) -> list[float]:
        """From the last sample of a chunk captured to the chunk at the server."""
        captured = [(self.captured_from_s + mark * MARK_MS / 1000, at_s) for mark, at_s in self.run.heard]
        return [(at_s - captured_s) * 1000 for captured_s, at_s in captured if from_s <= captured_s < to_s]

    def lost_ms(self) -> int:
        """Microphone audio that did not come, or came twice."""
        steps = [marks_between(earlier, later) for (earlier, _), (later, _) in pairwise(self.run.heard)]
        return sum(abs(step - min(steps)) for step in steps) * MARK_MS


@asynccontextmanager
async def contending(server: ScriptedServer, one: Contender, script: str, sessions: int = 1, block_ms: int = MARK_MS):
    """The contender at work, and the runs of its sessions."""
    wanted = f"{script}~{one.name}"
    environment = dict(os.environ)
    if one.prebuffer_ms is not None:
        environment["PREBUFFER_MS"] = str(one.prebuffer_ms)
    process = await asyncio.create_subprocess_exec(
        one.python, str(HERE / "contender.py"), one.kind, server.url, wanted, str(sessions), str(block_ms),
        stdin=PIPE, stdout=PIPE, limit=1 << 28, env=environment,
    )  # fmt: skip
    runs = server.runs[wanted] = []
    try:
        if one is not NOBODY:
            async with asyncio.timeout(60):
                while len(runs) < sessions or not all(run.began_s for run in runs):
                    await asyncio.sleep(0.05)
                    if process.returncode is not None:
                        sys.exit(f"{one.name} ended before it was connected.")
        yield process, runs
    finally:
        await process.communicate(b"")  # the end of its input ends it


async def tell(process: Process, command: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{command}\n".encode())
    await process.stdin.drain()


async def ask(process: Process, command: str) -> Any:
    await tell(process, command)
    assert process.stdout is not None
    return json.loads(await process.stdout.readline())


async def follow(server: ScriptedServer, one: Contender, script: str, tail_s: float, *, computes: bool = False) -> Seen:
    async with contending(server, one, script) as (process, (run,)):
        computing_s = (0.0, 0.0)
        if computes:
            await asyncio.sleep(run.began_s + COMPUTE_AT_S - asyncio.get_running_loop().time())
            computing_s = (run.began_s + COMPUTE_AT_S, run.began_s + COMPUTE_AT_S + COMPUTE_S)
            await tell(process, f"compute {COMPUTE_S}")
        await run.is_over.wait()
        await asyncio.sleep(tail_s)
        log = await ask(process, "end")
        return Seen(run, log["captured_from_s"][0], log["handed"], log["sounded"], computing_s)


async def lateness_ms(server: ScriptedServer, seconds: float) -> float:
    """How late a thread wakes that does nothing else, p99: what is due to the machine."""
    async with contending(server, NOBODY, "talk") as (process, _runs):
        await asyncio.sleep(seconds)
        return at((await ask(process, "end"))["late_ms"], 0.99)


async def cpu_of_sessions(server: ScriptedServer, one: Contender, sessions: int = SESSIONS) -> float:
    """CPU milliseconds of one session for a second of audio both ways, with its share of the card and its processes."""
    async with contending(server, one, "both_ways", sessions, CARD_BLOCK_MS) as (process, _runs):
        await asyncio.sleep(WARM_UP_S)
        before, from_s = await ask(process, "cpu") + of_children(process), asyncio.get_running_loop().time()
        await asyncio.sleep(CPU_S)
        after, to_s = await ask(process, "cpu") + of_children(process), asyncio.get_running_loop().time()
        return (after - before) / (to_s - from_s) / sessions * 1000


def of_children(process: Process) -> float:
    spent = [child.cpu_times() for child in psutil.Process(process.pid).children(recursive=True)]
    return sum(times.user + times.system for times in spent)


async def cpu_of_events(server: ScriptedServer, one: Contender) -> float:
    """CPU microseconds of an event, the best of some floods; two of five are a quarter of a second of sound."""
    spent = []
    async with contending(server, one, "flood") as (process, (run,)):
        before = 0.0
        for flood in range(FLOODS + 1):
            wait_s = run.began_s + 1.4 + flood * FLOODS_APART_S - asyncio.get_running_loop().time()
            await asyncio.sleep(wait_s)  # until all is quiet before a flood, or after the last
            now = await ask(process, "cpu")
            spent.append(now - before)
            before = now
    return min(spent[1:]) / len(flood_steps(0)) * 1e6


def middle(values: list[float]) -> float:
    return at(values, 0.5)


def at(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else nan


def sentence(what: str, figures: dict[str, float], unit: str, remark: str) -> None:
    """One line: our figure, and everybody else's with how many times ours it is."""
    (ours_name, ours), *others = figures.items()
    rest = ", ".join(f"{name} {value:.1f} ({value / ours:.1f} times)" for name, value in others)
    print(f"{what}: {ours_name} {ours:.1f} {unit} ({remark}); {rest}", flush=True)


async def hear_and_interrupt(server: ScriptedServer, all_of_them: list[Contender]) -> None:
    """All at the same time: they hardly do anything."""
    buffered = Contender("ours with 300 ms of prebuffer", "ours:talk", prebuffer_ms=300)
    tried = [*all_of_them, buffered]
    *found, machine_ms = await asyncio.gather(
        *(follow(server, one, "talk", tail_s=1.0) for one in tried), lateness_ms(server, TALK_S)
    )
    seen = {one.name: one_seen for one, one_seen in zip(tried, found, strict=True)}
    usual = {one.name: seen[one.name] for one in all_of_them}
    first, cut, jitter = range(REPLIES), range(REPLIES, REPLIES + len(CUTS_S)), REPLIES + len(CUTS_S)
    sentence(
        "first delta -> handed to the sink",
        {name: middle(one.handed_ms(first)) for name, one in usual.items()},
        "ms", f"worst {max(seen['ours'].handed_ms(first)):.1f}, aim 5",
    )  # fmt: skip
    sentence(
        "first delta -> it sounds",
        {name: middle(one.sounds_ms(first)) for name, one in usual.items()},
        "ms", f"worst {max(seen['ours'].sounds_ms(first)):.1f}, of which up to {MARK_MS} are the card's block",
    )  # fmt: skip
    sentence(
        "speech_started -> silence, at worst",
        {name: at(one.silent_ms(cut), 1) for name, one in usual.items()},
        "ms", f"aim 20 and the card's block of {MARK_MS}",
    )  # fmt: skip
    sentence(
        "chunk captured -> at the server, median",
        {name: middle(one.uploads_ms()) for name, one in usual.items()}, "ms", "no aim",
    )  # fmt: skip
    sentence(
        "chunk captured -> at the server, p99",
        {name: at(one.uploads_ms(), 0.99) for name, one in usual.items()},
        "ms", f"aim 5; a thread that only wakes: {machine_ms:.1f}",
    )  # fmt: skip
    lost = ", ".join(f"{name} {one.lost_ms()} ms" for name, one in usual.items())
    print(f"of what was captured meanwhile was lost or doubled: {lost}")
    told = []
    for name, one in seen.items():
        gaps = one.gaps_ms(jitter)
        wait = one.sounds_ms([jitter])[0]
        told.append(f"{name} {len(gaps)} gaps of {sum(gaps)} ms in all, first sound after {wait:.0f} ms")
    print(
        f"a reply of {JITTER_MS / 1000:.0f} s whose deltas are up to {JITTER_S * 1000:.0f} ms late: {'; '.join(told)}"
    )


async def under_load(server: ScriptedServer, all_of_them: list[Contender]) -> None:
    seen = {one.name: await follow(server, one, "load", tail_s=1.2, computes=True) for one in all_of_them}
    for what, windows in (
        (f"while {BURSTS} replies of a minute come at once", {name: burst_window(one) for name, one in seen.items()}),
        ("while the main thread computes in Python", {name: one.computing_s for name, one in seen.items()}),
    ):
        for share, word in ((0.5, "median"), (0.99, "p99")):
            figures = {name: at(one.uploads_ms(*windows[name]), share) for name, one in seen.items()}
            sentence(f"chunk captured -> at the server, {word}, {what}", figures, "ms", "aim p99 5")
    computing = [BURSTS]
    for what, figures in (
        ("first delta -> handed to the sink", {name: one.handed_ms(computing)[0] for name, one in seen.items()}),
        ("speech_started -> silence", {name: one.silent_ms(computing)[0] for name, one in seen.items()}),
    ):
        sentence(f"{what}, while the main thread computes", figures, "ms", "once")
    gaps = {name: sum(one.gaps_ms(BURSTS)) for name, one in seen.items()}
    print("gaps in the reply meanwhile: " + ", ".join(f"{name} {ms} ms" for name, ms in gaps.items()), flush=True)


def burst_window(seen: Seen) -> tuple[float, float]:
    bursts = seen.noted("first", range(BURSTS))
    return min(bursts.values()) - 0.04, max(bursts.values()) + 0.2


async def what_it_takes(server: ScriptedServer, all_of_them: list[Contender]) -> None:
    card = await cpu_of_sessions(server, NOBODY)
    serving = [Contender("ours", "ours:serve"), *all_of_them[1:]]
    figures = {one.name: await cpu_of_sessions(server, one) - card for one in serving}
    sentence(
        f"CPU of one of {SESSIONS} sessions for a second of audio both ways", figures,
        "ms", f"{100 / figures['ours']:.0f} sessions would take a tenth of a core",
    )  # fmt: skip
    print(
        f"one session of ours with its two device processes: {await cpu_of_sessions(server, OURS, 1):.1f} ms a second"
    )
    ways = {"ours": "ours:listen", "the SDK's typed iteration": "sdk:typed", "openai-agents": "openai_agents:listen"}
    if not any(one.name == "openai-agents" for one in all_of_them):
        del ways["openai-agents"]
    each = {name: await cpu_of_events(server, Contender(name, kind)) for name, kind in ways.items()}
    socket = await cpu_of_events(server, Contender("the socket", "sdk:unread"))
    sentence(
        "CPU of an event received, reduced and its sound decoded", each,
        "us", f"{socket:.1f} of them the socket library's; aim: typed iteration 5 times",
    )  # fmt: skip
    sentence(
        "the same without the socket library",
        {name: value - socket for name, value in each.items()}, "us", "typed iteration decodes no sound",
    )  # fmt: skip


async def main() -> None:
    server = ScriptedServer(SCRIPTS)
    async with server.serving():
        everybody = [OURS, *peers(), NOTEBOOK]
        await hear_and_interrupt(server, everybody)
        await under_load(server, everybody)
        await what_it_takes(server, everybody)


if __name__ == "__main__":
    asyncio.run(main())
