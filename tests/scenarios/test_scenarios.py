"""Every scenario: ours holds, and the naive algorithm fails in exactly the way the case says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from realtime_helpers.cli import app
from realtime_helpers.errors import SettingsError
from realtime_helpers.experiments.lab import LabUser, lab_parts
from realtime_helpers.experiments.scenarios import SCENARIOS, Case, Course, Result, run, run_scenario
from realtime_helpers.experiments.scenarios.cases import CONTROL
from realtime_helpers.experiments.scenarios.clients import Ours
from realtime_helpers.experiments.scenarios.run import MakeClient, play
from realtime_helpers.experiments.scenarios.show import last_line, markdown_table
from realtime_helpers.protocol import delete_item
from realtime_helpers.simulator import Parts
from realtime_helpers.speech import Voice

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lab(parts: Parts) -> Parts:
    return lab_parts(parts.voice, parts.ears)


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return {}


@pytest.fixture(scope="module")
def voice() -> Iterator[Voice]:
    with closing(Voice()) as voice:
        yield voice


@pytest.mark.parametrize("case", SCENARIOS, ids=lambda case: case.name)
def test_ours_holds_and_the_naive_one_fails_as_written(case: Case, lab: Parts, results: dict[str, Result]) -> None:
    result = results[case.name] = run_scenario(case, parts=lab)
    assert result.ours.verdict.is_ok, f"{result}\n{result.ours}"
    assert result.naive.verdict.word == case.naive, f"{result}\n{result.naive}"


def test_with_a_good_server_and_simple_talk_the_naive_one_works(lab: Parts) -> None:
    result = run_scenario(CONTROL, parts=lab)
    assert result.naive.verdict.is_ok
    assert result.ours.verdict.is_ok
    for course in (result.naive, result.ours):
        assert any("asked for a summary" in moment.what for moment in course.timeline)


def test_a_course_is_the_same_every_time(lab: Parts, results: dict[str, Result]) -> None:
    name = "turn-races-splice"
    first = results.get(name) or run_scenario(name, parts=lab)
    again = run_scenario(name, parts=lab)
    assert first.naive == again.naive
    assert first.ours == again.ours


def test_there_are_24_and_no_name_twice() -> None:
    assert len(SCENARIOS) == 24
    assert len({case.name for case in SCENARIOS}) == 24
    assert len({case.what for case in SCENARIOS}) == 24


# -- the referee can fail ours ------------------------------------------------------------------------


class Careless(Ours):
    """Ours, but it deletes the first turn unread."""

    async def start(self, user: LabUser) -> None:
        await super().start(user)
        self.task = asyncio.create_task(self._delete_something())

    async def _delete_something(self) -> None:
        now = await self._session.wait_for(lambda now: now.has_answered(1))
        self._session._send(delete_item(now.items[0].id))


class Deluded(Ours):
    """Ours, but it believes in one item less."""

    @property
    def known_ids(self) -> list[str]:
        return super().known_ids[:-1]


class Mute(Ours):
    """Ours, but it hangs up at once."""

    async def start(self, user: LabUser) -> None:
        await super().start(user)
        await self._session.wait_for(lambda now: now.state.value == "listening")
        await self._session.stop()


@pytest.mark.parametrize(("broken", "word"), [(Careless, "lost 1 turn"), (Deluded, "drifts"), (Mute, "hangs")])
def test_the_referee_sees_when_ours_is_broken(broken: MakeClient, word: str, lab: Parts, voice: Voice) -> None:
    course: Course = play(CONTROL, broken, lab, voice)
    assert course.verdict.word == word, f"{course.verdict}\n{course}"


# -- the command, the page ----------------------------------------------------------------------------


def command(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, ["scenarios", *arguments])
    return outcome.exit_code, outcome.output


def test_the_last_line_of_the_whole(results: dict[str, Result]) -> None:
    if len(results) < len(SCENARIOS):
        pytest.fail("run the whole file: this test counts the results of the others")
    expected = sum(case.naive != "ok" for case in SCENARIOS)
    assert last_line(list(results.values())) == f"scenarios: total=24 naive_lost={expected} ours_lost=0"


def test_the_command_ends_with_a_line_for_programs() -> None:
    code, output = command("--only", "failed-transcript")
    assert code == 0
    assert output.splitlines()[-1] == "scenarios: total=1 naive_lost=1 ours_lost=0"
    assert "lost 1 turn" in output


def test_the_command_explains() -> None:
    code, output = command("--explain", "text-reply")
    assert code == 0
    assert "crashed with KeyError" in output
    assert output.splitlines()[-1] == "scenarios: total=1 naive_lost=1 ours_lost=0"


def test_the_command_fails_when_ours_does(monkeypatch: pytest.MonkeyPatch) -> None:
    clients: dict[str, Any] = {**run.CLIENTS, "ours": Careless}
    monkeypatch.setattr(run, "CLIENTS", clients)
    code, output = command("--only", "insert-at-the-front")
    assert code == 1
    assert output.splitlines()[-1] == "scenarios: total=1 naive_lost=1 ours_lost=1"


def test_an_unknown_scenario_is_named() -> None:
    with pytest.raises(SettingsError, match="usual-transcripts"):
        run_scenario("nope")
    assert command("--only", "nope")[0] == 1


def test_the_page_shows_these_scenarios_and_names_every_mistake() -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    assert markdown_table() in page
    for case in SCENARIOS:
        for number in re.findall(r"\d+", case.pitfall):
            assert re.search(rf"^\| {number} \|", page.partition("## The mistakes")[2], re.MULTILINE), number
