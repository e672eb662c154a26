"""The exercise on deletes: recorded events tell a careful function from a naive one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from realtime_helpers.course.faults import CASES, Recording, check_deletes, record
from realtime_helpers.protocol import Event


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return record()


def ids(received: Sequence[Event], kind: str) -> set[str]:
    return {event.get("item_id") or event["item"]["id"] for event in received if event["type"] == kind}


def careful(received: Sequence[Event], summary_id: str, old_ids: Sequence[str]) -> list[str]:
    if summary_id not in ids(received, "conversation.item.added"):
        return []
    return [item_id for item_id in old_ids if item_id not in ids(received, "conversation.item.deleted")]


def naive(_received: Sequence[Event], _summary_id: str, old_ids: Sequence[str]) -> Sequence[str]:
    return old_ids


def never_asks_again(received: Sequence[Event], summary_id: str, old_ids: Sequence[str]) -> Sequence[str]:
    return careful(received, summary_id, old_ids) if len(received) < 3 else []


def forgets_what_is_gone(received: Sequence[Event], summary_id: str, old_ids: Sequence[str]) -> Sequence[str]:
    return old_ids if summary_id in ids(received, "conversation.item.added") else []


def any_item_will_do(received: Sequence[Event], _summary_id: str, old_ids: Sequence[str]) -> Sequence[str]:
    return careful(received, "sum_001", old_ids) if not received else old_ids


def test_the_recordings_hold_what_the_lesson_says(recordings: list[Recording]) -> None:
    refused_insert, refused_delete = recordings
    assert (refused_insert.scenario, refused_delete.scenario) == CASES
    assert refused_insert.summary_id not in ids(refused_insert.received, "conversation.item.added")
    assert set(refused_insert.old_ids) == ids(refused_insert.received, "conversation.item.deleted")
    left = set(refused_delete.old_ids) - ids(refused_delete.received, "conversation.item.deleted")
    assert len(left) == 1
    assert refused_delete.summary_id in ids(refused_delete.received, "conversation.item.added")
    assert all(event["type"] != "response.output_audio.delta" for one in recordings for event in one.received)


def test_a_careful_function_passes(recordings: list[Recording]) -> None:
    verdict = check_deletes(careful, recordings)
    assert verdict.passed, verdict


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (naive, "refused-insert, after 0 of"),
        (any_item_will_do, "Wait for the event"),
        (never_asks_again, "Sent is not done"),
        (forgets_what_is_gone, "deleted already"),
        (lambda *_: [], "Sent is not done"),
        (lambda *_: None, "Give back a list of ids"),
        (lambda *_: [["sum_001"]], "the function gave [["),
        (lambda received, *_: received[0], "refused-insert, after 0 of 39 events: your function raised IndexError"),
        ("careful", "your function raised TypeError"),
    ],
)
def test_what_is_not_careful_is_told_why(attempt: object, said: str, recordings: list[Recording]) -> None:
    verdict = check_deletes(attempt, recordings)  # type: ignore[arg-type]
    assert not verdict.passed
    assert said in verdict.why
