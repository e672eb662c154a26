"""What went wrong with a connection, in words, with the next step (reference §1.2, §1.3)."""

from __future__ import annotations

import re
from typing import Any

from ..errors import SessionError
from ..protocol import Event
from ..settings import SIMULATOR_KEY_VARIABLE, Settings

_KEY_VARIABLES = {
    "simulator": SIMULATOR_KEY_VARIABLE,
    "openai": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
}
_CREDENTIALS = re.compile(r"(?<=//)[^/?#\s]*@")


class HopelessError(SessionError):
    """No other try can go better."""


def not_connected(settings: Settings, error: Exception) -> SessionError:
    """The connection could not be made: a `HopelessError` when it will not be until something else changes."""
    where = _shown(settings.base_url)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in {401, 403}:
        return _wrong_key(settings)
    if status is not None:
        kind = HopelessError if status == 404 else SessionError
        return kind(f"{where} answered with HTTP {status} instead of a session.", "Check the URL and the model.")
    if isinstance(error, TimeoutError):
        return SessionError(f"{where} did not answer in time.", "Check the network and try again.")
    if settings.backend == "simulator":
        return SessionError(
            f"No simulator answers at {where}.",
            "Start one with: realtime-workshop serve, or leave the URL out.",
        )
    return SessionError(f"{where} cannot be reached ({_shown(error)}).", "Check the network, the URL and any proxy.")


def closed(settings: Settings, close_code: int, fatal: Event | None) -> SessionError:
    """The server ended the connection: a `HopelessError` unless it is worth another line.

    A 1001 close is not a normal end: the hour was up, or the server left.
    """
    code = fatal["error"].get("code") if fatal else None
    kind = SessionError if is_worth_another_line(close_code, fatal) else HopelessError
    match code:
        case "invalid_api_key":
            return _wrong_key(settings)
        case "session_expired":
            return kind("The session reached its longest duration.", "Start a new one with session.start(...).")
        case "invalid_model" | "model_not_found" | "missing_model":
            return kind(
                f"The server has no realtime model {settings.model!r}.",
                "Choose another, such as gpt-realtime-2.1-mini.",
            )
        case "class_full" | "too_many_own_sessions":
            assert fatal is not None
            return kind(fatal["error"]["message"], "Then start again with session.start(...).")
        case str():
            assert fatal is not None
            return kind(f"The server ended the session: {fatal['error']['message']}", "Start a new one.")
    return kind(
        f"The connection to {_shown(settings.base_url)} was lost (close code {close_code}).",
        "What was said so far is kept in this session. Check that the server runs, then start a new session.",
    )


def is_worth_another_line(close_code: int, fatal: Event | None) -> bool:
    """Whether a new connection may go better: not when the server turned us away for what we are (reference §1.2)."""
    code = fatal["error"].get("code") if fatal else None
    return code in {None, "session_expired"} and close_code not in {3000, 4000}


def refused(error: dict[str, Any]) -> str:
    """One refused event, as a sentence."""
    return f"The server refused an event: {error.get('message')} (code {error.get('code')})"


def _shown(text: object) -> str:
    """Without user and password in any URL."""
    return _CREDENTIALS.sub("", str(text))


def _wrong_key(settings: Settings) -> HopelessError:
    variable = _KEY_VARIABLES[settings.backend]
    return HopelessError("The server refused the API key.", f"Set {variable} to a valid key and restart.")
