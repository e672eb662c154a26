"""What is said of a connection, and whether another try makes sense."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from realtime_helpers.session.failures import HopelessError, closed, not_connected
from realtime_helpers.settings import Settings

SETTINGS = Settings("openai", "https://ann:secret@proxy.example/v1?x=a@b")


def answered(status: int) -> Exception:
    error: Any = Exception("refused")
    error.response = SimpleNamespace(status_code=status)
    return error  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("error", "is_hopeless"),
    [
        (answered(401), True), (answered(403), True), (answered(404), True),
        (answered(429), False), (answered(503), False), (TimeoutError(), False), (ConnectionResetError("gone"), False),
    ],
)  # fmt: skip
def test_a_server_that_turns_us_away_for_what_we_are_is_not_asked_again(error: Exception, is_hopeless: bool) -> None:
    assert isinstance(not_connected(SETTINGS, error), HopelessError) is is_hopeless


@pytest.mark.parametrize(
    ("close_code", "code", "is_hopeless"),
    [(1006, None, False), (1001, "session_expired", False), (3000, "invalid_api_key", True), (4000, None, True),
     (1000, "model_not_found", True), (1000, "never_heard_of", True)],
)  # fmt: skip
def test_a_line_that_was_ended_for_what_we_are_is_not_made_again(
    close_code: int, code: str | None, is_hopeless: bool
) -> None:
    fatal = {"type": "error", "error": {"code": code, "message": "-"}} if code else None
    assert isinstance(closed(SETTINGS, close_code, fatal), HopelessError) is is_hopeless


@pytest.mark.parametrize(
    "error",
    [answered(500), TimeoutError(), ValueError("https://ann:secret@proxy.example/v1 is no URI")],
)
def test_no_password_in_a_url_is_told(error: Exception) -> None:
    for told in (str(not_connected(SETTINGS, error)), str(closed(SETTINGS, 1006, None))):
        assert "https://proxy.example/v1?x=a@b" in told
        assert "secret" not in told
        assert "ann:" not in told
