"""Would the machine notice? Each known mistake is put in, and the invariant must break."""

from __future__ import annotations

import pytest

from .hunt import hunt
from .mutations import MUTATIONS, Mutation

MOST_EXAMPLES = 300
CONTROL_EXAMPLES = 100


def _name(mutation: Mutation) -> str:
    return f"{mutation.pitfall}: {mutation.name}"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=_name)
def test_the_machine_sees_the_mistake(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation.apply(monkeypatch)
    assert hunt(MOST_EXAMPLES) is not None, f"nobody notices a client that {mutation.name} (pitfall {mutation.pitfall})"


def test_without_a_mistake_nothing_is_seen() -> None:
    assert hunt(CONTROL_EXAMPLES) is None
