"""Pictures for people: what a page looked like, kept after the run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

VARIABLE = "REALTIME_ARTEFACTS"
_ROOT = Path(__file__).parents[2]


def keep_picture(page: Any, name: str) -> None:
    """Keep a screenshot of the whole window in the folder for artefacts, `test-artefacts` unless told otherwise."""
    folder = Path(os.environ.get(VARIABLE) or _ROOT / "test-artefacts")
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")
