"""A notebook turns red when something behind it breaks: in the background, or in a helper that it teaches."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from .lessons import FOLDER, ROOT

BEHIND = {
    "a task": "import asyncio\nasync def fails():\n    raise ValueError('lost')\n"
    "task = asyncio.get_running_loop().create_task(fails())\nawait asyncio.wait({task})\ndel task",
    "a thread": "import threading\nthread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()",
    "a session": "from realtime_helpers import RealtimeSession, Settings, State\n"
    "session = RealtimeSession(settings=Settings.from_environment(simulator_url='http://127.0.0.1:9/v1'))\n"
    "session.start()\nwhile session.snapshot.state is not State.FAILED: pass",
}

# a helper, what stands in it, what stands there instead, and a notebook that teaches it
MUTATIONS = {
    "chunks of half the length": ("audio/formats.py", "\nCHUNK_MS = 40", "\nCHUNK_MS = 20", "01"),
    "audio tokens counted as text": (
        "conversation/usage.py", 'read.get("audio_tokens")', 'read.get("text_tokens")', "02",
    ),
    "one turn too few kept": (
        "memory/policy.py", "max(self.keep_turns, count)", "max(self.keep_turns - 1, count)", "06",
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


@pytest.mark.parametrize(("module", "right", "wrong", "number"), MUTATIONS.values(), ids=MUTATIONS)
def test_a_broken_helper_turns_the_notebook_that_teaches_it_red(
    module: str, right: str, wrong: str, number: str, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "realtime_helpers", tmp_path / "realtime_helpers")
    broken = tmp_path / "realtime_helpers" / module
    text = broken.read_text(encoding="utf-8")
    assert text.count(right) == 1
    broken.write_text(text.replace(right, wrong), encoding="utf-8")
    (notebook,) = FOLDER.glob(f"{number}_*.ipynb")
    result = nbval(notebook, tmp_path)
    assert result.returncode == 1, result.stdout
    assert "Cell" in result.stdout
