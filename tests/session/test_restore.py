"""What a new connection must be told, decided without one."""

from __future__ import annotations

from typing import Any

from realtime_helpers.conversation import Conversation
from realtime_helpers.session.restore import what_remains


def message(item_id: str, role: str, text: str) -> dict[str, Any]:
    kind = "input_text" if role == "user" else "output_text"
    content = [{"type": kind, "text": text}]
    return {"id": item_id, "type": "message", "role": role, "status": "completed", "content": content}


def test_a_call_that_waits_for_its_result_comes_back_as_a_call() -> None:
    conversation = Conversation()
    call = {"id": "call", "type": "function_call", "status": "completed", "call_id": "c1", "name": "weather"}
    before = None
    for item in (
        message("asked", "user", "What is the weather?"),
        {**call, "arguments": "{}"},
        message("hurried", "user", "Hurry up."),
        message("answered", "assistant", "A moment."),
    ):
        conversation.apply({"type": "conversation.item.added", "previous_item_id": before, "item": item})
        before = item["id"]
    conversation.line_lost()
    remains = what_remains(conversation, [], {}, "lost", reply_was_cut=False)
    assert [item["id"] for item in remains.items] == ["asked", "call", "hurried", "answered"]
    assert remains.words == ()
