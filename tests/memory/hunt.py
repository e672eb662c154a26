"""Looks for one sequence that breaks the invariant: no shrinking, the same search every time."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from .machine import LosesNothing


def hunt(examples: int, machine: type[LosesNothing] = LosesNothing, *, shrink: bool = False) -> str | None:
    """What broke first; `None` when nothing did."""
    how = settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(machine, settings=how)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return f"{type(error).__name__}: {error}\n" + "\n".join(getattr(error, "__notes__", []))
    return None
