"""What an `error` event means for a client (reference §2.4, last paragraph)."""

from __future__ import annotations

from enum import Enum


class ErrorKind(Enum):
    """How much an `error` event matters."""

    FATAL = "fatal"
    """The session is over: reconnecting with the same settings cannot help, or the hour is up."""
    BENIGN = "benign"
    """A race that the protocol allows; the state is already what was asked for."""
    REFUSED = "refused"
    """The server refused one event; the session goes on."""


_FATAL = {
    "account_deactivated",
    "beta_api_shape_disabled",
    "billing_hard_limit_reached",
    "class_full",  # the simulator's, as is too_many_own_sessions
    "insufficient_quota",
    "invalid_api_key",
    "invalid_model",
    "missing_model",
    "model_not_found",
    "session_expired",
    "too_many_own_sessions",
}
_BENIGN = {
    "conversation_already_has_active_response",
    "input_audio_buffer_commit_empty",
    "item_create_duplicate_item_id",
    "item_delete_invalid_item_id",
    "item_retrieve_invalid_item_id",
    "item_truncate_invalid_item_id",
    "response_cancel_not_active",
}


def classify_error(code: str | None) -> ErrorKind:
    """Classify the `code` of an `error` event."""
    if code in _FATAL:
        return ErrorKind.FATAL
    if code in _BENIGN:
        return ErrorKind.BENIGN
    return ErrorKind.REFUSED
