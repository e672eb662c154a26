"""Make the notebooks out of their sources: `make notebooks`, or one of them: `python notebooks/source/build.py 02`.

    source/NN_verb_phrase.py     edited by people: the lesson with its solution, as text that can be compared
      -> notebooks/NN_….ipynb    what a learner opens: executed, with a stub where the solution stood

In a cell with the tag `exercise`, a block between the lines `# solution begins` and `# solution ends` is what a learner
has to write. Lines `# stub: …` at its beginning stand there instead; without one, `...` does.
"""

from __future__ import annotations

import argparse
import copy
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

SOURCES = Path(__file__).parent
FOLDER = SOURCES.parent
EXERCISE, SELF_CHECK = "exercise", "self-check"
EXERCISE_HEADING = "## On your own"
_BLOCK = re.compile(r"^([ \t]*)# solution begins\n(.*?)^[ \t]*# solution ends\n?", re.MULTILINE | re.DOTALL)
_STUB = re.compile(r"^[ \t]*# stub: ?(.*)\n", re.MULTILINE)
_WIDGET = "application/vnd.jupyter.widget-view+json"
_CELL_PATIENCE_S = 180


def sources() -> list[Path]:
    """Every lesson, in order."""
    return sorted(SOURCES.glob("[0-9][0-9]_*.py"))


def target(source: Path) -> Path:
    """The notebook that is made of a source."""
    return FOLDER / f"{source.stem}.ipynb"


def read(source: Path) -> Any:
    """The lesson as it was written, without outputs."""
    notebook = jupytext.read(source)
    notebook.metadata.pop("jupytext", None)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
    return notebook


def student(notebook: Any) -> Any:
    """The edition with a stub in place of each solution."""
    return _with_exercises(notebook, _stub)


def solution(notebook: Any) -> Any:
    """The edition with the solutions, without the marks around them."""
    return _with_exercises(notebook, lambda block: _STUB.sub("", block[2]))


def exercise_part(notebook: Any) -> Any:
    """What the exercise needs: the first code cell, which imports, and everything from its heading on."""
    part = copy.deepcopy(notebook)
    cells = part.cells
    first = next(number for number, cell in enumerate(cells) if cell.cell_type == "code")
    begin = next(number for number, cell in enumerate(cells) if EXERCISE_HEADING in cell.source)
    part.cells = [cells[first], *cells[begin:]]
    return part


def run(notebook: Any, folder: Path = FOLDER) -> Any:
    """The notebook with what its cells put out.

    Raises:
        CellExecutionError: A cell failed.
    """
    done = copy.deepcopy(notebook)
    NotebookClient(done, timeout=_CELL_PATIENCE_S, resources={"metadata": {"path": str(folder)}}).execute()
    return done


def tidy(notebook: Any) -> Any:
    """Fit to be committed: nothing that differs from run to run without a reason, no widget that needs its kernel."""
    clean = copy.deepcopy(notebook)
    clean.metadata.pop("widgets", None)
    clean.metadata["language_info"] = {"name": "python"}
    for cell in clean.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = _joined(cell.outputs)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(_WIDGET, None)
            output.get("metadata", {}).pop(_WIDGET, None)
    return clean


def build(source: Path) -> Path:
    """Make the notebook of one source, and say where it is."""
    path = target(source)
    nbformat.write(tidy(run(student(read(source)))), path)
    return path


def _joined(outputs: list[Any]) -> list[Any]:
    """What one cell printed is one text, however many messages brought it."""
    joined: list[Any] = []
    for output in outputs:
        if joined and output.output_type == "stream" and joined[-1].get("name") == output.name:
            joined[-1]["text"] += output.text
        else:
            joined.append(output)
    return joined


def _with_exercises(notebook: Any, replace: Any) -> Any:
    edition = copy.deepcopy(notebook)
    for cell in edition.cells:
        if EXERCISE in cell.metadata.get("tags", []):
            cell.source = _BLOCK.sub(replace, f"{cell.source}\n").rstrip("\n")
    return edition


def _stub(block: re.Match[str]) -> str:
    indent = block[1]
    lines = [match[1] for match in _STUB.finditer(block[2])] or ["..."]
    return "".join(f"{indent}{line}\n" for line in lines)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Make the notebooks out of their sources.")
    parser.add_argument("numbers", nargs="*", help="Only these, such as 02; all of them without one.")
    parser.add_argument(
        "--solutions", type=Path, help="Write the edition with solutions, not executed, to this folder."
    )
    options = parser.parse_args(arguments)
    numbers = options.numbers
    chosen = [source for source in sources() if not numbers or source.name[:2] in numbers]
    if not chosen:
        sys.exit(f"There is no source {', '.join(numbers)} in {SOURCES}.")
    if options.solutions is not None:
        options.solutions.mkdir(parents=True, exist_ok=True)
        for source in chosen:
            nbformat.write(solution(read(source)), options.solutions / target(source).name)
        return
    with ThreadPoolExecutor(2) as pool:
        for path in pool.map(build, chosen):
            print(path.relative_to(FOLDER.parent))


if __name__ == "__main__":
    main(sys.argv[1:])
