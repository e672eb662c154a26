"""Which values the fields of `session.update` and `response.create` may have (reference §1.6, §2.2). Pure.

A check takes a value and its path and raises a `ProtocolError`. Null is allowed for every field that is not required:
it means the default, or off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..audio.formats import AUDIO_FORMATS
from .protocol_error import ProtocolError, missing, unsupported, wrong_type

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
LOGPROBS = "item.input_audio_transcription.logprobs"
_METADATA_PAIRS, _METADATA_KEY, _METADATA_VALUE = 16, 64, 512

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
_json_object = _of(dict, "an object")


def _object(fields: Mapping[str, Check], required: tuple[str, ...] = ()) -> Check:
    def check(value: Any, path: str) -> None:
        _json_object(value, path)
        for name in required:
            if value.get(name) is None:
                raise missing(f"{path}.{name}")
        for name, content in value.items():
            if name not in fields:
                raise ProtocolError("unknown_parameter", f"Unknown parameter: '{path}.{name}'.", f"{path}.{name}")
            if content is not None:
                fields[name](content, f"{path}.{name}")

    return check


def _list_of(inner: Check) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise wrong_type(path, "an array")
        for index, entry in enumerate(value):
            inner(entry, f"{path}[{index}]")

    return check


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
    _object({"type": _choice(*AUDIO_FORMATS), "rate": _number(1, 192_000, "integer")}, ("type",))(value, path)
    if value["type"] == "audio/pcm" and value.get("rate") is not None:
        _number(24_000, 24_000, "integer")(value["rate"], f"{path}.rate")


def _truncation(value: Any, path: str) -> None:
    if isinstance(value, str):
        _choice("auto", "disabled")(value, path)
        return
    limits = _object({"post_instructions": _number(0, 10**7, "integer")})
    fields = {"type": _choice("retention_ratio"), "retention_ratio": _number(0, 1), "token_limits": limits}
    _object(fields, ("type", "retention_ratio"))(value, path)


_VAD_COMMON: dict[str, Check] = {
    "type": _choice("server_vad", "semantic_vad"),
    "create_response": _flag,
    "interrupt_response": _flag,
    "model_version": _text,
}
_SERVER_VAD: dict[str, Check] = {
    **_VAD_COMMON,
    "threshold": _number(0, 1),
    "prefix_padding_ms": _number(0, 10_000, "integer"),
    "silence_duration_ms": _number(0, 60_000, "integer"),
    "idle_timeout_ms": _number(5_000, 30_000, "integer"),
}
_SEMANTIC_VAD: dict[str, Check] = {**_VAD_COMMON, "eagerness": _choice("low", "medium", "high", "auto")}


def check_detection(value: Any, path: str) -> None:
    """Check a `turn_detection`. Without a type it may name any field: which fit is known once it is merged."""
    _json_object(value, path)
    fields = {"server_vad": _SERVER_VAD, "semantic_vad": _SEMANTIC_VAD}
    kind = value.get("type")
    known = fields.get(kind) if isinstance(kind, str) else None
    _object(known or {**_SERVER_VAD, **_SEMANTIC_VAD})(value, path)


_function_tool = _object(
    {"type": _choice("function"), "name": _text, "description": _text, "parameters": _json_object, "strict": _flag},
    ("type", "name"),
)


def _mcp_tool(value: Any, path: str) -> None:
    if not isinstance(value.get("server_label"), str):
        raise missing(f"{path}.server_label")


def _tool(value: Any, path: str) -> None:
    _json_object(value, path)
    (_mcp_tool if value.get("type") == "mcp" else _function_tool)(value, path)


def _tool_choice(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        _choice("auto", "none", "required")(value, path)
        return
    kinds = {"type": _choice("function", "mcp"), "name": _text, "server_label": _text}
    _object(kinds, ("type",))(value, path)


def _tracing(value: Any, path: str) -> None:
    if value != "auto":
        _object({"workflow_name": _text, "group_id": _text, "metadata": _json_object})(value, path)


def _prompt(value: Any, path: str) -> None:
    _object({"id": _text, "version": _text, "variables": _json_object}, ("id",))(value, path)
    raise ProtocolError("prompt_not_found", f"Prompt with id '{value['id']}' not found.", f"{path}.id")


def _metadata(value: Any, path: str) -> None:
    _json_object(value, path)
    if len(value) > _METADATA_PAIRS:
        raise ProtocolError(
            "object_above_max_properties",
            f"Invalid '{path}': too many properties. Expected at most {_METADATA_PAIRS}, but got {len(value)} instead.",
            path,
        )
    for key, content in value.items():
        _text(content, f"{path}.{key}")
        for text, most in ((key, _METADATA_KEY), (content, _METADATA_VALUE)):
            if len(text) > most:
                raise ProtocolError(
                    "string_above_max_length",
                    f"Invalid '{path}': string too long. Expected a string with maximum length {most}, "
                    f"but got a string with length {len(text)} instead.",
                    path,
                )


_EFFORTS = ("minimal", "low", "medium", "high", "xhigh")
_reasoning = _object({"effort": _choice(*_EFFORTS)})
_noise_reduction = _object({"type": _choice("near_field", "far_field"), "strength": _number(0, 1)}, ("type",))
_transcription = _object(
    {
        "model": _text,
        "language": _text,
        "prompt": _text,
        "languages": _list_of(_text),
        "keywords": _list_of(_text),
        "delay": _text,
    }
)
_AUDIO_INPUT: dict[str, Check] = {
    "format": _format,
    "transcription": _transcription,
    "noise_reduction": _noise_reduction,
    "turn_detection": check_detection,
}
_include = _list_of(_choice(LOGPROBS))
_SHARED: dict[str, Check] = {
    "instructions": _text,
    "tools": _list_of(_tool),
    "tool_choice": _tool_choice,
    "output_modalities": _modalities,
    "max_output_tokens": _max_output,
    "prompt": _prompt,
    "reasoning": _reasoning,
    "parallel_tool_calls": _flag,
}

check_session = _object(
    {
        **_SHARED,
        "type": _choice("realtime"),
        "model": _text,
        "tracing": _tracing,
        "truncation": _truncation,
        "include": _include,
        "audio": _object(
            {
                "input": _object(_AUDIO_INPUT),
                "output": _object({"format": _format, "voice": _voice, "speed": _number(0.25, 1.5)}),
            }
        ),
    },
    ("type",),
)
"""The `session` of a `session.update` in a realtime session."""

check_transcription_session = _object(
    {
        "type": _choice("transcription"),
        "include": _include,
        "audio": _object({"input": _object(_AUDIO_INPUT)}),
    },
    ("type",),
)
"""The `session` of a `session.update` in a transcription session."""

check_response = _object(
    {
        **_SHARED,
        "conversation": _choice("auto", "none"),
        "input": _list_of(_json_object),
        "audio": _object({"output": _object({"format": _format, "voice": _voice})}),
        "metadata": _metadata,
    }
)
"""The `response` of a `response.create`."""
