"""For the lesson on summaries: typed talks that are quick to hold, the splice as a table, and the exercise's check."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..conversation import Turn
from ..memory import SummaryPolicy, SummaryRecord
from ..options import SessionOptions
from ..protocol import Event
from ..session import RealtimeSession, Snapshot
from ..settings import Settings
from .verdict import Verdict

Direction = Literal["sent", "received"]
TYPED = SessionOptions(output_modality="text")
"""Replies in writing: the same memory, without the time and the price of speech."""
_SPLICE = {"conversation.item.create", "conversation.item.added", "conversation.item.delete",
           "conversation.item.deleted"}  # fmt: skip


def hold(
    lines: Iterable[str], memory: SummaryPolicy | None, settings: Settings, options: SessionOptions = TYPED
) -> Snapshot:
    """Type each line, wait for its answer and for the summary that it set off, and return the talk as it ended.

    Raises:
        WorkshopError: The session ended before the talk did.
        TimeoutError: No answer came.
    """
    with RealtimeSession(settings=settings, memory=memory, options=options) as session:
        session.start()
        for number, line in enumerate(lines, start=1):
            session.send_text(line)
            session.wait_for_answer(number)
            session.wait_for(lambda now: not now.is_summarising)
        return session.snapshot


@dataclass(frozen=True)
class Step:
    """One event of a splice.

    Attributes:
        direction: Whether we sent it or received it.
        kind: The event's type.
        what: Which item it is about, in words.
    """

    direction: Direction
    kind: str
    what: str


def splice_steps(
    events: Iterable[tuple[Direction, Event, float]], record: SummaryRecord, turns: Sequence[Turn]
) -> tuple[Step, ...]:
    """The events by which a summary took the place of old turns, in the order in which they came.

    Args:
        events: As `session.watch_events` tells them.
        record: The summary.
        turns: Every turn so far: they name the items.
    """
    names = {record.id: "the summary"}
    for number, turn in enumerate(turns, start=1):
        names |= {item.id: f"turn {number}, {'you' if item.role == 'user' else 'bot'}" for item in turn.items}
    wanted = {record.id, *record.covers}
    steps = []
    for direction, event, _ in events:
        item_id = str(event.get("item_id") or (event.get("item") or {}).get("id"))
        is_new_turn = event["type"] == "conversation.item.added" and item_id != record.id
        if event["type"] in _SPLICE and item_id in wanted and not is_new_turn:
            steps.append(Step(direction, event["type"], names.get(item_id, item_id)))
    return tuple(steps)


def is_safe(steps: Sequence[Step]) -> bool:
    """Whether the summary was confirmed before anything was deleted, and every deletion was confirmed."""
    kinds = [step.kind for step in steps]
    if "conversation.item.added" not in kinds or "conversation.item.delete" not in kinds:
        return False
    confirmed = kinds.index("conversation.item.added") < kinds.index("conversation.item.delete")
    deleted = {step.what for step in steps if step.kind == "conversation.item.delete"}
    return confirmed and deleted == {step.what for step in steps if step.kind == "conversation.item.deleted"}


def check_memory(talk: Snapshot, *, fact: str, bound_tokens: int, most_summaries: int) -> Verdict:
    """Whether a fact survived a talk whose window stayed small, without summarising all the time.

    The answer to the last question counts. Of the simulator that is a measurement: it answers by rules from its window.
    """
    if not isinstance(talk, Snapshot):
        return Verdict(False, f"held is {talk!r}, and no talk. Let hold(...) make it, in the cell above.")
    largest = max((entry.conversation_tokens for entry in talk.responses), default=0)
    count = len(talk.summaries)
    if not talk.turns:
        return Verdict(False, "nothing was said yet. Run the cell above first.")
    answer = talk.turns[-1].assistant_text
    if fact not in answer:
        why = f"the last answer was {answer!r}. No summary came before the server dropped the turn with {fact!r} in it."
        return Verdict(
            False, f"{why} The largest window was {largest:,} tokens: summarise earlier, by a lower trigger."
        )
    if largest > bound_tokens:
        why = f"the fact survived, but a response read {largest:,} tokens, and {bound_tokens:,} are allowed."
        return Verdict(False, f"{why} The trigger is looked at after a response: leave room for one more turn.")
    if count > most_summaries:
        why = f"the fact survived in a small window, but {count} summaries were written; {most_summaries} are enough."
        return Verdict(False, f"{why} What stays must lie well below the trigger: keep less, or trigger later.")
    often = "once" if count == 1 else f"{count} times"
    return Verdict(True, f"{fact!r} survived, no response read more than {largest:,} tokens, summarised {often}.")
