"""Client secrets (reference §6.1): keys for browsers that expire, and carry their session with them.

Nothing is stored: the secret is the signed session, so any server with the same signing key knows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from ..protocol.ids import IdMint
from .models import find_model
from .protocol_error import ProtocolError, unsupported, wrong_type
from .session_config import default_session, default_transcription_session, updated_session

PREFIX = "ek_"
DEFAULT_MODEL = "gpt-realtime"
_DEFAULT_SECONDS, _LEAST_SECONDS, _MOST_SECONDS = 600, 10, 7200
_MOST_CHARACTERS = 7_000  # it must fit into a request header, which servers limit to 8 KiB


@dataclass(frozen=True)
class Grant:
    """What a client secret allows.

    Attributes:
        session: The session to begin with, as its creator asked for it.
    """

    session: dict[str, Any]


class ClientSecrets:
    """Makes and reads client secrets.

    Args:
        signing_key: Shared by all servers that must know each other's secrets.
        clock: Seconds since the epoch.
    """

    def __init__(self, signing_key: bytes, clock: Callable[[], float]) -> None:
        self._serializer = URLSafeSerializer(signing_key, salt="client secret")
        self._clock = clock

    def create(self, body: Any, ids: IdMint) -> dict[str, Any]:
        """Answer a request for a secret.

        Raises:
            ProtocolError: The session or the life asked for is not possible.
        """
        if not isinstance(body, dict):
            raise wrong_type("body", "an object")
        wanted = body.get("session") or {"type": "realtime"}
        session = _session_from(wanted, ids.new("sess"))
        expires_at = int(self._clock()) + _seconds(body.get("expires_after"))
        value = PREFIX + str(self._serializer.dumps([expires_at, ids.new("ek")[3:], wanted]))
        if len(value) > _MOST_CHARACTERS:
            raise ProtocolError(
                "string_above_max_length", "Invalid 'session': too large for a client secret.", "session"
            )
        return {"value": value, "expires_at": expires_at, "session": session}

    def read(self, secret: str) -> Grant:
        """What a secret allows.

        Raises:
            ProtocolError: Not one of ours, or expired.
        """
        try:
            expires_at, _, session = self._serializer.loads(secret.removeprefix(PREFIX))
        except (BadData, ValueError):  # not signed by us, or no text at all
            raise ProtocolError("invalid_api_key", "The client secret is not valid here.") from None
        if self._clock() >= expires_at:
            raise ProtocolError(
                "invalid_api_key", "The client secret has expired. Create a new one: POST /v1/realtime/client_secrets."
            )
        return Grant(session)


def _session_from(wanted: Any, session_id: str) -> dict[str, Any]:
    if not isinstance(wanted, dict):
        raise wrong_type("session", "an object")
    if wanted.get("type") == "transcription":
        return updated_session(default_transcription_session(session_id, 0), wanted, None)
    name = wanted.get("model") or DEFAULT_MODEL
    model = find_model(name) if isinstance(name, str) else None
    if model is None:
        raise ProtocolError("invalid_model", f'Model "{name}" is not supported in realtime mode.', "session.model")
    return updated_session(default_session(session_id, name, model, 0), wanted, model)


def _seconds(wanted: Any) -> int:
    if wanted is None:
        return _DEFAULT_SECONDS
    if not isinstance(wanted, dict):
        raise wrong_type("expires_after", "an object")
    if (anchor := wanted.get("anchor") or "created_at") != "created_at":
        raise unsupported(anchor, ["created_at"], "expires_after.anchor")
    seconds = wanted.get("seconds", _DEFAULT_SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise wrong_type("expires_after.seconds", "a whole number")
    if not _LEAST_SECONDS <= seconds <= _MOST_SECONDS:
        below = seconds < _LEAST_SECONDS
        raise ProtocolError(
            f"integer_{'below_min' if below else 'above_max'}_value",
            f"Invalid 'expires_after.seconds'. Expected a value {'>=' if below else '<='} "
            f"{_LEAST_SECONDS if below else _MOST_SECONDS}, but got {seconds} instead.",
            "expires_after.seconds",
        )
    return seconds
