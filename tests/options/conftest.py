"""The laboratory of this room."""

from __future__ import annotations

import pytest

from realtime_helpers.experiments.lab import LabParts, lab_parts
from realtime_helpers.simulator import Parts


@pytest.fixture(scope="session")
def lab(parts: Parts) -> LabParts:
    """What was said or heard once is remembered for all tests."""
    return lab_parts(parts.voice, parts.ears)
