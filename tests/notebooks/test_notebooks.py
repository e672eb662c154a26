"""What every notebook must keep; nbval runs them, this reads them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
HEADINGS = (
    "What you'll do",
    "What you'll learn",
    "What you'll need",
    "On your own",
    "Take-aways",
    "In practice",
    "Further reading",
)
MAX_OUTPUT_BYTES = 100_000


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Any:
    return nbformat.read(request.param, as_version=4)


def prose(notebook: Any) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_frame_is_complete(notebook: Any) -> None:
    nbformat.validate(notebook)
    text = prose(notebook)
    assert text.startswith("# ")
    for heading in HEADINGS:
        assert re.search(rf"^#+ {heading}$", text, re.MULTILINE), heading
    minutes = notebook.metadata["minutes"]
    assert f"**Minutes:** {minutes['teaching']} to read and run, {minutes['exercises']} for the exercise." in text
    assert "> **Predict, then run.**" in text
    assert "self-check" in "".join(cell.source for cell in code_cells(notebook))


def test_it_was_run_from_top_to_bottom(notebook: Any) -> None:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_golden_cells_have_something_to_compare_with(notebook: Any) -> None:
    golden = [cell for cell in code_cells(notebook) if "nbval-check-output" in cell.metadata.get("tags", [])]
    assert len(golden) >= 3
    for cell in golden:
        assert cell.outputs
        assert cell.execution_count


def test_it_is_fit_to_be_committed(notebook: Any) -> None:
    assert "widgets" not in notebook.metadata
    for cell in code_cells(notebook):
        for output in cell.outputs:
            text = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])]))
            assert len(text) < MAX_OUTPUT_BYTES
            assert output.output_type != "error"
            assert output.get("name") != "stderr", text


def test_links_lead_somewhere(notebook: Any) -> None:
    for target in re.findall(r"\]\(([^)#]+)", prose(notebook)):
        if not target.startswith("http"):
            assert (FOLDER / target).exists(), target
