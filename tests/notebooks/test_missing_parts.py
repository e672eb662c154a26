"""A notebook on a machine where something is missing: its first cells run, or end in a sentence with the next step."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import jupytext
import pytest

from tests.course.kernels import error_of, printed_by, run_cells

FOLDER = Path(__file__).parents[2] / "notebooks"
SOURCES = sorted((FOLDER / "source").glob("[0-9][0-9]_*.py"))
PARTS = {
    "widgets": ("ipywidgets", "anywidget"),
    "figures": ("matplotlib",),
    "progress": ("tqdm",),
    "simulator": ("aiohttp", "espeakng_loader", "pocketsphinx", "webrtcvad"),
    "sound": ("sounddevice", "simpleaudio"),
    "older style": ("nest_asyncio",),
}
OPTIONAL = re.compile(
    r"^\s*(?:import|from) (ipywidgets|anywidget|matplotlib|tqdm|sounddevice|simpleaudio|nest_asyncio)\b", re.MULTILINE
)
A_STEP = re.compile(r"pip install|realtime-workshop|apt-get|%env")
LONGEST_OUTPUT_LINES = 3


def without(*modules: str) -> str:
    """A cell after which importing these fails, as where they are not installed."""
    return f"import sys\nfor name in {modules!r}:\n    sys.modules[name] = None"


def code_cells(source: Path) -> list[str]:
    return [cell.source for cell in jupytext.read(source).cells if cell.cell_type == "code"]


def told(cell: Any) -> str:
    """The sentence that a failed cell shows; no wall of traceback."""
    error = error_of(cell)
    assert error is not None
    assert error.ename in ("MissingPartError", "SessionError"), error.traceback
    assert len(error.traceback) <= LONGEST_OUTPUT_LINES
    assert "Traceback" not in "".join(error.traceback)
    assert A_STEP.search(error.traceback[-1]), error.traceback
    return "\n".join(error.traceback)


def test_there_are_notebooks_to_try() -> None:
    assert SOURCES


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_its_first_cells_run_or_say_what_to_do(source: Path) -> None:
    cells = code_cells(source)
    first = cells[:2] if "choose_server(" in cells[1] else cells[:1]
    missing = [module for modules in PARTS.values() for module in modules]
    for cell in run_cells(without(*missing), *first, folder=FOLDER)[1:]:
        if error_of(cell) is not None:
            told(cell)
            return
    assert "realtime_helpers.widgets" not in first[0], "this one needs widgets, and did not say so"
    assert len(first) == 1, "this one needs a server, and did not say that there is none"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_what_may_be_missing_is_imported_where_it_is_used(source: Path) -> None:
    """In the first cell it would fail with a traceback, before a helper of ours can say what to do."""
    assert not OPTIONAL.search(code_cells(source)[0])


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_it_says_what_to_do_when_the_package_itself_is_missing(source: Path) -> None:
    need = next(cell.source for cell in jupytext.read(source).cells if "### What you'll need" in cell.source)
    assert "No module named 'realtime_helpers'" in need
    assert "make lab" in need


def test_widgets_say_which_package_is_missing() -> None:
    cells = run_cells(without("ipywidgets"), "from realtime_helpers.widgets import BrowserAudio", folder=FOLDER)
    assert told(cells[1]) == (
        "MissingPartError: The package 'ipywidgets' is not installed.\n"
        "What to do: In the workshop's folder: pip install -e '.[lab]'"
    )


def test_figures_say_which_package_is_missing() -> None:
    draw = "from realtime_helpers.plots import plot_quantisation\nplot_quantisation()"
    assert "'matplotlib' is not installed" in told(run_cells(without("matplotlib"), draw, folder=FOLDER)[1])


def test_experiments_say_that_they_need_the_simulator() -> None:
    cells = run_cells(without("aiohttp"), "from realtime_helpers.experiments.lab import Lab", folder=FOLDER)
    assert "The simulator needs the package 'aiohttp'" in told(cells[1])


def test_without_devices_what_is_heard_goes_into_files(tmp_path: Path) -> None:
    (source,) = [source for source in SOURCES if source.name.startswith("01_")]
    cells = run_cells(without(*PARTS["sound"]), *code_cells(source)[:2], folder=tmp_path)
    assert not any(error_of(cell) for cell in cells)
    assert (tmp_path / "my_name.wav").stat().st_size > 10_000


def test_the_doctor_names_every_missing_part(tmp_path: Path) -> None:
    missing = without(*PARTS["widgets"], *PARTS["figures"], *PARTS["sound"])
    cells = run_cells(missing, "from realtime_helpers.doctor import show\nprint(show())", folder=tmp_path)
    report = printed_by(cells[1])
    for name in ("ipywidgets", "anywidget", "matplotlib"):
        assert f"{name} is not installed" in " ".join(report.split()), report
    assert "[ FIX ]" not in report  # the course runs on, with what is there


def test_a_simulator_that_is_gone_says_so_in_the_cell_that_chooses_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    gone = f"import os\nos.environ['REALTIME_SIMULATOR_URL'] = 'http://127.0.0.1:{port}/v1'"
    (source,) = [source for source in SOURCES if source.name.startswith("00_")]
    first, switch = code_cells(source)[0], next(cell for cell in code_cells(source) if "choose_server(" in cell)
    cells = run_cells(gone, first, switch, folder=FOLDER)
    assert error_of(cells[1]) is None
    assert f"No simulator answers at http://127.0.0.1:{port}/v1" in told(cells[2])
    repaired = run_cells(gone, first, "%env REALTIME_SIMULATOR_URL=", switch, folder=FOLDER)
    assert not any(error_of(cell) for cell in repaired)
