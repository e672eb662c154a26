"""Who may begin a session, and which one: keys, client secrets, models (reference §1.1, §1.2)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import WorkshopError
from .client_secrets import DEFAULT_MODEL, PREFIX, ClientSecrets
from .faults import Scenario, load_scenario, scenario_names
from .models import Model, find_model
from .protocol_error import ProtocolError

_KEY_PROTOCOL = "openai-insecure-api-key."
_BETA_PROTOCOL = "openai-beta.realtime"


@dataclass(frozen=True)
class Admission:
    """A session that may begin.

    Attributes:
        name: Name of the model; `None` for a transcription session.
        model: Its facts.
        change: What a client secret sets from the start, as in a `session.update`.
    """

    name: str | None
    model: Model | None
    change: dict[str, Any] | None = None


class RefusedError(Exception):
    """A client that must go after the upgrade: with this error, and then this close code."""

    def __init__(self, error: ProtocolError, close_code: int) -> None:
        super().__init__(error.message)
        self.error = error
        self.close_code = close_code


def key_in(headers: Mapping[str, str]) -> str | None:
    """The API key or client secret: from the header, or a browser's subprotocol, or as Azure's clients send it."""
    scheme, _, key = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key:
        return key
    if azure := headers.get("api-key"):
        return azure
    return next(
        (name.removeprefix(_KEY_PROTOCOL) for name in _protocols(headers) if name.startswith(_KEY_PROTOCOL)), None
    )


def check_key(key: str | None, required: str | None) -> None:
    """Accept an API key.

    Raises:
        ProtocolError: None was given, or a wrong one.
    """
    if not key:
        raise ProtocolError(None, "Missing bearer or basic authentication in header")
    if not (key.isascii() and key.isprintable()):
        raise ProtocolError("invalid_api_key", "Incorrect API key provided.")
    if required is not None and not hmac.compare_digest(key.encode(), required.encode()):
        shown = f"{key[:3]}***{key[-2:]}" if len(key) > 8 else "***"
        raise ProtocolError("invalid_api_key", f"Incorrect API key provided: {shown}.")


def admit(
    headers: Mapping[str, str], query: Mapping[str, str], *, required_key: str | None, client_secrets: ClientSecrets
) -> Admission:
    """Decide about a connection.

    Raises:
        RefusedError: It must be closed again.
    """
    key = key_in(headers)
    change: dict[str, Any] | None = None
    try:
        if key is not None and key.startswith(PREFIX):
            change = client_secrets.read(key).session
        else:
            check_key(key, required_key)
    except ProtocolError as error:
        raise RefusedError(error, 3000) from None
    beta = "realtime=v1" in headers.get("OpenAI-Beta", "")
    if beta or any(name.startswith(_BETA_PROTOCOL) for name in _protocols(headers)):
        raise _gone(
            "beta_api_shape_disabled", "The Realtime beta API is no longer supported. Use the GA API at /v1/realtime."
        )
    return _choose(query, change)


def _choose(query: Mapping[str, str], change: dict[str, Any] | None) -> Admission:
    kind = query.get("intent") if change is None else change["type"]  # a secret has decided already
    if kind == "transcription":
        return Admission(None, None, change)
    if query.get("call_id"):
        raise _gone("not_simulated", "Calls are not simulated. Connect with ?model=… instead of ?call_id=….")
    name = query.get("model") if change is None else change.get("model") or query.get("model") or DEFAULT_MODEL
    if not name:
        raise _gone(
            "missing_model",
            "You must provide a model parameter, for example ws://127.0.0.1:8765/v1/realtime?model=gpt-realtime-2.1",
        )
    model = find_model(name)
    if model is None:
        raise _gone("invalid_model", f'Model "{name}" is not supported in realtime mode.')
    return Admission(name, model, change)


def chosen_scenario(query: Mapping[str, str], default: Scenario) -> Scenario:
    """The scenario that the URL asks for, or the server's.

    Raises:
        RefusedError: There is none of that name.
    """
    name = query.get("scenario")
    if name is None:
        return default
    if name not in scenario_names():  # never a path: the name comes from outside
        raise _gone("invalid_scenario", f"There is no scenario '{name}'. Choose one of {', '.join(scenario_names())}.")
    try:
        return load_scenario(name)
    except WorkshopError as error:
        raise _gone("invalid_scenario", str(error)) from None


def _gone(code: str, message: str) -> RefusedError:
    return RefusedError(ProtocolError(code, message), 4000)


def _protocols(headers: Mapping[str, str]) -> list[str]:
    return [name.strip() for name in headers.get("Sec-WebSocket-Protocol", "").split(",") if name.strip()]
