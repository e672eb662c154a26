"""The server's conversation: ordered items, and how a request reads them. Pure.

An item holds what the wire shows and what only the server knows: its audio, and the words heard in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from ..audio.formats import BYTES_PER_MS
from ..protocol.frames import base64_to_pcm, pcm_to_base64
from ..protocol.ids import MAX_ITEM_ID_LENGTH
from .accounting import (
    MESSAGE_FRAMING_TOKENS,
    Span,
    assistant_audio_tokens,
    count_text,
    reply_text_tokens,
    user_audio_tokens,
)
from .prompt import Line
from .protocol_error import ProtocolError, missing, optional_text, unsupported
from .responder import DEAF


@dataclass
class Item:
    """One item of the conversation.

    Attributes:
        wire: The item as events show it (without audio).
        pcm: Its audio, PCM16 24 kHz; empty for text.
        heard: Words recognised in user audio; `None` until known.
        previous_id: The item it was put after; `None` when it came first.
        is_cut: Whether its audio was truncated: nothing is added to it any more.
    """

    wire: dict[str, Any]
    pcm: bytearray = field(default_factory=bytearray)
    heard: str | None = None
    previous_id: str | None = None
    is_cut: bool = False

    @property
    def id(self) -> str:
        """The item's id."""
        return str(self.wire["id"])

    @property
    def role(self) -> str | None:
        """`user`, `assistant`, `system`, or `None` for function items."""
        return self.wire.get("role")

    @property
    def audio_ms(self) -> float:
        """Length of its audio in milliseconds."""
        return len(self.pcm) / BYTES_PER_MS

    @property
    def is_spoken_reply(self) -> bool:
        """Whether this is assistant audio, which can be truncated."""
        return self.role == "assistant" and bool(self.pcm)

    @property
    def text(self) -> str:
        """All text or transcript of the item that the wire shows."""
        content = self.wire.get("content", [])
        return " ".join(part.get("text") or part.get("transcript") or "" for part in content).strip()

    def drop_transcript(self) -> None:
        """Forget the words: after a truncation nobody knows which of them are left."""
        self.wire["content"][0].pop("transcript", None)

    def with_audio(self) -> dict[str, Any]:
        """The item as `conversation.item.retrieved` shows it."""
        if not self.pcm:
            return self.wire
        part = {**self.wire["content"][0], "audio": pcm_to_base64(bytes(self.pcm))}
        return {**self.wire, "content": [part, *self.wire["content"][1:]]}

    def as_line(self) -> Line | None:
        """How the responder reads the item; `None` when it holds nothing to read."""
        kind = self.wire["type"]
        if kind == "function_call_output":
            return Line("tool", str(self.wire.get("output", "")))
        if kind != "message":
            return None
        if self.role == "user":
            words = self.text if not self.pcm else (DEAF if self.heard is None else self.heard)
            return Line("user", words)
        return Line("system" if self.role == "system" else "assistant", self.text)

    def spans(self) -> list[Span]:
        """How a request counts the item."""
        kind = self.wire["type"]
        if kind == "message":
            readable = "" if self.role == "user" and self.pcm else self.text
            spans = [Span("text", MESSAGE_FRAMING_TOKENS + self._text_tokens(), f"{self.id}:{readable}")]
            if self.pcm:
                tokens = (assistant_audio_tokens if self.role == "assistant" else user_audio_tokens)(self.audio_ms)
                spans.append(Span("audio", tokens, f"{self.id}:{len(self.pcm)} bytes"))
            return spans
        body = f"{self.wire.get('name', '')} {self.wire.get('arguments', '')} {self.wire.get('output', '')}"
        return [Span("text", MESSAGE_FRAMING_TOKENS + count_text(body), f"{self.id}:{body}")]

    def _text_tokens(self) -> int:
        if self.role == "user" and self.pcm:
            return 0  # the transcript of user audio comes from another model and is not in the context
        if self.is_spoken_reply:
            return reply_text_tokens(self.text, spoken=True) if self.text else 0
        return count_text(self.text)


def prefix_spans(instructions: str, tools: list[dict[str, Any]]) -> list[Span]:
    """The part of a request that stands before every item."""
    spans = [Span("text", MESSAGE_FRAMING_TOKENS + count_text(instructions), f"instructions:{instructions}")]
    if tools:
        body = orjson.dumps(tools).decode()
        spans.append(Span("text", count_text(body), f"tools:{body}"))
    return spans


class Conversation:
    """Ordered items with unique ids."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._by_id: dict[str, Item] = {}

    @property
    def items(self) -> list[Item]:
        """The items in order."""
        return list(self._items)

    @property
    def has_assistant_audio(self) -> bool:
        """Whether the voice is locked."""
        return any(item.is_spoken_reply for item in self._items)

    def get(self, item_id: str, operation: str) -> Item:
        """An item by id.

        Args:
            operation: `delete`, `retrieve` or `truncate`, for the error's code and words.

        Raises:
            ProtocolError: No such item.
        """
        if item_id not in self._by_id:
            verb = {"delete": "deleting", "retrieve": "retrieving", "truncate": "truncating"}[operation]
            raise ProtocolError(
                f"item_{operation}_invalid_item_id",
                f"Error {verb} item: the item with id '{item_id}' does not exist.",
            )
        return self._by_id[item_id]

    def find(self, item_id: str) -> Item | None:
        """An item by id, or `None`."""
        return self._by_id.get(item_id)

    def insert(self, item: Item, previous_item_id: str | None = None) -> None:
        """Insert after an item, first with `root`, last with `None` or an empty string.

        Raises:
            ProtocolError: The id is taken, or the previous item does not exist.
        """
        if item.id in self._by_id:
            raise ProtocolError(
                "item_create_duplicate_item_id",
                f"Error adding item: an item with id '{item.id}' already exists.",
            )
        if not previous_item_id:
            position = len(self._items)
        elif previous_item_id == "root":
            position = 0
        elif previous_item_id in self._by_id:
            position = self._items.index(self._by_id[previous_item_id]) + 1
        else:
            raise ProtocolError(
                "item_create_invalid_previous_item_id",
                f"Error adding item: the previous item with id '{previous_item_id}' does not exist.",
            )
        self._items.insert(position, item)
        self._by_id[item.id] = item
        item.previous_id = self._items[position - 1].id if position else None

    def delete(self, item_id: str) -> None:
        """Remove an item.

        Raises:
            ProtocolError: No such item.
        """
        self._items.remove(self.get(item_id, "delete"))
        del self._by_id[item_id]

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        """Cut assistant audio and drop its transcript (reference §2.2, §3.5).

        Raises:
            ProtocolError: No such item, not assistant audio, or shorter than that already.
        """
        item = self.get(item_id, "truncate")
        if not item.is_spoken_reply:
            raise ProtocolError("unsupported_content_type", "Only model output audio messages can be truncated")
        if audio_end_ms > item.audio_ms:
            raise ProtocolError(
                "invalid_value",
                f"Audio content of {int(item.audio_ms)}ms is already shorter than {audio_end_ms}ms",
                "audio_end_ms",
            )
        del item.pcm[audio_end_ms * BYTES_PER_MS :]
        item.is_cut = True
        item.drop_transcript()


_CONTENT_TYPES = {
    "user": ["input_text", "input_audio"],
    "system": ["input_text"],
    "assistant": ["output_text"],
}


def item_from_client(raw: Any, new_id: str) -> Item:
    """Check and build an item the client sent (reference §2.3).

    Raises:
        ProtocolError: Anything about it is wrong.
    """
    if not isinstance(raw, dict):
        raise missing("item")
    item_id = raw.get("id") or new_id
    if not isinstance(item_id, str) or len(item_id) > MAX_ITEM_ID_LENGTH:
        raise ProtocolError(
            "string_above_max_length",
            f"Invalid 'item.id': string too long. Expected a string with maximum length {MAX_ITEM_ID_LENGTH}, "
            f"but got a string with length {len(str(item_id))} instead.",
            "item.id",
        )
    match raw.get("type"):
        case "message":
            return _message(raw, item_id)
        case "function_call":
            return Item({"id": item_id, "type": "function_call", "status": "completed",
                         "name": _text(raw, "name"), "call_id": _text(raw, "call_id"),
                         "arguments": _text(raw, "arguments")})  # fmt: skip
        case "function_call_output":
            return Item({"id": item_id, "type": "function_call_output", "call_id": _text(raw, "call_id"),
                         "output": _text(raw, "output")})  # fmt: skip
        case None:
            raise missing("item.type")
        case other:
            raise unsupported(other, ["message", "function_call", "function_call_output"], "item.type")


def _message(raw: dict[str, Any], item_id: str) -> Item:
    role = raw.get("role")
    if not isinstance(role, str) or role not in _CONTENT_TYPES:
        raise unsupported(role, list(_CONTENT_TYPES), "item.role") if role else missing("item.role")
    content = raw.get("content")
    if not isinstance(content, list) or not content:
        raise missing("item.content")
    pcm = bytearray()
    shown: list[dict[str, Any]] = []
    for index, part in enumerate(content):
        path = f"item.content[{index}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if role == "assistant" and kind == "output_audio":
            raise missing(f"{path}.text")  # assistant audio cannot be inserted (reference §2.4)
        if kind not in _CONTENT_TYPES[role]:
            raise unsupported(kind, _CONTENT_TYPES[role], f"{path}.type")
        if kind == "input_audio":
            pcm += audio_from(part.get("audio"), f"{path}.audio")
            shown.append({"type": "input_audio", "transcript": optional_text(part, "transcript", f"{path}.")})
        else:
            text = part.get("text")
            if not isinstance(text, str):
                raise missing(f"{path}.text")
            shown.append({"type": kind, "text": text})
    return Item({"id": item_id, "type": "message", "status": "completed", "role": role, "content": shown}, pcm)


def audio_from(text: object, path: str) -> bytes:
    """Audio bytes of a base64 field.

    Raises:
        ProtocolError: Not base64, or empty.
    """
    problem = "but got an invalid value."
    try:
        pcm = base64_to_pcm(text) if isinstance(text, str) else b""
        if pcm:
            return pcm
        if isinstance(text, str):
            problem = "but got empty bytes."
    except ValueError:
        pass
    raise ProtocolError(
        "invalid_value",
        f"Invalid '{path}'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) {problem}",
        path,
    )


def _text(raw: dict[str, Any], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str):
        raise missing(f"item.{name}")
    return value
