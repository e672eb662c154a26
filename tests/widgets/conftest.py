"""One talk in virtual time for all tests of pictures."""

from __future__ import annotations

import pytest

from realtime_helpers.experiments.lab import LabParts, lab_parts
from realtime_helpers.simulator import Parts

from .talks import Seen, whole_talk


@pytest.fixture(scope="session")
def lab(parts: Parts) -> LabParts:
    """What was said or heard once is remembered for all tests."""
    return lab_parts(parts.voice, parts.ears)


@pytest.fixture(scope="session")
def seen(lab: LabParts) -> Seen:
    """A talk with everything in it, and how it looked on the way."""
    return whole_talk(lab)
