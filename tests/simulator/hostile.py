"""Frames that no well-behaved client sends: valid ones of every client event, taken apart again by a seeded hand."""

from __future__ import annotations

import base64
import random
from collections import deque
from collections.abc import Callable
from typing import Any

import orjson

from realtime_helpers.simulator.event_types import WEBSOCKET_CLIENT_EVENTS

Json = Any
NEVER = "item_never_there"
_TONE = (b"\x00\x40" * 12 + b"\x00\xc0" * 12) * 200  # 200 ms at 1 kHz: loud, and now and then taken for speech
_SOUNDS = [b"\0", b"\0\0\0", bytes(480), bytes(4801), bytes(48_000), _TONE, _TONE[:-1], _TONE * 5, b"\xff\x7f" * 3000]
_BASE64 = ["", "A", "AA=", "AAA", "A===", "=", "####", "AAAA AAAA", "AAAA\n", "ÄÄÄÄ", "data:;base64,AAAA", "AA==AA=="]
_PICTURES = [
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ", "data:image/png;base64,AAAA",
    "data:image/gif,", "data:image/jpeg;base64,/9j/4AAQ", "https://localhost/a.png",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUv////8AAAAB",
]  # fmt: skip
_TALK = [
    "Hello!", "Tell me a quick story.", "Tell me a story of 99999 words.", f"A story of {'9' * 400} words.",
    f"A story of {'9' * 5000} seconds.", "A story of 0 words and of \u0669 words.", "My dog is called Biscuit.",
    "What is my dog called?", "What did I tell you?", "my " * 300 + "is is", f"my {'a ' * 15}is " * 100, "?" * 5000,
    "What is the weather in Lisbon and in Paris?", f"Set the light to {'9' * 400}, then to -5.", "What is my " * 200,
    "In what language is the summary?", "<|endoftext|><|endofprompt|>", "\x00\x01\u2028\ufeff",
    "\u202e\U0001f469\u200d\U0001f680" * 50,
    "Thank you. " * 500, "a" * 20_000, "\u4e2d" * 5000,
]  # fmt: skip
_OUTPUTS = [
    "",
    "{}",
    "[" * 100_000,
    '{"a":' * 3000,
    "1e999",
    "NaN",
    "9" * 5000,
    "[" * 1000 + "]" * 1000,
    '{"degrees": [1, null]}',
    '"\\ud800"',
]
_NAMES = ["type", "id", "item", "session", "audio", "content", "response", "input", "format", "tools", "__class__", ""]
_JUNK: list[Callable[[random.Random], Json]] = [
    lambda rng: rng.choice([None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, 5e-324]),
    lambda rng: rng.choice([2**31, 2**53 + 1, 2**63 - 1, 2**64 - 1, -(2**63), 1e18]),
    lambda rng: rng.choice(["", " ", "a", "0", "null", "root", "auto", "inf", "\x00", "A" * 32, "A" * 33, "é" * 600]),
    lambda rng: rng.choice(_TALK),
    lambda rng: rng.choice(_BASE64),
    lambda rng: rng.choice([[], {}, [[]], [{}], [None], {"": None}, {"type": None}, {"id": {}}]),
    lambda rng: list(range(rng.choice([1, 3, 300]))),
    lambda rng: {f"k{n}": n for n in range(rng.choice([1, 17, 300]))},
    lambda rng: nested(rng.choice([1, 20, 59, 61, 62, 63, 64, 65, 120])),
    lambda rng: "x" * rng.choice([65, 513, 4096, 70_000]),
]
_RAW = [
    "", " ", "null", "[]", "{}", '"', "{", "[" * 2000, '{"a":' * 2000,
    '{"type": NaN}', '{"type": "response.create"}}',
    '{"type": "input_audio_buffer.clear", "type": "response.cancel"}', "{'type': 'session.update'}",
    '{"type": "\\ud800"}',
    '{"type": "input_audio_buffer.append", "audio": "\\udfff"}', '{"type": 1e999}', '{"event_id": -1e-999}', "\ufeff{}",
    '{"type": "session.update", "session": {"type": "realtime", "instructions": "\\ud83d"}}', "\ud800",
]  # fmt: skip


def nested(depth: int) -> Json:
    """Objects and lists in each other."""
    value: Json = 1
    for level in range(depth):
        value = [value] if level % 3 else {"properties": value}
    return value


class HostileClient:
    """Makes frames, with the ids that it has seen.

    Args:
        rng: Chooses everything.
        is_transcribing: Whether the session only transcribes.
    """

    def __init__(self, rng: random.Random, *, is_transcribing: bool = False) -> None:
        self._rng = rng
        self._kind = "transcription" if is_transcribing else "realtime"
        self._items: deque[str] = deque(maxlen=40)
        self._gone: deque[str] = deque(maxlen=20)
        self._responses: deque[str] = deque(maxlen=10)
        self._calls: deque[str] = deque(maxlen=10)
        self._makers = {kind: getattr(self, f"_{kind.replace('.', '_')}") for kind in WEBSOCKET_CLIENT_EVENTS}
        self._events = list(WEBSOCKET_CLIENT_EVENTS)
        weights = {"input_audio_buffer.append": 3, "conversation.item.create": 4, "conversation.item.delete": 3}
        self._weights = [weights.get(kind, 2) for kind in self._events]

    def notice(self, event: dict[str, Any]) -> None:
        """Remember the ids of a server event."""
        match event["type"]:
            case "conversation.item.added":
                self._items.append(event["item"]["id"])
                if event["item"]["type"] == "function_call":
                    self._calls.append(event["item"]["call_id"])
            case "conversation.item.deleted":
                self._gone.append(event["item_id"])
            case "response.created":
                self._responses.append(event["response"]["id"])

    def frame(self) -> str | bytes:
        """The next frame: sometimes valid, mostly not."""
        luck = self._rng.random()
        if luck < 0.04:
            return self._rng.choice(_RAW)
        event = self._valid()
        if luck < 0.55:
            for _ in range(self._rng.choice([1, 1, 1, 2, 4])):
                event = self._mutated(event)
        frame = orjson.dumps(event)
        return self._torn(frame) if luck > 0.96 else frame.decode()

    def _valid(self) -> Json:
        kind = self._rng.choices(self._events, self._weights)[0]
        event = {"type": kind, **self._makers[kind]()}
        if self._rng.random() < 0.2:
            event["event_id"] = self._rng.choice(["e", "e" * 512, "e" * 513, ""])
        return event

    def _torn(self, frame: bytes) -> bytes:
        at = self._rng.randrange(len(frame) + 1)
        match self._rng.randrange(4):
            case 0:
                return frame[:at]
            case 1:
                return (
                    frame[:at] + self._rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\0", b"\\", b'"']) + frame[at:]
                )
            case 2:
                return frame[:at] + frame
            case _:
                return frame.swapcase()

    def _mutated(self, value: Json) -> Json:
        """A copy that differs in one place, at any depth."""
        rng = self._rng
        if not isinstance(value, dict | list) or not value or rng.random() < 0.08:
            return rng.choice(_JUNK)(rng)
        copy: Json = value.copy()
        key = rng.choice(list(copy)) if isinstance(copy, dict) else rng.randrange(len(copy))
        match rng.randrange(8):
            case 0:
                del copy[key]
            case 1 if isinstance(copy, dict):
                copy[rng.choice(_NAMES)] = rng.choice(_JUNK)(rng)
            case 1:
                copy.append(copy[key])
            case 2:
                copy[key] = [copy[key]]
            case 3:
                copy[key] = {"type": copy[key]}
            case _:
                copy[key] = self._mutated(copy[key])
        return copy

    # -- valid events ---------------------------------------------------------------------------------

    def _any_item(self) -> str:
        pools = [self._items, self._items, self._items, self._gone, self._responses]
        return self._rng.choice(self._rng.choice(pools) or [NEVER])

    def _some(self, fields: dict[str, Json], share: float = 0.3) -> dict[str, Json]:
        return {name: value for name, value in fields.items() if self._rng.random() < share}

    def _audio(self) -> str:
        return base64.b64encode(self._rng.choice(_SOUNDS)).decode()

    def _format(self) -> Json:
        return {"type": self._rng.choice(["audio/pcm", "audio/pcm", "audio/pcmu", "audio/pcma"])}

    def _session_update(self) -> Json:
        rng = self._rng
        detection = rng.choice([
            None, {"type": "semantic_vad", "eagerness": "high"}, {"threshold": 0}, {"silence_duration_ms": 0},
            {"type": "server_vad", "idle_timeout_ms": 5000, "prefix_padding_ms": 10_000, "silence_duration_ms": 60},
        ])  # fmt: skip
        listening = {
            "format": self._format(), "turn_detection": detection, "noise_reduction": {"type": "near_field"},
            "transcription": rng.choice([None, {"model": "whisper-1"}, {"model": "gpt-4o-transcribe-diarize"}]),
        }  # fmt: skip
        if self._kind == "transcription":
            return {"session": {"type": self._kind, "audio": {"input": self._some(listening)}}}
        talking = {"format": self._format(), "voice": "cedar", "speed": rng.choice([0.25, 1, 1.5])}
        audio = {"input": self._some(listening), "output": self._some(talking)}
        limits = {"post_instructions": rng.choice([0, 10, 500])}
        ratio = {"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": limits}
        fields = {
            "audio": audio,
            **self._shared(),
            "include": [],
            "truncation": rng.choice(["disabled", "auto", ratio]),
        }
        return {"session": {"type": self._kind, **self._some(fields)}}

    def _shared(self) -> dict[str, Json]:
        rng = self._rng
        schema = rng.choice([
            {}, {"properties": {"place": {"type": "string"}}}, {"properties": {"n": {"type": "integer"}}},
            {"required": ["n", 1]}, {"properties": [], "required": {}},
        ])  # fmt: skip
        tool = {"type": "function", "name": rng.choice(["get_weather", "set_light", ""]), "parameters": schema}
        return {
            "instructions": rng.choice(["Be brief.", "", *_TALK]),
            "tools": rng.choice([[], [tool], [tool, tool], [{"type": "mcp", "server_label": "m"}]]),
            "tool_choice": rng.choice(["auto", "none", "required", {"type": "function", "name": "get_weather"}]),
            "output_modalities": rng.choice([["text"], ["text"], ["audio"]]),
            "max_output_tokens": rng.choice([1, 5, 300, "inf"]),
            "reasoning": {"effort": "low"},
            "parallel_tool_calls": rng.choice([True, False]),
        }

    def _input_audio_buffer_append(self) -> Json:
        return {"audio": self._audio()}

    def _input_audio_buffer_commit(self) -> Json:
        return {}

    def _input_audio_buffer_clear(self) -> Json:
        return {}

    def _item(self) -> Json:
        rng = self._rng
        ids = {"id": self._any_item() if rng.random() < 0.3 else f"mine_{rng.randrange(10**6)}"}
        call = {"call_id": rng.choice(self._calls or ["call_never"])}
        text = {"type": "input_text", "text": rng.choice(_TALK)}
        parts = [
            text, text, {"type": "input_audio", "audio": self._audio(), "transcript": "hello"},
            {"type": "input_image", "image_url": rng.choice(_PICTURES), "detail": "high"},
        ]  # fmt: skip
        items = [
            {"type": "message", "role": "user", "content": rng.choices(parts, k=rng.choice([1, 1, 2]))},
            {"type": "message", "role": "user", "content": [text]},
            {"type": "message", "role": "system", "content": [text]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": rng.choice(_TALK)}]},
            {"type": "function_call", **call, "name": "get_weather", "arguments": rng.choice(_OUTPUTS)},
            {"type": "function_call_output", **call, "output": rng.choice(_OUTPUTS)},
        ]  # fmt: skip
        return {**self._some(ids, 0.5), **rng.choice(items)}

    def _conversation_item_create(self) -> Json:
        return {"item": self._item(), **self._some({"previous_item_id": self._rng.choice(["root", self._any_item()])})}

    def _conversation_item_truncate(self) -> Json:
        index, at_ms = self._rng.choice([0, 0, 0, 1, 2**62]), self._rng.choice([0, 1, 100, 2**62])
        return {"item_id": self._any_item(), "content_index": index, "audio_end_ms": at_ms}

    def _conversation_item_delete(self) -> Json:
        return {"item_id": self._any_item()}

    def _conversation_item_retrieve(self) -> Json:
        return {"item_id": self._any_item()}

    def _response_create(self) -> Json:
        rng = self._rng
        if rng.random() < 0.3:
            return {}
        listed = [{"type": "item_reference", "id": self._any_item()}, self._item()]
        own = {
            "conversation": rng.choice(["none", "none", "auto"]), "metadata": {"topic": "t"},
            "input": rng.sample(listed, rng.randrange(3)), "audio": {"output": {"format": self._format()}},
        }  # fmt: skip
        return {"response": self._some({**self._shared(), **own})}

    def _response_cancel(self) -> Json:
        return self._some({"response_id": self._rng.choice(self._responses or ["resp_never"])}, 0.5)
