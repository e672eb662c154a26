"""Small builders of server events for tests of the reducer and of memory."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def user_audio(item_id: str) -> Event:
    content = [{"type": "input_audio", "transcript": None}]
    return {"id": item_id, "type": "message", "status": "completed", "role": "user", "content": content}


def text(item_id: str, role: str, words: str, status: str = "completed") -> Event:
    kind = "output_text" if role == "assistant" else "input_text"
    return {
        "id": item_id,
        "type": "message",
        "status": status,
        "role": role,
        "content": [{"type": kind, "text": words}],
    }


def call(item_id: str, call_id: str) -> Event:
    return {
        "id": item_id,
        "type": "function_call",
        "status": "completed",
        "name": "f",
        "call_id": call_id,
        "arguments": "{}",
    }


def output(item_id: str, call_id: str) -> Event:
    return {"id": item_id, "type": "function_call_output", "call_id": call_id, "output": "ok"}


def added(item: Event, previous: str | None) -> Event:
    return {"type": "conversation.item.added", "item": item, "previous_item_id": previous}


def done(item: Event, previous: str | None = None) -> Event:
    return {"type": "conversation.item.done", "item": item, "previous_item_id": previous}


def transcribed(item_id: str, words: str) -> Event:
    kind = "conversation.item.input_audio_transcription.completed"
    return {"type": kind, "item_id": item_id, "content_index": 0, "transcript": words}


def transcription_failed(item_id: str) -> Event:
    return {"type": "conversation.item.input_audio_transcription.failed", "item_id": item_id, "error": {}}


def response_created(response_id: str, conversation: str | None = "conv_1") -> Event:
    return {"type": "response.created", "response": {"id": response_id, "conversation_id": conversation}}


def response_done(
    response_id: str, tokens: int = 0, status: str = "completed", conversation: str | None = "conv_1"
) -> Event:
    usage = {"input_token_details": {"audio_tokens": tokens}} if tokens else None
    response = {"id": response_id, "conversation_id": conversation, "status": status, "usage": usage, "output": []}
    return {"type": "response.done", "response": response}
