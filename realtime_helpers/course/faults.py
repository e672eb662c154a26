"""The exercise on things that break: which old items may be deleted, judged against recorded events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from ..experiments.lab import lab_parts
from ..experiments.scenarios.clients import Naive
from ..experiments.scenarios.run import find_scenario, play
from ..protocol import Event
from ..speech import Voice
from .verdict import Verdict

CASES = ("refused-insert", "refused-delete")
"""What the exercise is held against."""


@dataclass(frozen=True)
class Recording:
    """What happened on the naive client's line from its first summary on.

    Attributes:
        scenario: What went wrong.
        summary_id: The summary item that the client asked the server to insert.
        old_ids: The items that the summary stands for.
        received: What the server sent after that, in order, without sound.
    """

    scenario: str
    summary_id: str
    old_ids: tuple[str, ...]
    received: tuple[Event, ...]


def record(scenarios: Sequence[str] = CASES) -> list[Recording]:
    """Play scenarios to the naive client, and record what the server answers to its first summary."""
    with closing(lab_parts()) as parts, closing(Voice()) as voice:
        return [_record(name, play(find_scenario(name), Naive, parts, voice).events) for name in scenarios]


def _record(scenario: str, events: Sequence[tuple[str, Event]]) -> Recording:
    inserts = [
        (number, event["item"]["id"])
        for number, (direction, event) in enumerate(events)
        if direction == "sent" and event["type"] == "conversation.item.create" and event["item"].get("id")
    ]
    begin, summary_id = inserts[0]
    end = inserts[1][0] if len(inserts) > 1 else len(events)
    after = events[begin:end]
    deletes = [event for direction, event in after if direction == "sent" and event["type"].endswith("item.delete")]
    received = tuple(event for direction, event in after if direction == "received")
    return Recording(scenario, summary_id, tuple(event["item_id"] for event in deletes), received)


def check_deletes(
    deletes: Callable[[Sequence[Event], str, Sequence[str]], object], cases: Sequence[Recording]
) -> Verdict:
    """Whether a function waits for the server's word before it deletes, and asks again for what is still there.

    It is asked after every single event of every recording.

    Args:
        deletes: Takes the events received since the insert was sent, the summary's id and the ids of old items; gives
            the ids to delete now.
        cases: What it is held against.
    """
    for case in cases:
        for count in range(len(case.received) + 1):
            known = case.received[:count]
            try:
                answer = deletes(list(known), case.summary_id, list(case.old_ids))
            except Exception as error:  # noqa: BLE001 - whatever a learner writes, the notebook goes on
                why = f"your function raised {type(error).__name__}: {error}"
                return Verdict(False, f"{case.scenario}, after {count} of {len(case.received)} events: {why}")
            if not isinstance(answer, list | tuple) or not all(isinstance(item_id, str) for item_id in answer):
                return Verdict(False, f"the function gave {answer!r}. Give back a list of ids, an empty one for none.")
            if problem := _problem(list(answer), known, case):
                return Verdict(False, f"{case.scenario}, after {count} of {len(case.received)} events: {problem}")
    events = sum(len(case.received) for case in cases)
    return Verdict(
        True,
        f"asked after each of {events} events, it deleted nothing before the summary stood on the server, and asked "
        "again for every item that was still there.",
    )


def _problem(answer: list[object], known: Sequence[Event], case: Recording) -> str:
    """What is wrong with an answer; empty when nothing is."""
    added = {event["item"]["id"] for event in known if event["type"] == "conversation.item.added"}
    deleted = {event["item_id"] for event in known if event["type"] == "conversation.item.deleted"}
    if case.summary_id not in added:
        if not answer:
            return ""
        return (
            f"the server has not said that {case.summary_id} is in the conversation, and the function would delete "
            f"{len(answer)} items. If the insert is refused, nothing is left of them. Wait for the event "
            "'conversation.item.added' with this id."
        )
    wanted = [item_id for item_id in case.old_ids if item_id not in deleted]
    if set(answer) - set(wanted):
        return (
            "the function asks for items that are deleted already. 'conversation.item.deleted' names them in item_id."
        )
    if missing := set(wanted) - set(answer):
        return (
            f"the summary stands, and {len(missing)} of the old items are still on the server, but the function does "
            "not ask for them. Sent is not done: ask for each until 'conversation.item.deleted' came."
        )
    return ""
