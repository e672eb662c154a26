"""The session object: its defaults per model, and what a `session.update` makes of it (reference §1.5, §1.6). Pure."""

from __future__ import annotations

import copy
from typing import Any

from ..audio.formats import AUDIO_FORMATS, PCM16
from ..protocol.frames import encode
from .models import Model
from .protocol_error import ProtocolError, missing, unsupported
from .session_fields import check_detection, check_session, check_transcription_session

INSTRUCTIONS = (
    "You are the local simulator of the Realtime Workshop, not a language model. You answer by rules, only from "
    "what is in this conversation. You tell small stories, repeat what people told you about themselves, look at "
    "a summary when asked about it, and call a declared function when its name fits the request."
)
"""Default instructions. The service's own pretend to be a person; ours say what this is."""

MAX_SESSION_BYTES = 512 * 1024
"""Largest session that is kept: it is echoed whole, and no frame may pass 1 MiB."""

Session = dict[str, Any]


def default_session(session_id: str, name: str, model: Model, expires_at: int) -> Session:
    """A new realtime session as the service would describe it.

    Args:
        session_id: Its id.
        name: The model's name.
        model: The model's facts.
        expires_at: Seconds since the epoch.
    """
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": name,
        "output_modalities": ["audio"],
        "instructions": INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": expires_at,
        "audio": {
            "input": {
                "format": PCM16.wire,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": _server_vad(model),
            },
            "output": {"format": PCM16.wire, "voice": model.voice, "speed": 1.0},
        },
        "include": None,
    }


def default_transcription_session(session_id: str, expires_at: int) -> Session:
    """A new transcription session (reference §1.5)."""
    detection = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200}
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session_id,
        "expires_at": expires_at,
        "audio": {
            "input": {
                "format": PCM16.wire,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": detection,
            }
        },
        "include": None,
    }


def _server_vad(model: Model) -> dict[str, Any]:
    return {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": model.silence_ms,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }


_ABOUT_ANSWERS = {"create_response", "interrupt_response", "idle_timeout_ms"}
_SEMANTIC_VAD = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}


def updated_session(
    current: Session,
    change: Any,
    model: Model | None,
    *,
    has_assistant_audio: bool = False,
    is_responding: bool = False,
) -> Session:
    """The session after a `session.update`: all of it, or none.

    Args:
        current: The session before; it is not changed.
        change: What the client sent.
        model: The model's facts; `None` for a transcription session.
        has_assistant_audio: Whether the voice is locked.
        is_responding: Whether a response is in progress, so that the speed cannot change.

    Raises:
        ProtocolError: Any field is unknown, wrong, or cannot change now; nothing is applied.
    """
    change = _with_kind_of_detection(current, change)
    kind = current["type"]
    if isinstance(change, dict) and change.get("type") not in (None, kind):
        raise unsupported(change["type"], [kind], "session.type")
    if model is None:
        check_transcription_session(change, "session")
        defaults = default_transcription_session(current["id"], current["expires_at"])
    else:
        check_session(change, "session")
        if change.get("reasoning") is not None and not model.reasons:
            raise no_reasoning("session.reasoning", current["model"])
        defaults = default_session(current["id"], current["model"], model, current["expires_at"])
    after = copy.deepcopy(current)
    _merge(after, copy.deepcopy(change), defaults)
    if model is not None:
        _check_what_is_locked(current, after, has_assistant_audio=has_assistant_audio, is_responding=is_responding)
    if len(encode(after).encode()) > MAX_SESSION_BYTES:
        raise ProtocolError("string_above_max_length", "Invalid 'session': too large to be echoed.", "session")
    return after


def _with_kind_of_detection(current: Session, change: Any) -> Any:
    """Turn detection without a type means the kind that is active: its fields are checked and merged as such."""
    try:
        wanted, active = change["audio"]["input"]["turn_detection"], current["audio"]["input"]["turn_detection"]
        is_partial = isinstance(wanted, dict) and wanted.get("type") is None
    except (KeyError, TypeError):
        return change
    if not is_partial or active is None:
        return change
    detection = {**wanted, "type": active["type"]}
    return {**change, "audio": {**change["audio"], "input": {**change["audio"]["input"], "turn_detection": detection}}}


def _merge(session: Session, change: dict[str, Any], defaults: Session) -> None:
    """Apply what is present; null brings a default back, or switches off."""
    audio = change.pop("audio", None) or {}
    for name, value in change.items():
        session[name] = defaults.get(name) if value is None else value
    if session.get("instructions") == "":
        session["instructions"] = defaults["instructions"]  # the service brings its default back (reference §1.5)
    for side, fields in audio.items():
        for name, value in (fields or {}).items():
            target, default = session["audio"][side], defaults["audio"][side][name]
            target[name] = _audio_field(name, value, target[name], default)


def _audio_field(name: str, value: Any, current: Any, default: Any) -> Any:
    if value is None:
        return None if name == "turn_detection" else default
    match name:
        case "format":
            return AUDIO_FORMATS[value["type"]].wire
        case "speed":
            return float(value)
        case "turn_detection":
            return _detection(value, current, default)
        case "transcription":
            merged = {"language": None, "prompt": None, **(current or {}), **value}
            if not merged.get("model"):
                raise missing("session.audio.input.transcription.model")
            return merged
        case _:
            return value


def _detection(value: dict[str, Any], current: dict[str, Any] | None, default: dict[str, Any]) -> dict[str, Any]:
    kind = value.get("type") or (current or default)["type"]
    of_kind = _SEMANTIC_VAD if kind == "semantic_vad" else default
    if "idle_timeout_ms" not in default:  # a transcription session answers nothing, so it forgets what is about answers
        of_kind = {name: of_kind[name] for name in of_kind if name not in _ABOUT_ANSWERS}
        value = {name: value[name] for name in value if name not in _ABOUT_ANSWERS}
    base = current if current is not None and current["type"] == kind else of_kind
    check_detection({**value, "type": kind}, "session.audio.input.turn_detection")
    wanted = {name: of_kind.get(name) if field is None else field for name, field in value.items()}
    return {**base, **wanted, "type": kind}


def _check_what_is_locked(before: Session, after: Session, *, has_assistant_audio: bool, is_responding: bool) -> None:
    if after["model"] != before["model"]:
        raise ProtocolError("invalid_value", "The model of a session cannot be changed.", "session.model")
    old, new = before["audio"]["output"], after["audio"]["output"]
    if has_assistant_audio and new["voice"] != old["voice"]:
        raise locked_voice()
    if is_responding and new["speed"] != old["speed"]:
        raise ProtocolError(
            "cannot_update_speed",
            "Cannot update the speed while a response is in progress.",
            "session.audio.output.speed",
        )
    if before["tracing"] is not None and after["tracing"] != before["tracing"]:
        raise ProtocolError("cannot_update_tracing", "Cannot update tracing once it is enabled.", "session.tracing")


def no_reasoning(param: str, model: str) -> ProtocolError:
    """The refusal of `reasoning` where the model does not reason."""
    return ProtocolError(
        "unsupported_parameter", f"Unsupported parameter: '{param}' is not supported with the model '{model}'.", param
    )


def locked_voice() -> ProtocolError:
    """The refusal of another voice once the assistant has been heard."""
    return ProtocolError("cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present.")
