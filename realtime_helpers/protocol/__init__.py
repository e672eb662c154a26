"""The GA Realtime protocol as data: build client events, read server events. No I/O here."""

from .client_events import (
    append_audio,
    assistant_text,
    cancel_response,
    clear_audio,
    commit_audio,
    create_item,
    create_response,
    delete_item,
    function_output,
    retrieve_item,
    system_text,
    truncate_item,
    update_session,
    user_audio,
    user_text,
)
from .errors import ErrorKind, classify_error
from .frames import Event, decode, encode, without_audio
from .ids import IdMint
from .secrets import hide_keys, without_keys

__all__ = [
    "ErrorKind",
    "Event",
    "IdMint",
    "append_audio",
    "assistant_text",
    "cancel_response",
    "classify_error",
    "clear_audio",
    "commit_audio",
    "create_item",
    "create_response",
    "decode",
    "delete_item",
    "encode",
    "function_output",
    "hide_keys",
    "retrieve_item",
    "system_text",
    "truncate_item",
    "update_session",
    "user_audio",
    "user_text",
    "without_audio",
    "without_keys",
]
