"""`serve --class N` as a teacher starts it: what it prints, what it refuses, and how a small class fares on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from realtime_helpers.settings import SIMULATOR_KEY_VARIABLE
from realtime_helpers.simulator.classes import TEACHER_TOKEN_VARIABLE

from .test_serving import PATIENCE_S, command, complaint, needs_fork

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")
TOKEN = "teacher-of-the-class"


@contextmanager
def class_of(learners: int, *arguments: str, **environment: str) -> Iterator[list[str]]:
    """A running `serve --class`: its first three lines, and, once it has ended, what it logged."""
    words = [*command("--class", str(learners), *arguments), "--leash"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        words, env=os.environ | environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8"
    )
    assert process.stdout is not None
    lines = [process.stdout.readline().rstrip() for _ in range(3)]
    try:
        yield lines
    finally:
        process.terminate()
        lines += process.communicate(timeout=PATIENCE_S)[1].splitlines()


def url_in(lines: list[str]) -> str:
    assert lines[0].startswith("ready ")
    return lines[0].split()[1]


def test_a_class_is_told_what_to_set_and_no_key_is_shown() -> None:
    with class_of(3, **{SIMULATOR_KEY_VARIABLE: "swordfish-0123456789"}) as lines:
        port = url_in(lines).split(":")[2].removesuffix("/v1")
        assert lines[1].startswith(f"overview http://127.0.0.1:{port}/class#")
        assert lines[2].startswith("learners set REALTIME_SIMULATOR_URL=http://")
        assert f":{port}/v1 and REALTIME_LEARNER=their name, and the same REALTIME_SIMULATOR_KEY as here" in lines[2]
        assert not any("swordfish" in line for line in lines)


async def test_the_token_of_the_environment_opens_the_overview_and_is_nowhere_in_the_log() -> None:
    quiet = {TEACHER_TOKEN_VARIABLE: TOKEN}
    with class_of(3, "--host", "127.0.0.1", "--log-level", "debug", **quiet) as lines:
        root = url_in(lines).removesuffix("/v1")
        async with aiohttp.ClientSession() as session:
            for token, status in ((TOKEN, 200), ("guessed-by-a-learner", 401)):
                headers = {"Authorization": f"Bearer {token}"}
                async with session.get(f"{root}/class/figures", headers=headers) as answer:
                    assert answer.status == status
    assert TOKEN not in "".join(lines)


def test_what_cannot_be_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SIMULATOR_KEY_VARIABLE, raising=False)
    said = complaint("--class", "30")
    assert "A class comes over the network" in said
    assert f"export {SIMULATOR_KEY_VARIABLE}=$(openssl rand -hex 16)" in said
    assert "--host 127.0.0.1" in said
    monkeypatch.setenv(TEACHER_TOKEN_VARIABLE, "1234")
    assert "one could guess it" in complaint("--class", "30", "--host", "127.0.0.1")


@needs_fork
def test_a_class_lives_in_one_process() -> None:
    assert "A class is counted and limited in one process" in complaint("--class", "30", "--workers", "2")


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield import_module("classroom")
    for name in ("classroom", "lateness"):
        sys.modules.pop(name, None)


def test_eight_learners_end_their_conversation_and_events_come_in_time(benchmark: Any) -> None:
    with class_of(8, "--host", "127.0.0.1", "--pace", "realtime") as lines:
        plan = benchmark.Plan(url_in(lines), alike=True, typed_turns=4)
        with ThreadPoolExecutor(8) as threads:
            outcomes = list(threads.map(lambda number: benchmark.learn(plan, number), range(8)))
    assert {outcome.turns for outcome in outcomes} == {10}
    assert all(outcome.summaries and outcome.remembers for outcome in outcomes)
    assert not any(outcome.lost for outcome in outcomes)
    late = sorted(seconds for outcome in outcomes for kind, seconds in outcome.late if kind == "audio")
    assert len(late) > 1000
    # what the bound rests on: a delta that was late does not make those after it late, whatever else the machine does
    assert late[len(late) // 2] < 0.05
