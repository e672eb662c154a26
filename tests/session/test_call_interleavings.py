"""Tools of any length, barge-ins, lost lines, refusals in any order: every call has one output, and a reply to it."""

from __future__ import annotations

import os
from collections import deque
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime_helpers import SummaryPolicy
from realtime_helpers.simulator.faults import Fault
from tests.memory.people import QuickVoice

from .call_world import CallWorld, Job, Plan

VOICE = QuickVoice()
SOAK = os.environ.get("REALTIME_SOAK_EXAMPLES")
EXAMPLES = int(SOAK or 150)
MOMENTS_MS = (0, 20, 100, 300, 400, 700, 1500, 4000, 10_000)
NEWS = (
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
    "response.done",
    "response.output_item.added",
    "response.function_call_arguments.done",
)

jobs = st.builds(
    Job,
    takes_s=st.sampled_from((0.0, 0.05, 0.3, 1.0, 3.0, 8.0, 20.0)),
    way=st.sampled_from(("answers", "answers", "answers", "raises", "reports", "hangs")),
)
plans = st.builds(
    Plan,
    rounds=st.lists(st.lists(jobs, min_size=1, max_size=3), max_size=3),
    speaks_first=st.booleans(),
    thinks_s=st.sampled_from((0.0, 0.3, 1.0)),
)
steps = st.one_of(
    st.tuples(st.just("types"), plans),
    st.tuples(st.just("speaks"), plans),
    st.tuples(st.just("cut"), st.sampled_from((1006, 1001))),
    st.tuples(st.just("refused"), st.sampled_from(("conversation.item.create", "response.create"))),
    st.tuples(st.just("duplicated"), st.sampled_from(NEWS)),
    st.tuples(st.just("drop_connection"), st.sampled_from(NEWS)),
    st.tuples(st.just("slow"), st.sampled_from((0, 40, 80))),
)
POLICIES = {"no memory": None, "eager": SummaryPolicy(trigger_tokens=200, keep_turns=1, least_saving_tokens=20)}


def take(world: CallWorld, step: str, what: Any) -> None:
    match step:
        case "types":
            world.type_text(what)
        case "speaks":
            world.speak(what)
        case "cut":
            world.do(lambda: world.service.line.cut(what))
        case "refused":
            world.hand.refusals[what] = 2
        case "slow":
            world.hand.up_ms = world.hand.down_ms = what
        case effect:
            world.hand.strikes.setdefault(what, deque()).append(Fault("event", effect))  # type: ignore[arg-type]


@pytest.mark.timeout(120 + EXAMPLES)
@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None,
    derandomize=SOAK is None,
)  # fmt: skip
@given(
    talk=st.lists(st.tuples(steps, st.sampled_from(MOMENTS_MS)), min_size=1, max_size=10),
    speaks=st.booleans(),
    policy=st.sampled_from(list(POLICIES)),
    choice=st.sampled_from(("auto", "auto", "auto", "required")),
)
def test_every_call_has_one_output_and_a_reply_that_read_it(
    talk: list[tuple[tuple[str, Any], int]], speaks: bool, policy: str, choice: str
) -> None:
    world = CallWorld(VOICE, speaks=speaks, policy=POLICIES[policy], tool_choice=choice)
    try:
        for (step, what), moment_ms in talk:
            take(world, step, what)
            world.run(moment_ms)
        world.hand.rest()
        world.wait_until_quiet()
        world.check()
        world.type_text(Plan())
        world.wait_until_quiet()
        world.check()
        assert world.now.turns[-1].assistant_text, "the talk goes on"
    finally:
        left = world.close()
    assert not left, left
