"""`python -m tests.checked_simulator serve …`: the command line, with every server event checked as in the tests."""

from __future__ import annotations

from realtime_helpers.cli import app
from realtime_helpers.demo import child

from .rules.watch import watch_server_sessions

if __name__ == "__main__":
    watch_server_sessions()
    child.PROGRAM = "tests.checked_simulator"
    app(prog_name="realtime-workshop")
