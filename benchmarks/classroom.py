"""Thirty learners on one `serve --class 30`, each holding the conversation of notebook 07: how late do events come?

    python benchmarks/classroom.py [--learners 30] [--anywhere] [--alike]

The server and its recognisers have two cores, the learners the others (`--anywhere`: nobody is pinned). A learner is a
real session that speaks through an open microphone at the speed of speech and listens to what it hears, each with a
sound of their own, so that nothing is recognised for two; they begin half a second after each other. (`--alike`: as the
notebook does it unattended: all at once, as fast as the line takes it, with the same sound, which is recognised once
for all of them, and nobody listens.)
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Annotated

import typer
from lateness import Lateness
from served import SERVERS_CORES, pin, served

from realtime_helpers import RealtimeSession, Settings, SpeechSource, SummaryPolicy, lost_items
from realtime_helpers.audio.formats import pcm_from_samples, samples_from_pcm
from realtime_helpers.speech import USER_VOICE, Voice

SPOKEN = (
    "My dog is called Biscuit.",
    "Tell me a long story.",
    "Tell me one more short story, please.",
    "How are you today?",
)
QUESTION, JOKE = "What is my dog called?", "Tell me a joke."
TYPED = ("Tell me a quick story.", "My name is Ada.", "Tell me a joke.", "I live in Lisbon.", "How are you today?")
PATIENCE_S = 300.0
GROUPS = 3
SPREAD_S = 0.5


@dataclass(frozen=True)
class Plan:
    """What each learner does.

    Attributes:
        url: The class's simulator.
        alike: Speak as the notebook does, the same as all others.
        typed_turns: Length of the long talk.
        pinned: Keep off the server's cores.
        loudness: Another one is another sound, which was not recognised before.
    """

    url: str
    alike: bool = False
    typed_turns: int = 60
    pinned: bool = False
    loudness: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """What became of one learner's conversation."""

    name: str
    turns: int
    summaries: int
    lost: int
    remembers: bool
    seconds: float
    late: list[tuple[str, float]]


def learn(plan: Plan, number: int) -> Outcome:
    """Hold notebook 07's conversation. Raises where it does not come to its end."""
    began = time.perf_counter()
    name = f"Learner {number:02}"
    settings = replace(Settings.from_environment(simulator_url=plan.url), learner=name)
    late = Lateness()
    session = RealtimeSession(settings=settings, memory=SummaryPolicy(trigger_tokens=4_000, keep_turns=2), trace=late)
    user = SpeechSource(realtime=not plan.alike)
    engine = Voice()

    def say(words: str) -> str:
        turn = len(session.snapshot.turns) + 1
        pcm = engine.speak(words, USER_VOICE).pcm
        loudness = plan.loudness if plan.alike else 1 - number / 200
        user.play(pcm_from_samples(samples_from_pcm(pcm) * loudness))
        answer = session.wait_for_answer(turn, timeout_s=PATIENCE_S).turns[-1]
        if not plan.alike:  # listen; most of it was sent when the answer was complete
            time.sleep(sum(item.audio_ms for item in answer.items if item.role == "assistant") / 1000)
        return answer.assistant_text

    if not plan.alike:
        time.sleep(number * SPREAD_S)
    session.start(source=user)
    for words in SPOKEN:
        say(words)
    session.set_memory(SummaryPolicy(trigger_tokens=400, keep_turns=2))
    session.wait_for(lambda now: now.summaries and not now.is_summarising, timeout_s=PATIENCE_S)
    remembers = "biscuit" in say(QUESTION).lower()
    session.undo_summary()
    session.wait_for(lambda now: now.is_quiet and not now.is_summarising, timeout_s=PATIENCE_S)
    say(JOKE)
    session.stop()
    spoken = session.snapshot
    engine.close()

    session = RealtimeSession(settings=settings, memory=SummaryPolicy(trigger_tokens=1_500, keep_turns=2), trace=late)
    session.start()
    for turn in range(plan.typed_turns):
        session.send_text(TYPED[turn % len(TYPED)])
        session.wait_for_answer(turn + 1, timeout_s=PATIENCE_S)
    now = session.wait_for(lambda now: not now.is_summarising, timeout_s=PATIENCE_S)
    session.stop()
    lost = sum(len(lost_items(end.turns, end.items, end.summaries)) for end in (spoken, now))
    summaries = len(spoken.summaries) + len(now.summaries)
    seconds = time.perf_counter() - began
    return Outcome(name, len(spoken.turns) + len(now.turns), summaries, lost, remembers, seconds, late.found)


def group(plan: Plan, numbers: range) -> list[Outcome]:
    """Some learners in one process, each with a thread, as notebooks have one."""
    if plan.pinned:
        pin(os.getpid(), {2, 3})
    with ThreadPoolExecutor(len(numbers)) as threads:
        return list(threads.map(lambda number: learn(plan, number), numbers))


def hold_class(plan: Plan, learners: int) -> list[Outcome]:
    """All learners at once, in processes of their own."""
    parts = [range(first, learners, GROUPS) for first in range(min(GROUPS, learners))]
    with ProcessPoolExecutor(len(parts), mp_context=get_context("spawn")) as processes:
        return [outcome for outcomes in processes.map(group, [plan] * len(parts), parts) for outcome in outcomes]


@contextmanager
def idler(pinned: bool) -> Iterator[list[float]]:
    """How late a thread wakes, beside the server, that does nothing but sleep 10 ms: what the machine itself adds."""
    late: list[float] = []
    over = threading.Event()

    def sleep() -> None:
        if pinned and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(threading.get_native_id(), SERVERS_CORES)
        while not over.is_set():
            due = time.perf_counter() + 0.01
            time.sleep(0.01)
            late.append(time.perf_counter() - due)

    thread = threading.Thread(target=sleep)
    thread.start()
    try:
        yield late
    finally:
        over.set()
        thread.join()


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def report(outcomes: list[Outcome]) -> str:
    """Lateness by kind, and of all events together."""
    late = [entry for outcome in outcomes for entry in outcome.late]
    kinds = sorted({kind for kind, _ in late})
    rows = [("all events", [seconds for _, seconds in late])]
    rows += [(kind, [seconds for other, seconds in late if other == kind]) for kind in kinds]
    rows.insert(1, ("but words and answers", [s for kind, s in late if kind not in ("words", "answer")]))
    lines = [f"{'late, in ms':>22} {'events':>8} {'p50':>7} {'p99':>7} {'worst':>7}"]
    for kind, values in rows:
        figures = (percentile(values, 0.5), percentile(values, 0.99), max(values, default=float("nan")))
        lines.append(f"{kind:>22} {len(values):>8} " + " ".join(f"{1000 * value:7.1f}" for value in figures))
    return "\n".join(lines)


def main(
    learners: Annotated[int, typer.Option(help="How many.")] = 30,
    typed_turns: Annotated[int, typer.Option(help="Turns of the long talk.")] = 60,
    anywhere: Annotated[bool, typer.Option("--anywhere", help="Pin nobody to cores.")] = False,
    alike: Annotated[bool, typer.Option("--alike", help="All sound the same, and speak as fast as they can.")] = False,
) -> None:
    pinned = not anywhere
    with served("--class", str(learners), "--host", "127.0.0.1", pinned=pinned) as (url, process):
        hold_class(Plan(url, alike=True, typed_turns=1, pinned=pinned, loudness=0.4), 1)  # the engines are loaded
        family = [process, *process.children(recursive=True)]
        spent = [sum(one.cpu_times()[:2]) for one in family]
        began = time.perf_counter()
        with idler(pinned) as idle:
            outcomes = hold_class(Plan(url, alike, typed_turns, pinned), learners)
        seconds = time.perf_counter() - began
        cores = [(sum(one.cpu_times()[:2]) - before) / seconds for one, before in zip(family, spent, strict=True)]
    print(f"{learners} learners, {'nobody pinned' if anywhere else 'server on two cores'}, "
          f"{'all alike and fast' if alike else 'each with a voice of their own'}: "
          f"{sum(outcome.turns for outcome in outcomes)} turns, {sum(outcome.summaries for outcome in outcomes)} "
          f"summaries, {sum(outcome.lost for outcome in outcomes)} items lost, "
          f"{sum(outcome.remembers for outcome in outcomes)} remember the dog, in {seconds:.0f} s")  # fmt: skip
    print(
        f"cores: server {cores[0]:.2f}, speech engines {sum(cores[1:]):.2f}; "
        f"load of the machine {os.getloadavg()[0]:.1f}"
    )
    print(f"a thread that only sleeps wakes late by {1000 * percentile(idle, 0.99):.1f} ms (p99), "
          f"{1000 * max(idle):.0f} ms (worst)")  # fmt: skip
    print(report(outcomes))


if __name__ == "__main__":
    typer.run(main)
