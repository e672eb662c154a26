"""Notebooks in any order, each in a kernel of its own: no task, port or process is left behind.

nbval runs them too, so the gate runs each twice. `REALTIME_ORDER_RUNS=2` restarts and runs each twice here.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .lessons import NOTEBOOKS, ROOT

RUNS = os.environ.get("REALTIME_ORDER_RUNS", "1")
SEED = int(os.environ.get("REALTIME_ORDER_SEED") or random.SystemRandom().randrange(10_000))


def run_again(path: Path) -> str:
    command = [sys.executable, "-m", "tests.notebooks.run_again", str(path), RUNS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    return f"{path.stem} failed: {done.stderr[-3000:]}" if done.returncode else done.stdout.strip()


@pytest.mark.timeout(900)
def test_nothing_is_left_in_any_order() -> None:
    order = random.Random(SEED).sample(NOTEBOOKS, len(NOTEBOOKS))
    with ThreadPoolExecutor(2) as pool:
        left = [what for what in pool.map(run_again, order) if what]
    assert left == [], f"REALTIME_ORDER_SEED={SEED} repeats this order: {[path.name[:2] for path in order]}"
