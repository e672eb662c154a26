"""Between options and the wire: what to send, what a server's session says, and what differs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from ..audio.formats import AUDIO_FORMATS
from .parts import CallFunction, RetentionRatio, Tracing, Transcription
from .turn_detection import PushToTalk, SemanticVAD, ServerVAD
from .values import SERVER_DEFAULT, chosen, unchecked

if TYPE_CHECKING:
    from .session_options import SessionOptions

_PLACES: dict[str, tuple[str, ...]] = {
    "instructions": ("instructions",),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "output_modality": ("output_modalities",),
    "input_format": ("audio", "input", "format"),
    "output_format": ("audio", "output", "format"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "transcription": ("audio", "input", "transcription"),
    "noise_reduction": ("audio", "input", "noise_reduction"),
    "max_output_tokens": ("max_output_tokens",),
    "truncation": ("truncation",),
    "tool_choice": ("tool_choice",),
    "reasoning_effort": ("reasoning",),
    "parallel_tool_calls": ("parallel_tool_calls",),
    "tracing": ("tracing",),
}
_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
_FORMAT_NAMES = {wire: name for name, wire in _FORMATS.items()}
_ANSWERS = {"create_response": True, "interrupt_response": True}
_TRANSCRIPTION = ("model", "language", "prompt")


def session_fields(options: SessionOptions) -> dict[str, Any]:
    """The `session` of a `session.update` for options whose instructions are read."""
    return _placed({name: _encode(name, value) for name, value in chosen(options).items()})


def options_in(session: Mapping[str, Any], kind: type[SessionOptions]) -> SessionOptions:
    """What a server's session says. What it does not say, or says in a way that is not known here, is the default."""
    return unchecked(kind, **{name: _decode(name, session, place) for name, place in _PLACES.items()})


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`change` on top of `base`, nested; an object of another `type` takes the place of the old one."""
    result = dict(base)
    for name, value in change.items():
        old = result.get(name)
        if isinstance(value, Mapping):
            fits = isinstance(old, Mapping) and value.get("type", old.get("type")) == old.get("type")
            result[name] = merged(old if fits and old else {}, value)
        else:
            result[name] = value
    return result


def overlaid(base: SessionOptions, top: SessionOptions) -> SessionOptions:
    """What `top` says, and what `base` says where `top` says nothing."""
    return unchecked(type(base), **{**chosen(base), **chosen(top)})


def changes(before: SessionOptions, after: SessionOptions) -> dict[str, Any]:
    """The `session` of the update that leads from one state of a server to another."""
    values = {name: (getattr(before, name), getattr(after, name)) for name in _PLACES}
    return _placed({name: _encode_change(name, old, new) for name, (old, new) in values.items() if old != new})


def contradictions(asked: SessionOptions, found: SessionOptions) -> list[str]:
    """Where a server's session is not what was asked for, in words; what it does not tell is no contradiction."""
    return [
        f"{name} is {_short(getattr(found, name))}, {_short(value)} was asked for"
        for name, value in chosen(asked).items()
        if getattr(found, name) is not SERVER_DEFAULT and not _agrees(value, getattr(found, name))
    ]


def _agrees(asked: Any, found: Any) -> bool:
    if type(asked) is not type(found) or not is_dataclass(asked):
        return bool(asked == found)
    return all(_agrees(value, getattr(found, name)) for name, value in chosen(asked).items())


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:99]}…"


def _placed(values: Mapping[str, Any]) -> dict[str, Any]:
    session: dict[str, Any] = {}
    for name, value in values.items():
        *folders, last = _PLACES[name]
        at = session
        for folder in folders:
            at = at.setdefault(folder, {})
        at[last] = value
    return session


def _encode(name: str, value: Any) -> Any:
    match name, value:
        case "output_modality", modality:
            return [modality]
        case (("input_format" | "output_format"), known):
            return AUDIO_FORMATS[_FORMATS[known]].wire
        case "voice", str() as own if own.startswith("voice_"):
            return {"id": own}
        case "noise_reduction", str() as where:
            return {"type": where}
        case "reasoning_effort", effort:
            return {"effort": effort}
    return getattr(value, "wire", value)


def _encode_change(name: str, old: Any, new: Any) -> Any:
    """The same for a server that holds `old`: objects merge there, so what is to go must be said."""
    if new is SERVER_DEFAULT:
        return None
    wire = _encode(name, new)
    if isinstance(old, Transcription) and isinstance(new, Transcription):
        return {**dict.fromkeys(chosen(old)), **wire}
    return wire


def _decode(name: str, session: Mapping[str, Any], place: tuple[str, ...]) -> Any:
    value: Any = session
    for key in place:
        if not isinstance(value, Mapping) or key not in value:
            return SERVER_DEFAULT
        value = value[key]
    decode = _DECODERS.get(name)
    try:
        return value if decode is None else decode(value)
    except (AttributeError, IndexError, KeyError, TypeError):
        return SERVER_DEFAULT  # a shape of tomorrow: the raw session still shows it


def _decode_detection(value: Mapping[str, Any] | None) -> Any:
    if value is None:
        return PushToTalk()
    if value["type"] == "semantic_vad":
        return unchecked(SemanticVAD, **{"eagerness": "auto", **_ANSWERS, **_known(SemanticVAD, value)})
    if value["type"] == "server_vad":
        usual = {"threshold": 0.5, "prefix_padding_ms": 300, "idle_timeout_ms": None, **_ANSWERS}
        return unchecked(ServerVAD, **{**usual, **_known(ServerVAD, value)})
    return SERVER_DEFAULT


def _known(kind: type, value: Mapping[str, Any]) -> dict[str, Any]:
    return {of.name: value[of.name] for of in fields(kind) if of.name in value}


def _decode_transcription(value: Mapping[str, Any] | None) -> Transcription | None:
    if value is None:
        return None
    return unchecked(Transcription, **{name: value[name] for name in _TRANSCRIPTION if value.get(name) is not None})


def _decode_truncation(value: str | Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return value
    limits = value.get("token_limits") or {}
    return unchecked(
        RetentionRatio, ratio=value["retention_ratio"], tokens=limits.get("post_instructions", SERVER_DEFAULT)
    )


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "voice": lambda value: value if isinstance(value, str) else value["id"],
    "output_modality": lambda value: value[0],
    "input_format": lambda value: _FORMAT_NAMES[value["type"]],
    "output_format": lambda value: _FORMAT_NAMES[value["type"]],
    "turn_detection": _decode_detection,
    "transcription": _decode_transcription,
    "noise_reduction": lambda value: None if value is None else value["type"],
    "truncation": _decode_truncation,
    "tool_choice": lambda value: value if isinstance(value, str) else unchecked(CallFunction, name=value["name"]),
    "reasoning_effort": lambda value: SERVER_DEFAULT if value is None else value.get("effort", SERVER_DEFAULT),
    "parallel_tool_calls": lambda value: SERVER_DEFAULT if value is None else value,
    "tracing": lambda value: (
        value if value is None or isinstance(value, str) else unchecked(Tracing, **_known(Tracing, value))
    ),
}
