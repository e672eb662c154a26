"""Items: what the wire shows of one, what only the server knows, and how a request counts it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from ..audio.formats import PCM16, AudioFormat
from ..protocol.frames import pcm_to_base64
from .accounting import (
    MESSAGE_FRAMING_TOKENS,
    Span,
    assistant_audio_tokens,
    count_text,
    reply_text_tokens,
    user_audio_tokens,
)
from .prompt import Line, ToolCall
from .responder import DEAF

MAX_RETRIEVED_BYTES = 1000 * 1024
"""An item that is larger with its audio and images is retrieved without them: no frame may pass 1 MiB."""


@dataclass
class Sound:
    """Audio of one content part.

    Attributes:
        format: How `data` is encoded.
        heard: Words recognised in it; `None` until known.
    """

    data: bytearray
    format: AudioFormat = PCM16
    heard: str | None = None

    @property
    def length_ms(self) -> float:
        """Length in milliseconds."""
        return self.format.duration_ms(self.data)


@dataclass
class Picture:
    """An image of one content part.

    Attributes:
        url: Its `data:` URL.
        tokens: What it counts, an estimate.
    """

    url: str
    tokens: int


@dataclass(eq=False)
class Item:
    """One item of the conversation.

    Attributes:
        wire: The item as events show it: without audio and images.
        sounds: Audio by content index.
        pictures: Images by content index.
        previous_id: The item it was put after; `None` when it came first.
        is_cut: Whether its audio was truncated: nothing is added to it any more.
        is_in_window: Whether requests still read it; automatic truncation leaves it out for good.
    """

    wire: dict[str, Any]
    sounds: dict[int, Sound] = field(default_factory=dict)
    pictures: dict[int, Picture] = field(default_factory=dict)
    previous_id: str | None = None
    is_cut: bool = False
    is_in_window: bool = True

    @property
    def id(self) -> str:
        """The item's id."""
        return str(self.wire["id"])

    @property
    def role(self) -> str | None:
        """`user`, `assistant`, `system`, or `None` for function items."""
        return self.wire.get("role")

    @property
    def call_id(self) -> str | None:
        """What ties a function call to its output."""
        return self.wire.get("call_id")

    @property
    def is_spoken_reply(self) -> bool:
        """Whether this is assistant audio, which can be truncated."""
        return self.role == "assistant" and (self.is_cut or any(sound.data for sound in self.sounds.values()))

    @property
    def media_bytes(self) -> int:
        """Bytes of its audio and images."""
        sounds = sum(len(sound.data) for sound in self.sounds.values())
        return sounds + sum(len(picture.url) for picture in self.pictures.values())

    @property
    def text(self) -> str:
        """All text and transcripts that the wire shows."""
        content = self.wire.get("content", [])
        return " ".join(part.get("text") or part.get("transcript") or "" for part in content).strip()

    def truncate(self, content_index: int, audio_end_ms: int) -> None:
        """Cut the audio of a part and forget its words: nobody knows which of them are left."""
        sound = self.sounds[content_index]
        del sound.data[audio_end_ms * sound.format.bytes_per_ms :]
        self.is_cut = True
        self.drop_transcript()

    def drop_transcript(self) -> None:
        """Forget the words of the audio."""
        for index in self.sounds:
            self.wire["content"][index].pop("transcript", None)

    def with_media(self) -> dict[str, Any]:
        """The item as `conversation.item.retrieved` shows it; media that would make the frame too large stay out."""
        size = len(orjson.dumps(self.wire))
        size += sum(len(sound.data) * 4 // 3 for sound in self.sounds.values())
        size += sum(len(picture.url) for picture in self.pictures.values())
        if size > MAX_RETRIEVED_BYTES or "content" not in self.wire:  # calls and their outputs have none
            return self.wire
        content = [dict(part) for part in self.wire["content"]]
        for index, sound in self.sounds.items():
            content[index]["audio"] = pcm_to_base64(bytes(sound.data))
        for index, picture in self.pictures.items():
            content[index]["image_url"] = picture.url
        return {**self.wire, "content": content}

    def as_line(self) -> Line | None:
        """How the responder reads the item; `None` when it holds nothing to read."""
        match self.wire["type"], self.role:
            case "function_call_output", _:
                return Line("tool", str(self.wire.get("output", "")), call_id=self.call_id)
            case "function_call", _:
                return Line("assistant", "", ToolCall(self.wire["name"], _arguments(self.wire)), self.call_id)
            case "message", "user":
                images = tuple(picture.url for picture in self.pictures.values())
                return Line("user", self._words_of_user(), images=images)
            case "message", "assistant":
                return Line("assistant", self.text)
            case "message", _:
                return Line("system", self.text)
        return None

    def _words_of_user(self) -> str:
        words = [
            (DEAF if self.sounds[index].heard is None else self.sounds[index].heard)
            if index in self.sounds
            else part.get("text", "")
            for index, part in enumerate(self.wire["content"])
        ]
        return " ".join(word for word in words if word).strip()

    def spans(self, *, with_audio: bool = True) -> list[Span]:
        """How a request counts the item.

        Args:
            with_audio: Whether its audio is read, or only the text of it.
        """
        if self.wire["type"] != "message":
            body = f"{self.wire.get('name', '')} {self.wire.get('arguments', '')} {self.wire.get('output', '')}"
            return [Span("text", MESSAGE_FRAMING_TOKENS + count_text(body), f"{self.id}:{body}")]
        readable = self._readable_text()
        spans = [Span("text", MESSAGE_FRAMING_TOKENS + self._text_tokens(readable), f"{self.id}:{readable}")]
        count = assistant_audio_tokens if self.role == "assistant" else user_audio_tokens
        if with_audio:
            for index, sound in self.sounds.items():
                key = f"{self.id}[{index}]:{len(sound.data)} bytes"
                spans.append(Span("audio", count(sound.length_ms), key))
        for index, picture in self.pictures.items():
            spans.append(Span("image", picture.tokens, f"{self.id}[{index}]:image"))
        return spans

    def _readable_text(self) -> str:
        """Text in the context. The transcript of user audio comes from another model and is not in it."""
        if self.role == "assistant":
            return self.text
        return " ".join(part["text"] for part in self.wire["content"] if part.get("text"))

    def _text_tokens(self, readable: str) -> int:
        if self.sounds and self.role == "assistant":
            return reply_text_tokens(readable, spoken=True) if readable else 0
        return count_text(readable)


def _arguments(wire: dict[str, Any]) -> dict[str, Any]:
    try:
        arguments = orjson.loads(wire["arguments"])
    except orjson.JSONDecodeError:
        return {}
    return arguments if isinstance(arguments, dict) else {}


def prefix_spans(instructions: str, tools: list[dict[str, Any]]) -> list[Span]:
    """The part of a request that stands before every item."""
    spans = [Span("text", MESSAGE_FRAMING_TOKENS + count_text(instructions), f"instructions:{instructions}")]
    if tools:
        body = orjson.dumps(tools).decode()
        spans.append(Span("text", count_text(body), f"tools:{body}"))
    return spans
