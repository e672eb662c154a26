"""Lesson 11: a bot is judged by what its session did, and what is missing is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from realtime_helpers import PROFILES, RealtimeSession, SessionOptions, Settings, SpeechSource, SummaryPolicy, ToolError
from realtime_helpers.course.building import check_bot, overhear
from tests.session.test_session import LocalServer, server  # noqa: F401 - a fixture

LINES = ["Hello.", "Set a timer for ten minutes.", "Thank you."]
KITCHEN = SessionOptions(instructions="You help in a kitchen.", output_modality="text")
MEMORY = SummaryPolicy(trigger_tokens=2_000, keep_turns=2)


def set_timer(minutes: int) -> str:
    """Set a kitchen timer."""
    return f"The timer is set to {minutes} minutes."


def set_broken_timer(minutes: int) -> str:
    """Set a kitchen timer."""
    raise ToolError(f"The clock has no {minutes} minutes left.")


def bot(server: LocalServer, **other: Any) -> Callable[[], RealtimeSession]:  # noqa: F811
    own = {"settings": server.settings, "options": KITCHEN, "tools": [set_timer], "memory": MEMORY}
    whole: dict[str, Any] = {**own, **other}
    return lambda: RealtimeSession(**whole)


def test_a_bot_with_instructions_tool_and_memory_passes(server: LocalServer) -> None:  # noqa: F811
    verdict = check_bot(bot(server), LINES)
    assert verdict.passed, verdict
    assert "set_timer ran 1 time(s)" in verdict.why
    assert "newest 2 turn(s)" in verdict.why


@pytest.mark.parametrize(
    ("other", "lines", "says"),
    [
        ({"options": SessionOptions(output_modality="text")}, LINES, "has no instructions"),
        ({"options": PROFILES["voice_assistant"]}, LINES, "still those of the profile"),
        ({"config": {"instructions": "Be brief."}}, LINES, "other instructions in force"),
        ({"tools": []}, LINES, "no tool was called"),
        ({}, ["Hello.", "How are you?", "Thank you."], "no tool was called"),
        ({"tools": [set_broken_timer]}, LINES, "set_broken_timer was called and failed: "),
        ({"memory": None}, LINES, "has no memory"),
        ({}, LINES[:2], "at least 3 lines"),
        ({}, "Hello.", "at least 3 lines"),
        ({}, None, "at least 3 lines"),
        ({}, [1, 2, 3], "at least 3 lines"),
        ({"settings": Settings("openai", "wss://example.invalid", "no key")}, LINES, "talks to the simulator only"),
    ],
)
def test_what_is_missing_is_said(
    server: LocalServer,  # noqa: F811
    other: dict[str, Any],
    lines: Sequence[str],
    says: str,
) -> None:
    verdict = check_bot(bot(server, **other), lines)
    assert not verdict.passed
    assert says in verdict.why


def test_whatever_a_learner_writes_the_notebook_goes_on() -> None:
    def broken() -> RealtimeSession:
        raise ValueError("no bot today")

    assert "raised ValueError: no bot today" in check_bot(broken, LINES).why
    assert "returned NoneType" in check_bot(lambda: None, LINES).why  # type: ignore[arg-type, return-value]


def test_a_session_that_only_listens_is_overheard(
    server: LocalServer,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    user = SpeechSource(pause_ms=1_500)
    with RealtimeSession(settings=server.settings, options=PROFILES["meeting_notes"]) as session:
        session.start(source=user)
        for words in ("I live in Berlin.", "My phone is broken."):
            now = overhear(session, user, words, timeout_s=20)
    assert capsys.readouterr().out == "heard: i live in berlin\nheard: my phone is broken\n"
    assert not now.responses
