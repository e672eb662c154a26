"""Every exercise both ways, in a kernel: the stub fails its self-check kindly, the solution passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .lessons import build


def verdict(part: Any) -> str:
    """What the self-check said, after the exercise ran by itself."""
    done = build.run(build.exercise_part(part))
    (check,) = (cell for cell in done.cells if build.SELF_CHECK in cell.metadata.get("tags", []))
    said: str = check.outputs[-1]["data"]["text/plain"]
    return said


@pytest.mark.parametrize("source", build.sources(), ids=lambda path: path.stem)
def test_the_stub_fails_kindly_and_the_solution_passes(source: Path) -> None:
    lesson = build.read(source)
    said = verdict(build.student(lesson))
    assert said.startswith("Not yet: ")
    assert len(said.split()) > 8, "it says what was found and what to try"
    assert verdict(build.solution(lesson)).startswith("Passed: ")
