"""Notebook 07's check: does a slider of the learner's own move the trigger of a session that talks?"""

from __future__ import annotations

from dataclasses import fields
from typing import Protocol

from ..memory import SummaryPolicy
from ..session import RealtimeSession
from .verdict import Verdict

_MOVED_TO = 300
_TURNS = ("My name is Ada.", "Tell me a long story.", "I live in Lisbon.", "Tell me a quick story.", "I like tea.")


class HasValue(Protocol):
    """What the check needs of a slider: setting its value calls its handlers."""

    value: int


def check_slider(session: RealtimeSession, slider: HasValue) -> Verdict:
    """Hold a short typed talk, move the slider below the window, and see what the session makes of it.

    Args:
        session: Not running, with a memory whose trigger is far away; it is stopped at the end.
        slider: The learner's, in tokens.
    """
    session.start()
    try:
        for number, words in enumerate(_TURNS, start=1):
            session.send_text(words)
            before = session.wait_for_answer(number).memory
        try:
            slider.value = _MOVED_TO
        except Exception as error:  # noqa: BLE001 - whatever a learner's handler raises is told, kindly
            return Verdict(False, f"your handler raised {type(error).__name__}: {error}")
        after = session.snapshot.memory
        verdict = judge_move(before, after, slider.value)
        if not verdict.passed:
            return verdict
        summary = session.wait_for(lambda now: now.summaries and not now.is_summarising).summaries[0]
        return Verdict(
            True,
            f"{verdict.why} The window held {summary.window_before:,} tokens, so the summary came at once, "
            "without another turn.",
        )
    finally:
        session.stop()


def judge_move(before: SummaryPolicy | None, after: SummaryPolicy | None, moved_to: int) -> Verdict:
    """What a move of the slider to `moved_to` tokens has done to the policy. Pure.

    Args:
        before: The session's policy before the move.
        after: The policy after it.
        moved_to: Where the slider stands.
    """
    if before is None or after is None:
        return Verdict(False, "the session has no policy any more. Give set_memory a SummaryPolicy, not None.")
    if after == before:
        return Verdict(
            False,
            f"the slider stands at {moved_to}, but the session's trigger is still {before.trigger_tokens:,} tokens. "
            "In on_move, hand the session a new policy with own.set_memory(...).",
        )
    if after.trigger_tokens != moved_to:
        return Verdict(
            False,
            f"the slider stands at {moved_to}, but the trigger is {after.trigger_tokens:,} tokens. "
            'The number to use is change["new"].',
        )
    names = [field.name for field in fields(SummaryPolicy) if field.name != "trigger_tokens"]
    changed = [
        f"{name} went from {getattr(before, name)} to {getattr(after, name)}"
        for name in names
        if getattr(before, name) != getattr(after, name)
    ]
    if changed:
        return Verdict(
            False,
            f"the trigger is {moved_to} tokens, but {', '.join(changed)}. A new SummaryPolicy starts from the "
            "defaults; dataclasses.replace(...) changes one value of the old one.",
        )
    return Verdict(True, f"the slider moved the trigger to {moved_to} tokens, and nothing else.")
