"""Random turn-taking: see `turn_machine`."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from .turn_machine import TakesTurns

SOAK = os.environ.get("REALTIME_SOAK_EXAMPLES")
EXAMPLES = int(SOAK or 150)


@pytest.mark.timeout(300 + EXAMPLES)
class TestTurnsAreTaken(TakesTurns.TestCase):  # type: ignore[misc, valid-type]
    """One example is a conversation of up to 25 steps, checked after each."""

    # the gate walks the same talks every time; only a soak seeks new ones
    settings = settings(
        max_examples=EXAMPLES, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck),
        print_blob=True, database=None, derandomize=SOAK is None,
    )  # fmt: skip
