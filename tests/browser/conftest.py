"""One JupyterLab and one playwright for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.node import install_packages
from tests.served import serving

from .accessibility import FOLDER as AXE_FOLDER
from .lab import Desk, jupyter_lab, missing


@pytest.fixture(scope="package")
def playwright() -> Iterator[Any]:
    if reason := missing():
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def axe() -> None:
    """axe-core, installed."""
    if problem := install_packages(AXE_FOLDER):
        pytest.skip(problem)


@pytest.fixture(scope="package")
def desk(playwright: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A JupyterLab whose kernels find a simulator that speaks as slowly as the real service."""
    folder: Path = tmp_path_factory.mktemp("lab")
    with serving() as simulator_url, jupyter_lab(folder, REALTIME_SIMULATOR_URL=simulator_url) as url:
        yield Desk(playwright, url, folder)
