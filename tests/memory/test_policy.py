from __future__ import annotations

from typing import Any, cast

import pytest

from realtime_helpers.conversation import Conversation
from realtime_helpers.errors import SettingsError
from realtime_helpers.memory import AtShareOfWindow, AtTurns, SummaryPolicy, SummaryStyle, Trigger, any_of

from ..conversation.events import added, call, output, response_created, response_done, text

LONG = "word " * 200


def talk(turns: int, window: int = 5_000) -> Conversation:
    conversation = Conversation()
    previous: str | None = None
    for number in range(turns):
        for item in (text(f"u{number}", "user", LONG), text(f"a{number}", "assistant", LONG)):
            conversation.apply(added(item, previous))
            previous = item["id"]
    conversation.apply(response_created("r"))
    conversation.apply(response_done("r", window))
    return conversation


def test_nothing_is_due_below_the_trigger() -> None:
    policy = SummaryPolicy(trigger_tokens=2_000)
    assert not policy.is_due(talk(4, window=1_999))
    assert policy.is_due(talk(4, window=2_000))


@pytest.mark.parametrize(("keep", "covered"), [(1, 3), (2, 2), (3, 1)])
def test_whole_turns_are_kept(keep: int, covered: int) -> None:
    plan = SummaryPolicy(trigger_tokens=500, keep_turns=keep).plan(talk(4))
    assert plan is not None
    assert [turn.ids for turn in plan.turns] == [(f"u{n}", f"a{n}") for n in range(covered)]


@pytest.mark.parametrize("keep", [4, 5, 100])
def test_there_is_no_plan_when_everything_is_kept(keep: int) -> None:
    assert SummaryPolicy(trigger_tokens=500, keep_turns=keep).plan(talk(4)) is None


def test_there_is_no_plan_when_too_little_would_go() -> None:
    # kept turns alone are over the trigger: without this rule every response would set off a summary
    assert SummaryPolicy(trigger_tokens=4_000, keep_turns=3).plan(talk(4)) is None


def test_an_earlier_summary_is_no_turn() -> None:
    conversation = talk(4)
    conversation.apply(added(text("sum_1", "system", "before"), None))
    plan = SummaryPolicy(trigger_tokens=500, keep_turns=2).plan(conversation)
    assert plan is not None
    assert [turn.ids for turn in plan.turns] == [("u0", "a0"), ("u1", "a1")]


def test_system_items_of_others_stay() -> None:
    conversation = talk(4)
    conversation.apply(added(text("rules", "system", "Be polite. " * 50), "a0"))
    plan = SummaryPolicy(trigger_tokens=500, keep_turns=1).plan(conversation)
    assert plan is not None
    assert "rules" not in [item_id for turn in plan.turns for item_id in turn.ids]


def test_a_turn_with_an_open_call_is_not_covered() -> None:
    conversation = talk(4)
    conversation.apply(added(call("c", "call_1"), "u1"))
    plan = SummaryPolicy(trigger_tokens=500, keep_turns=1).plan(conversation)
    assert plan is not None
    assert [turn.ids[0] for turn in plan.turns] == ["u0", "u2"]


def test_as_many_turns_are_kept_as_fit_into_the_tokens() -> None:
    one_turn = 2 * 250
    policy = SummaryPolicy(trigger_tokens=5_000, keep_turns=1, keep_tokens=3 * one_turn, least_saving_tokens=1)
    plan = policy.plan(talk(4))
    assert plan is not None
    assert [turn.ids[0] for turn in plan.turns] == ["u0"]


def test_when_asked_every_little_thing_goes() -> None:
    policy = SummaryPolicy(trigger_tokens=5_000, keep_turns=3)
    assert policy.plan(talk(4)) is None
    plan = policy.plan(talk(4), is_asked=True)
    assert plan is not None
    assert len(plan.turns) == 1


def test_a_call_whose_output_came_in_a_later_turn_leaves_with_it_or_not_at_all() -> None:
    conversation = talk(4)
    conversation.apply(added(call("c", "call_1"), "u1"))
    conversation.apply(added(output("o", "call_1"), "u2"))
    together = SummaryPolicy(trigger_tokens=500, keep_turns=1).plan(conversation)
    assert together is not None
    assert [turn.ids[0] for turn in together.turns] == ["u0", "u1", "u2"]
    apart = SummaryPolicy(trigger_tokens=500, keep_turns=2).plan(conversation)
    assert apart is not None
    assert [turn.ids[0] for turn in apart.turns] == ["u0"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"trigger_tokens": 0},
        {"keep_turns": 0},
        {"keep_tokens": 2_000, "trigger_tokens": 2_000},
        {"keep_turns": 5, "trigger": AtTurns(5)},
        {"keep_turns": 5, "trigger": any_of(AtShareOfWindow(0.5), AtTurns(4))},
        {"verbatim_tokens": -1},
        {"verbatim_tokens": float("nan")},
        {"verbatim_tokens": "all"},
        {"trigger_tokens": "2000"},
        {"trigger_tokens": float("nan")},
        {"keep_turns": 2.5},
        {"keep_turns": True},
        {"keep_tokens": 0.5},
        {"least_saving_tokens": -1},
        {"trigger": 5},
        {"trigger": 0},
        {"trigger": AtTurns},
        {"trigger": any_of(AtTurns(40), cast("Trigger", 5))},
    ],
)
def test_values_that_cannot_work_are_refused_in_words(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"Use|Keep fewer"):
        SummaryPolicy(**wrong)


@pytest.mark.parametrize("wrong", [0, 2.5, True, "150"])
def test_a_summary_of_no_number_of_words_is_refused(wrong: Any) -> None:
    with pytest.raises(SettingsError, match=r"max_words.*150"):
        SummaryStyle(max_words=wrong)


def test_a_prompt_that_cannot_be_filled_in_is_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="braces"):
        SummaryStyle(prompt='Answer as JSON: {"synopsis": ""}')
