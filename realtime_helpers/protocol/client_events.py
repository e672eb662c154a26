"""Builders for every client event of the reference, §2.2, and for the items a client may create, §2.3.

Each returns a plain dictionary. Pass `event_id` on events that change something: an `error` then names it.
"""

from __future__ import annotations

from typing import Any

from .frames import Event, pcm_to_base64

ROOT = "root"
"""`previous_item_id` that puts an item before all others."""


def _event(kind: str, event_id: str | None, **fields: object) -> Event:
    event: Event = {"type": kind}
    if event_id is not None:
        event["event_id"] = event_id
    event.update({name: value for name, value in fields.items() if value is not None})
    return event


def update_session(session: dict[str, Any], *, event_id: str | None = None) -> Event:
    """Change session fields; nested objects merge. Adds the `type` that every update must carry."""
    return _event("session.update", event_id, session={"type": "realtime", **session})


def append_audio(pcm: bytes) -> Event:
    """Append audio in the session's input format (default PCM16, 24 kHz, mono). Never acknowledged."""
    return _event("input_audio_buffer.append", None, audio=pcm_to_base64(pcm))


def commit_audio(*, event_id: str | None = None) -> Event:
    """Make the buffered audio a user item (push-to-talk). Needs at least 100 ms of audio."""
    return _event("input_audio_buffer.commit", event_id)


def clear_audio(*, event_id: str | None = None) -> Event:
    """Forget the buffered audio."""
    return _event("input_audio_buffer.clear", event_id)


def create_item(item: dict[str, Any], *, after: str | None = None, event_id: str | None = None) -> Event:
    """Insert an item at the end, after the item `after`, or first with `after=ROOT`."""
    return _event("conversation.item.create", event_id, previous_item_id=after, item=item)


def retrieve_item(item_id: str, *, event_id: str | None = None) -> Event:
    """Ask for an item with all of its audio. Large: never a way to poll for transcripts."""
    return _event("conversation.item.retrieve", event_id, item_id=item_id)


def delete_item(item_id: str, *, event_id: str | None = None) -> Event:
    """Remove an item from the server's conversation."""
    return _event("conversation.item.delete", event_id, item_id=item_id)


def truncate_item(item_id: str, audio_end_ms: int, *, event_id: str | None = None) -> Event:
    """Cut an assistant's audio at `audio_end_ms` of that item; its transcript is dropped server-side."""
    return _event("conversation.item.truncate", event_id, item_id=item_id, content_index=0, audio_end_ms=audio_end_ms)


def create_response(response: dict[str, Any] | None = None, *, event_id: str | None = None) -> Event:
    """Ask for a response; `response` overrides session fields for this one only."""
    return _event("response.create", event_id, response=response)


def cancel_response(response_id: str | None = None, *, event_id: str | None = None) -> Event:
    """Stop a response. Without an id: the default conversation's."""
    return _event("response.cancel", event_id, response_id=response_id)


def _message(role: str, content: dict[str, Any], item_id: str | None) -> dict[str, Any]:
    item = {"type": "message", "role": role, "content": [content]}
    return item if item_id is None else {"id": item_id, **item}


def user_text(text: str, *, item_id: str | None = None) -> dict[str, Any]:
    """A typed user message."""
    return _message("user", {"type": "input_text", "text": text}, item_id)


def user_audio(audio: bytes, *, transcript: str | None = None, item_id: str | None = None) -> dict[str, Any]:
    """A recording of the user, in the session's input format. The model does not read the transcript."""
    content = {"type": "input_audio", "audio": pcm_to_base64(audio)}
    return _message("user", content if transcript is None else {**content, "transcript": transcript}, item_id)


def system_text(text: str, *, item_id: str | None = None) -> dict[str, Any]:
    """A system message: the form in which a summary goes back into the conversation (reference §7.2)."""
    return _message("system", {"type": "input_text", "text": text}, item_id)


def assistant_text(text: str, *, item_id: str | None = None) -> dict[str, Any]:
    """An assistant message. Assistant history can only be inserted as text (reference §2.3)."""
    return _message("assistant", {"type": "output_text", "text": text}, item_id)


def function_output(call_id: str, output: str, *, item_id: str | None = None) -> dict[str, Any]:
    """The result of a function call."""
    item = {"type": "function_call_output", "call_id": call_id, "output": output}
    return item if item_id is None else {"id": item_id, **item}
