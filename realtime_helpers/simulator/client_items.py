"""Items that a client sends: checked and built (reference §2.3, §2.4). Pure."""

from __future__ import annotations

import base64
import binascii
import io
import re
from typing import Any

from ..audio.formats import AudioFormat
from ..protocol.frames import base64_to_pcm, encode
from ..protocol.ids import MAX_ITEM_ID_LENGTH
from .accounting import image_tokens
from .items import Item, Picture, Sound
from .protocol_error import ProtocolError, missing, optional_text, unsupported

MAX_ITEM_BYTES = 512 * 1024
"""Largest text of an item: it is echoed twice, and no frame may pass 1 MiB."""

_CONTENT_TYPES = {
    "user": ["input_text", "input_audio", "input_image"],
    "system": ["input_text"],
    "assistant": ["output_text"],
}
_ITEM_TYPES = ["message", "function_call", "function_call_output", "mcp_approval_response"]
_DATA_URL = re.compile(r"data:image/(?:png|jpeg);base64,")


def item_from_client(raw: Any, new_id: str, audio_format: AudioFormat) -> Item:
    """Check and build an item.

    Args:
        raw: What the client sent.
        new_id: Its id when the client gave none.
        audio_format: How its audio is encoded: the session's input format.

    Raises:
        ProtocolError: Anything about it is wrong.
    """
    if not isinstance(raw, dict):
        raise missing("item")
    item = _build(raw, _id_of(raw, new_id), audio_format)
    if len(encode(item.wire).encode()) > MAX_ITEM_BYTES:
        raise ProtocolError(
            "string_above_max_length", f"Invalid 'item': its text is longer than {MAX_ITEM_BYTES} bytes.", "item"
        )
    return item


def _id_of(raw: dict[str, Any], new_id: str) -> str:
    item_id = optional_text(raw, "id", "item.") or new_id
    if len(item_id) > MAX_ITEM_ID_LENGTH:
        raise ProtocolError(
            "string_above_max_length",
            f"Invalid 'item.id': string too long. Expected a string with maximum length {MAX_ITEM_ID_LENGTH}, "
            f"but got a string with length {len(item_id)} instead.",
            "item.id",
        )
    return item_id


def _build(raw: dict[str, Any], item_id: str, audio_format: AudioFormat) -> Item:
    match raw.get("type"):
        case "message":
            return _message(raw, item_id, audio_format)
        case "function_call":
            return Item({"id": item_id, "type": "function_call", "status": "completed",
                         "name": _text(raw, "name"), "call_id": _text(raw, "call_id"),
                         "arguments": _text(raw, "arguments")})  # fmt: skip
        case "function_call_output":
            return Item({"id": item_id, "type": "function_call_output", "call_id": _text(raw, "call_id"),
                         "output": _text(raw, "output")})  # fmt: skip
        case "mcp_approval_response":
            request_id = _text(raw, "approval_request_id")
            raise ProtocolError(
                "item_create_invalid_approval_request_id",
                f"Error adding item: there is no approval request '{request_id}'. MCP is not simulated.",
                "item.approval_request_id",
            )
        case None:
            raise missing("item.type")
        case other:
            raise unsupported(other, _ITEM_TYPES, "item.type")


def _message(raw: dict[str, Any], item_id: str, audio_format: AudioFormat) -> Item:
    role = raw.get("role")
    if not isinstance(role, str) or role not in _CONTENT_TYPES:
        raise unsupported(role, list(_CONTENT_TYPES), "item.role") if role else missing("item.role")
    content = raw.get("content")
    if not isinstance(content, list) or not content:
        raise missing("item.content")
    item = Item({"id": item_id, "type": "message", "status": "completed", "role": role, "content": []})
    for index, part in enumerate(content):
        path = f"item.content[{index}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if role == "assistant" and kind == "output_audio":
            raise missing(f"{path}.text")  # assistant audio cannot be inserted (reference §2.4)
        if kind not in _CONTENT_TYPES[role]:
            raise unsupported(kind, _CONTENT_TYPES[role], f"{path}.type")
        item.wire["content"].append(_part(item, index, part, path, audio_format))
    return item


def _part(item: Item, index: int, part: dict[str, Any], path: str, audio_format: AudioFormat) -> dict[str, Any]:
    """The part as events show it; its media go to the item."""
    match part["type"]:
        case "input_audio":
            data = audio_from(part.get("audio"), f"{path}.audio", audio_format)
            item.sounds[index] = Sound(bytearray(data), audio_format)
            return {"type": "input_audio", "transcript": optional_text(part, "transcript", f"{path}.")}
        case "input_image":
            detail = part.get("detail") or "auto"
            if detail not in ("auto", "low", "high"):
                raise unsupported(detail, ["auto", "low", "high"], f"{path}.detail")
            item.pictures[index] = _picture(part.get("image_url"), detail, f"{path}.image_url")
            return {"type": "input_image", "detail": detail}
        case kind:
            text = part.get("text")
            if not isinstance(text, str):
                raise missing(f"{path}.text")
            return {"type": kind, "text": text}


def _picture(url: object, detail: str, path: str) -> Picture:
    import imagesize

    width = height = -1
    if isinstance(url, str) and (start := _DATA_URL.match(url)):
        try:
            width, height = imagesize.get(io.BytesIO(base64.b64decode(url[start.end() :], validate=True)))
        except (binascii.Error, ValueError):
            width = height = -1
    if not isinstance(url, str) or width <= 0 or height <= 0:
        raise ProtocolError(
            "invalid_value", f"Invalid '{path}'. Expected a base64-encoded data URL of a PNG or JPEG image.", path
        )
    return Picture(url, image_tokens(int(width), int(height), detail))


def audio_from(text: object, path: str, audio_format: AudioFormat) -> bytes:
    """Audio bytes of a base64 field.

    Raises:
        ProtocolError: Not base64, or empty.
    """
    problem = "but got an invalid value."
    try:
        data = base64_to_pcm(text) if isinstance(text, str) else b""
        if data:
            return data
        if isinstance(text, str):
            problem = "but got empty bytes."
    except ValueError:
        pass
    kind = "mono PCM16 at 24kHz" if audio_format.law is None else f"mono G.711 {audio_format.law}-law at 8kHz"
    raise ProtocolError(
        "invalid_value", f"Invalid '{path}'. Expected base64-encoded audio bytes ({kind}) {problem}", path
    )


def _text(raw: dict[str, Any], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str):
        raise missing(f"item.{name}")
    return value
