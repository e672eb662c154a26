from __future__ import annotations

from collections.abc import Iterator

import pytest

from realtime_helpers.demo import child
from realtime_helpers.settings import SIMULATOR_URL_VARIABLE

from .virtual_sound import VirtualSound, missing, virtual_sound


@pytest.fixture
def room() -> Iterator[VirtualSound]:
    """A microphone and a speaker that are not there."""
    if reason := missing():
        pytest.skip(reason)
    with virtual_sound() as sound:
        yield sound


@pytest.fixture(scope="module")
def simulator_url() -> Iterator[str]:
    """A simulator in a process of its own, as slow as the real service."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "PROGRAM", "tests.checked_simulator")
        with child.running_simulator() as url:
            patch.setenv(SIMULATOR_URL_VARIABLE, url)
            yield url
