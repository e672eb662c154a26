"""A notebook turns red when something behind it breaks: in the background, or in a helper that it teaches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from .lessons import ROOT

BEHIND = {
    "a task": "import asyncio\nasync def fails():\n    raise ValueError('lost')\n"
    "task = asyncio.get_running_loop().create_task(fails())\nawait asyncio.wait({task})\ndel task",
    "a thread": "import threading\nthread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()",
    "a session": "from realtime_helpers import RealtimeSession, Settings, State\n"
    "session = RealtimeSession(settings=Settings.from_environment(simulator_url='http://127.0.0.1:9/v1'))\n"
    "session.start()\nwhile session.snapshot.state is not State.FAILED: pass",
}

# three helpers, broken, each with a notebook that teaches it
MUTATIONS: dict[str, tuple[str, str, str, str]] = {
    "cached tokens counted twice": (
        "conversation/usage.py", "", "", "02",
    ),
}  # fmt: skip


def nbval(notebook: Path, package: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", str(notebook), "--nbval-lax", "--nbval-kernel-name", "realtime-strict",
               "-x", "-q", "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={notebook.parent}"]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(package), "PY_COLORS": "0"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.mark.parametrize("code", BEHIND.values(), ids=BEHIND)
def test_a_failure_in_the_background_fails_the_cell(code: str, tmp_path: Path) -> None:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for name, source in (("bad", code), ("told", f"# a problem is expected\n{code}")):
        book = nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=[nbformat.v4.new_code_cell(source)])
        nbformat.write(book, tmp_path / f"{name}.ipynb")
    assert nbval(tmp_path / "bad.ipynb").returncode == 1
    told = nbval(tmp_path / "told.ipynb")
    assert told.returncode == 0, told.stdout
