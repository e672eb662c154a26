"""Decision 5 as a test: the real session on the real simulator, and whatever can go wrong between them."""

from __future__ import annotations

import os
from typing import Literal

import pytest
from hypothesis import HealthCheck, settings

from realtime_helpers.protocol import Event

from .machine import POLICIES, VOICE, LosesNothing
from .world import World

SOAK = os.environ.get("REALTIME_SOAK_EXAMPLES")
EXAMPLES = int(SOAK or 2000)


@pytest.mark.timeout(600 + EXAMPLES)
class TestNothingIsLost(LosesNothing.TestCase):  # type: ignore[misc, valid-type]
    """One example is a conversation of up to 25 steps, checked after each."""

    # the gate walks the same talks every time; only a soak seeks new ones
    settings = settings(
        max_examples=EXAMPLES, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck),
        print_blob=True, database=None, derandomize=SOAK is None,
    )  # fmt: skip


def _told() -> list[tuple[float, str]]:
    """A talk with an interruption, a lost line and a summary, as the wire had it."""
    world = World(VOICE, POLICIES["tiers"], speaks=True)
    told = list[tuple[float, str]]()

    def note(direction: Literal["sent", "received"], event: Event, now_s: float) -> None:
        told.append((now_s, repr(event)))

    world.session._observers._all.append(note)
    for code in (1006, 1001):
        for _ in range(3):
            world.type_text()
            world.run(700)
            world.speak()
            world.run(3000)
        world.cut(code)
        world.summarise_now()
    world.run(30_000)
    assert not world.close()
    return told


def test_the_same_steps_give_the_same_talk() -> None:
    assert _told() == _told()
