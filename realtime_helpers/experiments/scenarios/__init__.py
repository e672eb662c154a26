"""Twenty-four things that go wrong in long conversations, played to a naive algorithm and to this package."""

from .cases import SCENARIOS, Case
from .referee import Verdict
from .run import Course, Result, run_scenario, run_scenarios

__all__ = ["SCENARIOS", "Case", "Course", "Result", "Verdict", "run_scenario", "run_scenarios"]
