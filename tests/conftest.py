"""Shared by all tests: skipped tests are named at the end, and forbidden where the gate says so."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from realtime_helpers.simulator import PACES, Config, Parts, Simulator


@pytest.fixture(scope="session")
def parts() -> Iterator[Parts]:
    """One voice and one pair of ears for the whole run: loading them takes longer than most tests."""
    shared = Parts()
    yield shared
    shared.close()


class SharedParts(Parts):
    """Parts that a stopping simulator does not end."""

    def close(self) -> None:
        pass


@pytest.fixture
def config(parts: Parts) -> Config:
    """A simulator that waits for nothing and speaks with the shared engines."""
    return Config(parts=SharedParts(voice=parts.voice, ears=parts.ears), pace=PACES["fast"])


@pytest.fixture
async def simulator(config: Config) -> AsyncIterator[Simulator]:
    """A running simulator on a free port."""
    async with Simulator(config) as running:
        yield running


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", [])) if reporter else 0
    if skipped and os.environ.get("REALTIME_FORBID_SKIPS") and exitstatus == 0:
        reporter.write_line(f"{skipped} skipped: the gate allows none", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
