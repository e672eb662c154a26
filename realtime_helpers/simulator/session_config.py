"""The session object: its defaults per model, and what a `session.update` may change (reference §1.5, §1.6)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from .protocol_error import ProtocolError, missing, unsupported, wrong_type

INSTRUCTIONS = (
    "You are the local simulator of the Realtime Workshop, not a language model. You answer by rules, only from "
    "what is in this conversation. You tell small stories, repeat what people told you about themselves, look at "
    "a summary when asked about it, and call a declared function when its name fits the request."
)
"""Default instructions. The service's own pretend to be a person; ours say what this is."""

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
_PCM = {"type": "audio/pcm", "rate": 24000}
_SERVER_VAD: dict[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
_OLDER_MODELS = ("gpt-realtime", "gpt-realtime-mini")


def knows_model(model: str) -> bool:
    """Whether the simulator answers for this model name."""
    return model.startswith("gpt-realtime")


def default_session(session_id: str, model: str, expires_at: int) -> dict[str, Any]:
    """A new session as the service would describe it."""
    older = model in _OLDER_MODELS
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
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
                "format": dict(_PCM),
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {**_SERVER_VAD, "silence_duration_ms": 200 if older else 500},
            },
            "output": {"format": dict(_PCM), "voice": "alloy" if older else "marin", "speed": 1.0},
        },
        "include": None,
    }


Check = Callable[[Any, str], None]


def _choice(*allowed: str) -> Check:
    def check(value: Any, path: str) -> None:
        if value not in allowed:
            raise unsupported(value, list(allowed), path)

    return check


def _number(low: float, high: float, kind: str = "decimal") -> Check:
    def check(value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_type(path, "a number")
        if kind == "integer" and not isinstance(value, int):
            raise wrong_type(path, "a whole number")
        if value < low:
            raise ProtocolError(
                f"{kind}_below_min_value",
                f"Invalid '{path}'. Expected a value >= {low}, but got {value} instead.",
                path,
            )
        if value > high:
            raise ProtocolError(
                f"{kind}_above_max_value",
                f"Invalid '{path}'. Expected a value <= {high}, but got {value} instead.",
                path,
            )

    return check


def _of(kind: type, name: str) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, kind):
            raise wrong_type(path, name)

    return check


_text = _of(str, "a string")
_flag = _of(bool, "a boolean")


def _object(fields: Mapping[str, Check], required: tuple[str, ...] = ()) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise wrong_type(path, "an object")
        for name in required:
            if name not in value:
                raise missing(f"{path}.{name}")
        for name, content in value.items():
            if name not in fields:
                raise ProtocolError("unknown_parameter", f"Unknown parameter: '{path}.{name}'.", f"{path}.{name}")
            fields[name](content, f"{path}.{name}")

    return check


def _nullable(inner: Check) -> Check:
    return lambda value, path: None if value is None else inner(value, path)


def _modalities(value: Any, path: str) -> None:
    if value not in (["audio"], ["text"]):
        raise ProtocolError(
            "invalid_value",
            f"Invalid modalities: {value}. Supported combinations are: ['text'] and ['audio'].",
            path,
        )


def _max_output(value: Any, path: str) -> None:
    if value != "inf":
        _number(1, 4096, "integer")(value, path)


def _voice(value: Any, path: str) -> None:
    if isinstance(value, dict):
        _object({"id": _text}, ("id",))(value, path)
    else:
        _choice(*VOICES)(value, path)


def _format(value: Any, path: str) -> None:
    _object(
        {"type": _choice("audio/pcm", "audio/pcmu", "audio/pcma"), "rate": _number(24000, 24000, "integer")},
        ("type",),
    )(value, path)
    if value["type"] != "audio/pcm":
        raise ProtocolError(
            "invalid_value", f"'{value['type']}' is not simulated yet; use 'audio/pcm'.", f"{path}.type"
        )


def _not_simulated(value: Any, path: str) -> None:
    raise ProtocolError("invalid_value", f"'{value}' is not simulated yet.", path)


def _truncation(value: Any, path: str) -> None:
    if value != "auto":
        _not_simulated(value, path)


def _turn_detection(value: Any, path: str) -> None:
    common = {
        "type": _choice("server_vad", "semantic_vad"),
        "create_response": _flag,
        "interrupt_response": _flag,
    }
    server: dict[str, Check] = {
        **common,
        "threshold": _number(0, 1),
        "prefix_padding_ms": _number(0, 10_000, "integer"),
        "silence_duration_ms": _number(0, 60_000, "integer"),
        "idle_timeout_ms": _nullable(_not_simulated),
    }
    _object(server)(value, path)
    if value.get("type") == "semantic_vad":
        raise ProtocolError("invalid_value", "'semantic_vad' is not simulated yet; use 'server_vad'.", f"{path}.type")


def _tools(value: Any, path: str) -> None:
    _of(list, "an array")(value, path)
    fields = {"type": _choice("function"), "name": _text, "description": _text, "parameters": _of(dict, "an object")}
    check = _object(fields, ("type", "name"))
    for index, tool in enumerate(value):
        if isinstance(tool, dict) and tool.get("type") == "mcp":
            _not_simulated("mcp", f"{path}[{index}].type")
        check(tool, f"{path}[{index}]")


def _tool_choice(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        _choice("auto", "none", "required")(value, path)


def _anything(_value: Any, _path: str) -> None:
    return None


_OUTPUT = _object({"format": _format, "voice": _voice, "speed": _number(0.25, 1.5)})
_FIELDS: dict[str, Check] = {
    "type": _choice("realtime"),
    "model": _text,
    "output_modalities": _modalities,
    "instructions": _text,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "max_output_tokens": _max_output,
    "tracing": _anything,
    "truncation": _truncation,
    "prompt": _nullable(_anything),
    "include": _anything,
    "reasoning": _anything,
    "parallel_tool_calls": _flag,
    "audio": _object(
        {
            "input": _object(
                {
                    "format": _format,
                    "transcription": _nullable(_object(
                        {"model": _text, "language": _nullable(_text), "prompt": _nullable(_text)})),
                    "noise_reduction": _nullable(_object({"type": _choice("near_field", "far_field")}, ("type",))),
                    "turn_detection": _nullable(_turn_detection),
                }
            ),
            "output": _OUTPUT,
        }
    ),
}  # fmt: skip

RESPONSE_FIELDS: dict[str, Check] = {
    "conversation": _choice("auto", "none"),
    "input": _of(list, "an array"),
    "instructions": _text,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "output_modalities": _modalities,
    "audio": _object({"output": _object({"format": _format, "voice": _voice})}),
    "max_output_tokens": _max_output,
    "metadata": _nullable(_of(dict, "an object")),
    "prompt": _nullable(_anything),
    "reasoning": _anything,
    "parallel_tool_calls": _flag,
}

_check_session = _object(_FIELDS, ("type",))
check_response = _object(RESPONSE_FIELDS)


def updated_session(current: dict[str, Any], change: Any, *, has_assistant_audio: bool) -> dict[str, Any]:
    """The session after a `session.update`: all of it, or none.

    Raises:
        ProtocolError: Any field is unknown, wrong, or cannot change now; nothing is applied.
    """
    _check_session(change, "session")
    if change.get("model", current["model"]) != current["model"]:
        raise ProtocolError("invalid_value", "The model of a session cannot be changed.", "session.model")
    after = copy.deepcopy(current)
    _merge(after, change)
    if after["instructions"] == "":
        after["instructions"] = INSTRUCTIONS  # the service brings its default back (reference §1.5)
    if has_assistant_audio and _voice_of(after) != _voice_of(current):
        raise ProtocolError(
            "cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present."
        )
    return after


def _voice_of(session: dict[str, Any]) -> Any:
    return session["audio"]["output"]["voice"]


def _merge(target: dict[str, Any], change: dict[str, Any]) -> None:
    for name, value in change.items():
        if isinstance(value, dict) and name == "turn_detection":
            base = target.get(name) or dict(_SERVER_VAD)
            target[name] = {**base, **value}
        elif isinstance(value, dict) and name == "transcription":
            target[name] = {"language": None, "prompt": None, **(target.get(name) or {}), **value}
            if "model" not in target[name]:
                raise missing("session.audio.input.transcription.model")
        elif isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        else:
            target[name] = copy.deepcopy(value)
