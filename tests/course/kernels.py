"""A few cells in a real kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

_CELL_PATIENCE_S = 60


def run_cells(*sources: str, folder: Path) -> list[Any]:
    """Run cells one after the other; one that fails ends it. Each cell with what it put out."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    client = NotebookClient(
        notebook, timeout=_CELL_PATIENCE_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.allow_errors = False
    with client.setup_kernel():
        for number, cell in enumerate(notebook.cells):
            try:
                client.execute_cell(cell, number)
            except Exception:
                if not error_of(cell):
                    raise
                break
    return list(notebook.cells)


def error_of(cell: Any) -> Any | None:
    """The error that a cell put out."""
    return next((output for output in cell.outputs if output.output_type == "error"), None)


def printed_by(cell: Any) -> str:
    """What a cell printed."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout")
