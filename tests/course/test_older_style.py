"""Code in the older style runs in a real kernel once it is allowed, and a session beside it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime_helpers.course import allow_asyncio_run
from realtime_helpers.errors import SettingsError
from tests.course.kernels import error_of, printed_by, run_cells

OLD = """
import asyncio
async def main():
    await asyncio.sleep(0.01)
    return 42
print(asyncio.run(main()))
"""
ALLOW = "from realtime_helpers.course import allow_asyncio_run; allow_asyncio_run()"
START = """
from realtime_helpers import RealtimeSession, SessionOptions
session = RealtimeSession(options=SessionOptions(output_modality="text"))
session.start()
"""
TURN = """
session.send_text("My dog is called Biscuit.")
print(session.wait_for_answer({number}).turns[-1].assistant_text)
"""
OLDER_STILL = """
loop = asyncio.get_event_loop()
print(loop.run_until_complete(main()))
session.stop()
print(session.snapshot.state.value)
"""


def test_without_it_the_kernel_refuses(tmp_path: Path) -> None:
    (cell,) = run_cells(OLD, folder=tmp_path)
    error = error_of(cell)
    assert error is not None
    assert "cannot be called from a running event loop" in error.evalue


def test_with_it_old_code_runs_and_a_session_that_began_before_goes_on(tmp_path: Path) -> None:
    cells = run_cells(START, TURN.format(number=1), ALLOW, OLD, TURN.format(number=2), OLDER_STILL, folder=tmp_path)
    assert not any(error_of(cell) for cell in cells)
    printed = [printed_by(cell) for cell in cells]
    assert "Biscuit" in printed[1]
    assert printed[2].startswith("asyncio.run(...) works in cells now, until you restart the kernel.")
    assert printed[3] == "42\n"
    assert "Biscuit" in printed[4]
    assert printed[5] == "42\nstopped\n"


def test_a_session_needs_none_of_it(tmp_path: Path) -> None:
    look = "import sys; session.stop(); print([name for name in sys.modules if name.startswith('nest_asyncio')])"
    cells = run_cells(
        "import sys; sys.modules['nest_asyncio'] = None", START, TURN.format(number=1), look, folder=tmp_path
    )
    assert not any(error_of(cell) for cell in cells)
    assert printed_by(cells[-1]) == "['nest_asyncio']\n"  # the None we put there


def test_where_the_package_is_missing_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    cells = run_cells("import sys; sys.modules['nest_asyncio'] = None", ALLOW, folder=tmp_path)
    error = error_of(cells[1])
    assert error is not None
    assert error.ename == "MissingPartError"
    what, next_step = error.traceback
    assert what.startswith("MissingPartError: The package 'nest-asyncio' is not installed, and asyncio.run(...) cannot")
    assert next_step.startswith("What to do: Write await main() instead of asyncio.run(main())")
    assert next_step.endswith("pip install -e '.[lab]'")


async def test_a_loop_that_it_cannot_change_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ValueError("Can't patch loop of type <class 'uvloop.Loop'>")

    monkeypatch.setattr("nest_asyncio.apply", refuse)
    with pytest.raises(SettingsError, match=r"cannot change the event loop of asyncio .* Write await main\(\) instead"):
        allow_asyncio_run()
