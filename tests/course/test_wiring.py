"""The check of notebook 07 passes what works, and says kindly what is missing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from ipywidgets import IntSlider

from realtime_helpers import RealtimeSession, SummaryPolicy
from realtime_helpers.course.wiring import check_slider, judge_move

POLICY = SummaryPolicy(trigger_tokens=5_000, keep_turns=3)


@pytest.fixture
def session() -> Iterator[RealtimeSession]:
    made = RealtimeSession(memory=POLICY)
    yield made
    made.stop()


def right(session: RealtimeSession, change: Any) -> None:
    session.set_memory(replace(session.snapshot.memory or POLICY, trigger_tokens=change["new"]))


def check(session: RealtimeSession, handler: Callable[[RealtimeSession, Any], None]) -> str:
    slider = IntSlider(value=5_000, min=100, max=5_000)
    slider.observe(lambda change: handler(session, change), names="value")
    return repr(check_slider(session, slider))


def test_a_slider_that_moves_the_trigger_passes(session: RealtimeSession) -> None:
    said = check(session, right)
    assert said.startswith("Passed: the slider moved the trigger to 300 tokens, and nothing else. The window held ")
    (summary,) = session.snapshot.summaries
    assert f"held {summary.window_before:,} tokens" in said
    assert session.snapshot.state.value == "stopped"


def test_also_where_the_handler_runs_on_another_thread(session: RealtimeSession) -> None:
    def elsewhere(session: RealtimeSession, change: Any) -> None:
        thread = threading.Thread(target=right, args=(session, change))
        thread.start()
        thread.join()

    assert check(session, elsewhere).startswith("Passed: ")


def test_the_stub_is_told_what_is_missing(session: RealtimeSession) -> None:
    said = check(session, lambda session, change: None)
    assert said.startswith("Not yet: the slider stands at 300, but the session's trigger is still 5,000 tokens.")
    assert "set_memory" in said
    assert session.snapshot.state.value == "stopped"


def test_a_handler_that_raises_is_quoted(session: RealtimeSession) -> None:
    assert check(session, lambda session, change: change.nonsense()).startswith("Not yet: your handler raised ")


@pytest.mark.parametrize(
    ("after", "hint"),
    [
        (None, "Give set_memory a SummaryPolicy"),
        (replace(POLICY, trigger_tokens=5_200), 'change["new"]'),
        (SummaryPolicy(trigger_tokens=300), "keep_turns went from 3 to 2"),
    ],
)
def test_near_misses_are_named(after: SummaryPolicy | None, hint: str) -> None:
    verdict = judge_move(POLICY, after, 300)
    assert not verdict.passed
    assert hint in verdict.why
