"""What a new connection must be told after the old one was lost (reference §7.5). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..conversation import Conversation, Item, Turn
from ..memory import NOTHING_UNDERSTOOD, SummaryRecord, covered_by
from ..protocol import assistant_text, function_output, system_text, user_audio, user_text


@dataclass(frozen=True, slots=True)
class Restoration:
    """What became of a conversation whose line was lost: an honest account.

    Attributes:
        reason: Why the line ended.
        words: Turns that came back word for word, as text in the memory item.
        items: Turns that came back item by item: unanswered ones, and recordings whose words are not known.
        lost: Turns whose words were never known, and whose recording is not kept any more.
    """

    reason: str
    words: int = 0
    items: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Remains:
    """What no memory item stands for.

    Attributes:
        words: Turns that a memory item can hold word for word.
        items: What must come back as items of its own behind it, in order, in the shape of `conversation.item.create`.
        account: The same in numbers.
    """

    words: tuple[Turn, ...]
    items: tuple[dict[str, Any], ...]
    account: Restoration


def what_remains(
    conversation: Conversation,
    records: Sequence[SummaryRecord],
    clips: Mapping[str, bytes],
    reason: str,
    *,
    reply_was_cut: bool,
) -> Remains:
    """Sort what was said: covered already, fit for the memory item, or to be put back as it was.

    What is put back stands behind the memory item, so everything after the first such turn is put back too: of two
    facts that contradict each other the later one must be read later.

    Args:
        conversation: The history; its connection is lost.
        records: Memory items so far; the last one will stand again.
        clips: Recordings of user items whose words are not known, by id.
        reason: Why the line ended.
        reply_was_cut: Whether the reply to the newest turn was cut with the line. An unanswered turn must be read as a
            question, not as memory.
    """
    standing = conversation.find(records[-1].id) if records else None
    covered = covered_by(records, [standing]) if standing else {}
    turns = [Turn(tuple(item for item in turn.items if item.id not in covered)) for turn in conversation.all_turns]
    turns = [turn for turn in turns if turn.items]
    words: list[Turn] = []
    items: list[dict[str, Any]] = []
    whole = lost = 0
    for number, turn in enumerate(turns, start=1):
        is_open = number == len(turns) and (reply_was_cut or not turn.is_answered)
        is_recorded = any(not item.is_known and item.id in clips for item in turn.items)
        lost += not turn.is_readable and not is_recorded
        if whole or is_open or is_recorded or not turn.is_settled:
            whole += 1
            items += [wire for item in turn.items if (wire := _as_wire(item, clips)) is not None]
        else:
            words.append(Turn(tuple(item for item in turn.items if item.role != "system")))
            items += [wire for item in turn.items if item.role == "system" and (wire := _as_wire(item, clips))]
    words = [turn for turn in words if turn.items]
    return Remains(tuple(words), tuple(items), Restoration(reason, len(words), whole, lost))


def _as_wire(item: Item, clips: Mapping[str, bytes]) -> dict[str, Any] | None:
    """The item as the client may create it, under its old id; `None` for what cannot come back."""
    match item.kind:
        case "function_call" if item.status == "completed" and item.call_id is not None:
            return {"id": item.id, "type": "function_call", "call_id": item.call_id, "name": item.name,
                    "arguments": item.text, "status": "completed"}  # fmt: skip
        case "function_call_output" if item.call_id is not None:
            return function_output(item.call_id, item.text, item_id=item.id)
        case "message":
            return _message(item, clips)
    return None


def _message(item: Item, clips: Mapping[str, bytes]) -> dict[str, Any] | None:
    if item.role == "user" and not item.is_known and item.id in clips:
        return user_audio(clips[item.id], item_id=item.id)
    if item.role == "user":
        return user_text(item.text or NOTHING_UNDERSTOOD, item_id=item.id)
    if item.role == "system":
        return system_text(item.text, item_id=item.id) if item.text else None
    return assistant_text(item.heard_text, item_id=item.id) if item.heard_text else None
