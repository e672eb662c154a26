"""What the lesson on summaries shows is what happened, and its check tells the three mistakes apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from realtime_helpers import RetentionRatio, SummaryPolicy, SummaryRecord
from realtime_helpers.conversation import Item, Turn
from realtime_helpers.course.memory import TYPED, Step, check_memory, hold, is_safe, splice_steps
from realtime_helpers.session import Snapshot
from realtime_helpers.settings import Settings

TALK = ["My name is Ada.", "I live in Lisbon.", *["Tell me a long story."] * 6, "What is my name?"]
FORGETFUL = TYPED.but(truncation=RetentionRatio(tokens=1_000))
CREATE, ADDED, DELETE, DELETED = (f"conversation.item.{verb}" for verb in ("create", "added", "delete", "deleted"))
RECORD = SummaryRecord("sum_1", "…", ("u1", "a1"), None, 900)
TURNS = (Turn((Item("u1", "message", "user"), Item("a1", "message", "assistant"))),)


def talk(trigger: int, keep: int = 2) -> Snapshot:
    policy = SummaryPolicy(trigger_tokens=trigger, keep_turns=keep)
    return hold(TALK, policy, Settings.from_environment("simulator"), FORGETFUL)


@pytest.mark.parametrize(
    ("trigger", "keep", "passes", "says"),
    [
        (5_000, 2, False, "by a lower trigger"),
        (700, 2, False, "a response read 834 tokens"),
        (600, 3, False, "4 summaries were written"),
        (600, 2, True, "'Ada' survived, no response read more than 672 tokens, summarised 2 times."),
    ],
)
def test_each_mistake_is_told_from_the_others(trigger: int, keep: int, passes: bool, says: str) -> None:
    held = talk(trigger, keep)
    verdict = check_memory(held, fact="Ada", bound_tokens=750 if keep == 2 else 900, most_summaries=2)
    assert (verdict.passed, says in verdict.why) == (passes, True), verdict


def test_an_empty_talk_is_told_so() -> None:
    nothing = replace(talk(5_000), turns=(), responses=())
    assert repr(check_memory(nothing, fact="Ada", bound_tokens=750, most_summaries=2)).startswith("Not yet: nothing")


@pytest.mark.parametrize("silly", [None, "Ada", []])
def test_what_is_no_talk_is_told_so(silly: object) -> None:
    verdict = check_memory(silly, fact="Ada", bound_tokens=750, most_summaries=2)  # type: ignore[arg-type]
    assert repr(verdict).startswith("Not yet: held is ")


def event(kind: str, item_id: str) -> dict[str, object]:
    return {"type": kind, "item": {"id": item_id}} if kind in {CREATE, ADDED} else {"type": kind, "item_id": item_id}


def test_a_splice_is_read_out_of_all_that_goes_over_the_line() -> None:
    line = [
        ("received", event(ADDED, "u1")), ("received", event(ADDED, "other")), ("sent", event(CREATE, "sum_1")),
        ("received", event(ADDED, "sum_1")), ("sent", event(DELETE, "u1")), ("sent", event(DELETE, "a1")),
        ("received", event(DELETED, "u1")), ("received", {"type": "response.done"}), ("received", event(DELETED, "a1")),
    ]  # fmt: skip
    steps = splice_steps([(direction, what, 0.0) for direction, what in line], RECORD, TURNS)
    assert steps == (
        Step("sent", CREATE, "the summary"), Step("received", ADDED, "the summary"),
        Step("sent", DELETE, "turn 1, you"), Step("sent", DELETE, "turn 1, bot"),
        Step("received", DELETED, "turn 1, you"), Step("received", DELETED, "turn 1, bot"),
    )  # fmt: skip
    assert is_safe(steps)
    assert not is_safe(steps[:-1]), "one deletion was not confirmed"
    assert not is_safe((steps[0], steps[2], steps[1], *steps[3:])), "deleted before the summary was confirmed"
    assert not is_safe(())
