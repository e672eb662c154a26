"""The long conversation itself, and that it notices when something is lost or grows."""

from __future__ import annotations

import asyncio
import io
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from realtime_helpers.cli import app
from realtime_helpers.errors import SettingsError
from realtime_helpers.experiments import soak as room
from realtime_helpers.experiments.lab import LabParts, MemoryService, lab_config, lab_parts
from realtime_helpers.experiments.sizes import deep_size
from realtime_helpers.experiments.soak import Ends, SoakPlan, SoakReport, run_soak, soak
from realtime_helpers.experiments.virtual_time import VirtualTimeLoop
from realtime_helpers.memory import Summariser, SummaryRequest, SummaryStyle
from realtime_helpers.simulator import PACES, Parts

TURNS = 200
LINE = re.compile(r"soak: turns=\d+ lost=\d+ max_window=\d+ ms_per_turn_first=\d+\.\d\d ms_per_turn_last=\d+\.\d\d")


@pytest.fixture(scope="module")
def own(parts: Parts) -> LabParts:
    return lab_parts(parts.voice, parts.ears)


def run(plan: SoakPlan, parts: LabParts, **more: Any) -> SoakReport:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(soak(plan, parts, **more))


class CountingClock:
    """A clock that ticks with every call of a Python function: work, whatever else the machine does.

    Counting is slow, so it stands still between the turns at the beginning and those at the end, which are compared.
    It is read once at the beginning, and before and after each turn.
    """

    def __init__(self) -> None:
        self.calls = self.reads = 0

    def _on_call(self, _frame: object, event: str, _argument: object) -> None:
        self.calls += event == "call"

    def __call__(self) -> float:
        self.reads += 1
        turn = self.reads // 2
        sys.setprofile(self._on_call if turn <= TURNS // 10 or turn > TURNS - TURNS // 10 else None)
        return self.calls / 1000


@pytest.fixture
def work_clock() -> Any:
    yield CountingClock()
    sys.setprofile(None)


def test_nothing_is_lost_and_no_turn_is_more_work_than_the_first_ones(
    own: LabParts, work_clock: Callable[[], float]
) -> None:
    report = run(SoakPlan(TURNS, trigger_tokens=800), own, clock=work_clock)
    assert report.failures == []
    assert report.lost == 0
    assert report.spoken == 80
    assert report.summaries > 20
    assert 800 <= report.max_window <= 800 + report.largest_turn
    assert report.ms.first > 0
    assert report.ms.growth < 1.25
    assert report.memory.last < 8_000
    assert report.total.input_audio > 0
    assert LINE.fullmatch(report.line)
    assert report.line.startswith("soak: turns=200 lost=0 ")


class ForgetfulService(MemoryService):
    """While a summary is written, a reply that it does not cover vanishes from the server."""

    def summariser(self, style: SummaryStyle, writer: Any) -> Summariser:
        honest = super().summariser(style, writer)

        async def write(request: SummaryRequest) -> Any:
            conversation = self.line.session.conversation
            conversation.delete(conversation.items[-3].id)
            return await honest(request)

        return write


def test_a_turn_that_nobody_summarised_is_lost(own: LabParts) -> None:
    async def hold() -> SoakReport:
        service = ForgetfulService(lab_config(own, PACES["fast"]))
        return await soak(SoakPlan(30, trigger_tokens=1_000), own, service=service)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        report = runner.run(hold())
    assert report.lost == report.summaries
    assert report.summaries > 1
    assert f"{report.lost} turns are lost" in report.failures[0]


def test_the_exit_code_is_that_of_the_run(own: LabParts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "lab_parts", lambda: own)
    result = CliRunner().invoke(app, ["soak", "--turns", "30", "--trigger", "1000"])
    assert result.exit_code == 0
    assert LINE.fullmatch(result.output.splitlines()[-1])

    monkeypatch.setattr(room, "MemoryService", ForgetfulService)
    result = CliRunner().invoke(app, ["soak", "--turns", "30", "--trigger", "1000"])
    assert result.exit_code == 1
    assert re.search(r"soak: turns=30 lost=[1-9]", result.output.splitlines()[-1])
    assert "are LOST" in result.output


def test_what_grows_is_a_failure_once_there_are_enough_turns_to_tell(own: LabParts) -> None:
    report = run(SoakPlan(10), own)
    long = replace(report, plan=SoakPlan(2_000))
    assert replace(long, ms=Ends(10, 14), memory=Ends(1_000, 1_400)).failures == []
    assert "time" in replace(long, ms=Ends(10, 16), memory=Ends(1_000, 1_400)).failures[0]
    assert "memory" in replace(long, ms=Ends(10, 14), memory=Ends(1_000, 1_600)).failures[0]
    assert replace(report, ms=Ends(10, 16)).failures == []
    assert "window" in replace(report, max_window=2_001 + report.largest_turn).failures[0]
    assert replace(report, problems=("Something is wrong.",)).failures == ["Something is wrong."]


def test_too_few_turns_are_refused() -> None:
    with pytest.raises(SettingsError, match="10 turns"):
        SoakPlan(9)


def test_each_object_counts_once_and_those_of_others_not_at_all() -> None:
    shared = bytes(100_000)
    keeper = {"a": [shared, shared], "b": bytes(1_000)}
    assert 101_000 < deep_size(keeper) < 103_000
    assert 1_000 < deep_size(keeper, without=[shared]) < 3_000
    assert deep_size(asyncio, io.StringIO) == 0
    assert deep_size(SoakPlan(10)) < 1_000


def test_no_bar_is_drawn_where_nobody_watches(own: LabParts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "lab_parts", lambda: own)
    out = io.StringIO()
    assert run_soak(SoakPlan(10), Console(file=out)) == 0
    assert "\x1b" not in out.getvalue()
    assert len(out.getvalue().splitlines()) == 7
