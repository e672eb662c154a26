"""Sessions of one process share a simulator, whoever of them needs it first."""

from __future__ import annotations

from realtime_helpers import RealtimeSession, SessionOptions
from realtime_helpers.backends import stop_simulator

TEXT = SessionOptions(output_modality="text")


def test_sessions_that_start_at_once_wait_for_the_same_simulator() -> None:
    stop_simulator()
    first, second, third = (RealtimeSession(options=TEXT) for _ in range(3))
    try:
        for session in (first, second, third):
            session.start()
        first.stop()  # whoever goes meanwhile takes nothing from the others
        for session in (second, third):
            session.send_text("Hello.")
            assert len(session.wait_for_answer(1, timeout_s=20).turns) == 1
    finally:
        for session in (second, third):
            session.stop()
