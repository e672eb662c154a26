"""What every notebook must keep; nbval runs them, this reads them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from .lessons import FOLDER, NOTEBOOKS, build

IN_ORDER = (
    r"\*\*Minutes:\*\* ",
    r"### What you'll do$",
    r"### What you'll learn$",
    r"### What you'll need$",
    r"---$",
    r"## (?!On your own)",
    r"## On your own$",
    r"<details><summary>Hint 1</summary>",
    r"<details><summary>Hint 2</summary>",
    r"<details><summary>Hint 3</summary>",
    r"## Take-aways$",
    r"## In practice$",
    r"## Further reading$",
)
MAX_OUTPUT_BYTES = 100_000


def test_there_is_a_notebook_of_every_lesson_and_no_other() -> None:
    assert [path.name for path in NOTEBOOKS] == [build.target(source).name for source in build.sources()]
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{number:02}" for number in range(12)]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def notebook(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def prose(notebook: Any) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def code_cells(notebook: Any, tag: str = "") -> list[Any]:
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and (not tag or tag in cell.metadata.get("tags", []))
    ]


def shown(cell: Any) -> str:
    return "".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def test_it_was_made_of_its_source_as_it_is_now(path: Path, notebook: Any) -> None:
    (source,) = (source for source in build.sources() if source.stem == path.stem)
    now = build.student(build.read(source))
    made = [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]
    wanted = [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in now.cells]
    assert made == wanted, f"build it again: make notebooks ONLY={path.name[:2]}"
    assert notebook.metadata["minutes"] == now.metadata["minutes"]


def test_the_frame_is_complete_and_in_order(notebook: Any) -> None:
    nbformat.validate(notebook)
    text = prose(notebook)
    assert re.match(r"# [A-Z0-9]", text)
    at = 0
    for mark in IN_ORDER:
        found = re.compile(f"^{mark}", re.MULTILINE).search(text, at)
        assert found, mark
        at = found.end()
    assert text.count("<details>") == 3
    minutes = notebook.metadata["minutes"]
    assert f"**Minutes:** {minutes['teaching']} to read and run, {minutes['exercises']} for the exercise." in text
    assert "> **Predict, then run.**" in text
    assert re.search(r"^[^!]*(?<!!)\[[^\]]+\]\([^)]+\)", text.split("## Further reading")[1]), "it names what to read"


def test_its_exercise_checks_itself_and_keeps_its_solution_secret(notebook: Any) -> None:
    assert code_cells(notebook, build.EXERCISE)
    checks = code_cells(notebook, build.SELF_CHECK)
    assert checks
    assert shown(checks[-1]).startswith("Not yet: ")
    assert not any("# solution" in cell.source or "# stub:" in cell.source for cell in notebook.cells)


def test_it_was_run_from_top_to_bottom(notebook: Any) -> None:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_golden_cells_have_something_to_compare_with(notebook: Any) -> None:
    golden = code_cells(notebook, "nbval-check-output")
    assert len(golden) >= 3
    for cell in golden:
        assert shown(cell).strip()
        assert cell.execution_count


def test_every_figure_has_its_sentence(notebook: Any) -> None:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            assert not {"image/png", "image/svg+xml", "image/jpeg"} & set(data), (
                "show a Plot: it brings its words along"
            )
            if "data:image" in (page := data.get("text/html", "")):
                (words,) = re.findall(r'<img alt="([^"]+)"', page)
                assert len(words.split()) > 6
                assert f"<p>{words}</p>" in page


def test_it_is_fit_to_be_committed(notebook: Any) -> None:
    assert "widgets" not in notebook.metadata
    for cell in code_cells(notebook):
        for output in cell.outputs:
            text = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])]))
            assert len(text) < MAX_OUTPUT_BYTES
            assert output.output_type != "error"
            assert output.get("name") != "stderr", text
            assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {})


def test_links_lead_somewhere_and_pictures_have_words(notebook: Any) -> None:
    text = prose(notebook)
    assert not re.search(r"!\[\s*\]", text), "a picture without an alternative text"
    for target in re.findall(r"\]\(([^)#]+)", text):
        if not target.startswith("http"):
            assert (FOLDER / target).exists(), target


def test_it_sets_no_event_loop_policy_and_asks_nothing(notebook: Any) -> None:
    code = "\n".join(cell.source for cell in code_cells(notebook))
    for forbidden in ("input(", "getpass", "set_event_loop_policy", "nest_asyncio.apply", "time.sleep("):
        assert forbidden not in code, forbidden


def test_the_schedule_tells_the_minutes_that_the_notebooks_tell() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    total = 0
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        minutes = notebook.metadata["minutes"]
        title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
        row = f"| [{path.name[:2]} {title}]({path.name}) | {minutes['teaching']} | {minutes['exercises']} |"
        assert row in text, row
        total += minutes["teaching"] + minutes["exercises"]
    assert f"**{total} minutes in all**" in text


def test_the_build_replaces_solutions_and_nothing_else() -> None:
    cell = nbformat.v4.new_code_cell(
        "def price(usage):\n    # solution begins\n    # stub: return None\n    return usage * 2\n"
        "    # solution ends\nkept = 1",
        metadata={"tags": ["exercise"]},
    )
    lesson = nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_code_cell("# solution begins\n1\n# solution ends")])
    assert [cell.source for cell in build.student(lesson).cells] == [
        "def price(usage):\n    return None\nkept = 1",
        lesson.cells[1].source,
    ]
    assert build.solution(lesson).cells[0].source == "def price(usage):\n    return usage * 2\nkept = 1"
