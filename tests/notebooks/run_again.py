"""Run a notebook so many times, with a restart in between; print what each run left behind. A program of its own."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import nbformat
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

from tests.kernels import use_own_ports

ROOT = Path(__file__).parents[2]
CENSUS = f"""
%reset -f
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.notebooks.census import census
print(census())
"""
LONGEST_S = 180


def left_by(path: Path, runs: int) -> list[str]:
    """Tasks, ports and processes that were not there before the first cell, run by run."""
    found = []
    client = NotebookClient(nbformat.v4.new_notebook(), kernel_name="realtime-strict", timeout=LONGEST_S,
                            resources={"metadata": {"path": str(path.parent)}})  # fmt: skip
    with client.setup_kernel():
        for attempt in range(1, runs + 1):
            client.nb = nbformat.read(path, as_version=4)
            before = _census(client)
            for number, cell in enumerate([cell for cell in client.nb.cells if cell.cell_type == "code"]):
                client.execute_cell(cell, number)
            after = _census(client)
            more = {kind: [one for one in after[kind] if one not in before[kind]] for kind in after}
            found += [f"{path.stem}, run {attempt}: {kind} {rest}" for kind, rest in more.items() if rest]
            if attempt == runs:
                break
            assert client.km is not None
            assert client.kc is not None
            run_sync(client.km.restart_kernel)()
            run_sync(client.kc.wait_for_ready)(LONGEST_S)
            fresh = client.execute_cell(nbformat.v4.new_code_cell("'census' in globals()"), 0)
            assert fresh.outputs[-1].data["text/plain"] == "False", "the kernel was not restarted"
    return found


def _census(client: NotebookClient) -> dict[str, list[str]]:
    cell = client.execute_cell(nbformat.v4.new_code_cell(CENSUS), 0)
    counted: dict[str, list[str]] = ast.literal_eval(cell.outputs[-1]["text"])
    return counted


if __name__ == "__main__":
    use_own_ports()
    print("\n".join(left_by(Path(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201
