"""A notebook goes back to how it was, and nothing that a learner wrote is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from realtime_helpers.cli import app
from realtime_helpers.course.resetting import reset_notebook
from realtime_helpers.errors import WorkshopError

NAME = "03_read.ipynb"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "notebooks"
    made.mkdir()
    (made / NAME).write_text("as it was", encoding="utf-8")
    return made


@pytest.fixture
def checkout(folder: Path) -> Path:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "begin"]):
        subprocess.run(["git", *command], cwd=folder.parent, check=True)
    return folder


def test_it_goes_back_and_keeps_what_was_written_each_time(checkout: Path) -> None:
    path = checkout / NAME
    for attempt in (1, 2):
        path.write_text(f"mine {attempt}", encoding="utf-8")
        assert reset_notebook("3", checkout) == (path, checkout / f"03_read-mine-{attempt}.ipynb")
        assert path.read_text(encoding="utf-8") == "as it was"
    assert (checkout / "03_read-mine-1.ipynb").read_text(encoding="utf-8") == "mine 1"
    assert (checkout / "03_read-mine-2.ipynb").read_text(encoding="utf-8") == "mine 2"


def test_an_untouched_or_deleted_one_needs_no_copy(checkout: Path) -> None:
    assert reset_notebook("03", checkout) == (checkout / NAME, None)
    (checkout / NAME).unlink()
    assert reset_notebook("03", checkout) == (checkout / NAME, None)
    assert (checkout / NAME).read_text(encoding="utf-8") == "as it was"


def test_untouched_ones_may_lie_in_another_folder(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    assert reset_notebook("03", mine, folder) == (mine / NAME, None)


def test_what_cannot_be_done_is_said_with_the_next_step(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(WorkshopError, match="these numbers: 03"):
        reset_notebook("07", checkout)
    outside = tmp_path_factory.mktemp("outside")
    with pytest.raises(WorkshopError, match="--pristine"):
        reset_notebook("03", outside)


def test_the_command_says_where_the_learners_own_went(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout.parent)
    (checkout / NAME).write_text("mine", encoding="utf-8")
    result = CliRunner().invoke(app, ["reset", "03"])
    assert result.exit_code == 0
    assert "03_read-mine-1.ipynb" in result.output
    assert CliRunner().invoke(app, ["reset", "99"]).exit_code == 1
