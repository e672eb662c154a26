"""The fault lab: what its button does, from whatever thread, and what it says when something goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from realtime_helpers.errors import SessionError, SettingsError
from realtime_helpers.experiments.scenarios import Course, Result, Verdict
from realtime_helpers.experiments.scenarios.run import find_scenario
from realtime_helpers.experiments.scenarios.stage import Moment
from realtime_helpers.widgets.fault_lab import FaultLab, side_by_side

PATIENCE_S = 20.0


def result_of(name: str) -> Result:
    naive = Course(Verdict("lost 1 turn", "nothing is left of “<b>Hello</b>”"), (
        Moment(0.0, "line", "is open"), Moment(1.23, "user", "says “<b>Hello</b>”"), Moment(2.0, "client", "deletes"),
    ))  # fmt: skip
    ours = Course(Verdict("ok"), (Moment(0.0, "line", "is open"), Moment(3.0, "client", "waits")))
    return Result(find_scenario(name), naive, ours)


class Stage:
    """Plays when it is told to, and notes on which thread."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.played: list[str] = []
        self.threads: list[threading.Thread] = []

    def __call__(self, name: str) -> Result:
        self.played.append(name)
        self.threads.append(threading.current_thread())
        assert self.may_end.wait(PATIENCE_S)
        return result_of(name)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.may_end.set()


@pytest.fixture
def lab(stage: Stage) -> Iterator[FaultLab]:
    lab = FaultLab(stage)
    yield lab
    stage.may_end.set()
    lab.close()


def test_play_shows_both_courses_and_the_verdicts_in_words(lab: FaultLab, stage: Stage) -> None:
    stage.may_end.set()
    lab.choose("scenario", "refused-insert")
    lab.press("Play")
    assert lab.wait(PATIENCE_S).case.name == "refused-insert"
    assert lab.status.startswith("The naive client: lost 1 turn (nothing is left of “<b>Hello</b>”). Ours: ok. Sent is")
    picture = lab.children[3].value
    assert "Naive: lost 1 turn" in picture
    assert "Ours: ok" in picture
    assert "<b>" not in picture + lab.children[2].value, "words of others are text, not markup"


def test_a_press_returns_at_once_and_plays_on_a_thread_of_its_own(lab: FaultLab, stage: Stage) -> None:
    lab.press("Play")
    assert "Playing “deaf”" in lab.status
    stage.may_end.set()
    lab.wait(PATIENCE_S)
    assert stage.threads[0] is not threading.current_thread()


def test_presses_from_foreign_threads_play_once_and_the_others_are_refused_kindly(lab: FaultLab, stage: Stage) -> None:
    pressed = [threading.Thread(target=lab.press, args=("Play",)) for _ in range(8)]
    for thread in pressed:
        thread.start()
    for thread in pressed:
        thread.join(PATIENCE_S)
    assert "still being played" in lab.status
    stage.may_end.set()
    lab.wait(PATIENCE_S)
    assert stage.played == ["deaf"]
    assert lab.status.startswith("The naive client:")


def test_an_error_is_shown_in_the_panel_and_raised_by_wait_and_the_next_play_works(stage: Stage) -> None:
    stage.may_end.set()
    broken = [True]

    def play(name: str) -> Result:
        if broken:
            raise SettingsError("The voice is gone.", "Install espeak-ng.")
        return stage(name)

    lab = FaultLab(play)
    lab.press("Play")
    with pytest.raises(SettingsError, match="voice is gone"):
        lab.wait(PATIENCE_S)
    assert "“deaf” could not be played. The voice is gone." in lab.status
    assert "Install espeak-ng." in lab.status
    broken.clear()
    lab.press("Play")
    assert lab.wait(PATIENCE_S).naive.verdict.word == "lost 1 turn"
    lab.close()


def test_wait_says_when_there_is_nothing_to_wait_for_and_when_it_takes_too_long(lab: FaultLab) -> None:
    with pytest.raises(SessionError, match="Nothing was played"):
        lab.wait()
    lab.press("Play")
    with pytest.raises(TimeoutError, match="still plays"):
        lab.wait(0.01)


def test_what_is_not_there_can_be_neither_chosen_nor_pressed(lab: FaultLab) -> None:
    with pytest.raises(SettingsError, match="no choice called 'speed'"):
        lab.choose("speed", "deaf")
    with pytest.raises(SettingsError, match="no scenario 'nonsense'"):
        lab.choose("scenario", "nonsense")
    with pytest.raises(SettingsError, match="no button called 'Stop'"):
        lab.press("Stop")


def test_moments_of_both_stand_in_one_row_where_they_happened_at_the_same_time() -> None:
    table = side_by_side(result_of("deaf"))
    rows = table.partition("<tbody>")[2].split("<tr>")[1:]
    assert [row.partition(" s</th>")[0].rpartition(">")[2] for row in rows] == ["0.0", "1.2", "2.0", "3.0"]
    assert rows[0].count("line is open") == 2
    assert rows[3].index("<td") < rows[3].index("client waits")
    assert table.count('scope="col"') == 3


def test_controls_have_names_and_news_is_announced(lab: FaultLab) -> None:
    scenario, button, status, _ = lab.children
    assert scenario.description == "Scenario:"
    assert len(scenario.options) == 24
    assert button.description == "Play"
    assert 'role="status"' in status.value


def test_by_default_the_scenario_is_really_played() -> None:
    lab = FaultLab()
    lab.choose("scenario", "refused-insert")
    lab.press("Play")
    played = lab.wait(60)
    lab.stop()
    assert played.naive.verdict.word == played.case.naive == "lost 2 turns"
    assert played.ours.verdict.is_ok
    assert lab.result is played
    lab.close()
