"""Shared by all tests: which need the machine for themselves; skipped ones are named, and forbidden where the gate
says so.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from realtime_helpers.simulator import PACES, Config, Parts, Simulator
from tests.rules.watch import REPORT_VARIABLE, watch_server_sessions

HERE = Path(__file__).parent
BY_THE_CLOCK = (
    "audio", "browser", "session/test_nothing_is_left.py", "session/test_session.py", "session/test_tools.py",
    "session/test_views.py", "simulator/test_class.py", "simulator/test_class_serving.py",
    "simulator/test_serving.py", "test_audio_benchmark.py", "test_audio_choice.py", "test_house.py", "test_runtime.py",
    "wire/test_summary_delays_nothing.py",
)  # fmt: skip
"""They play sound in real time, or measure: another test beside them would make them late."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            place = item.path.relative_to(HERE).as_posix()
            if any(place == name or place.startswith(f"{name}/") for name in BY_THE_CLOCK):
                item.add_marker("alone")


@pytest.fixture(scope="session", autouse=True)
def broken_rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where every server, also one in a process of its own, writes which rule of the protocol it broke."""
    report = tmp_path_factory.mktemp("rules") / "broken.txt"
    report.touch()
    os.environ[REPORT_VARIABLE] = str(report)
    watch_server_sessions()
    yield report
    problems = report.read_text(encoding="utf-8")
    assert not problems, f"a server broke a rule of the protocol while it was stopped:\n{problems}"


@pytest.fixture(autouse=True)
def servers_keep_the_rules(broken_rules: Path) -> Iterator[None]:
    """Fail the test whose server sent a bad frame, or a good one at the wrong moment."""
    yield
    if problems := broken_rules.read_text(encoding="utf-8"):
        broken_rules.write_text("", encoding="utf-8")
        pytest.fail(f"a server broke a rule of the protocol:\n{problems}", pytrace=False)


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
