"""A realtime server without a model: it plays a script of events at fixed times, and notes what arrives when.

The same script for whoever connects. The shape of its events, and the share of audio in them, are those of recorded
turns of the service. Times are of `time.monotonic`, which other processes of the machine share.
"""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from card import last_mark, reply_pcm
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Event = dict[str, Any]
DELTA_MS = 250
PACE_S = DELTA_MS / 8 / 1000
"""Between two deltas: eight times as fast as speech, as our simulator does."""
WORD = "and then "

PCM = {"type": "audio/pcm", "rate": 24_000}
SESSION = {
    "type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "gpt-realtime-2.1-mini",
    "output_modalities": ["audio"], "instructions": "Be brief.", "tools": [], "tool_choice": "auto",
    "max_output_tokens": "inf", "tracing": None, "truncation": "auto", "prompt": None, "expires_at": 4_000_000_000,
    "audio": {
        "input": {
            "format": PCM, "transcription": {"model": "gpt-transcribe", "language": None, "prompt": None},
            "noise_reduction": None,
            "turn_detection": {
                "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
                "idle_timeout_ms": None, "create_response": True, "interrupt_response": True,
            },
        },
        "output": {"format": PCM, "voice": "marin", "speed": 1.0},
    },
    "include": None,
}  # fmt: skip
USAGE = {
    "total_tokens": 320, "input_tokens": 132, "output_tokens": 188,
    "input_token_details": {
        "text_tokens": 59, "audio_tokens": 73, "image_tokens": 0, "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 64, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 41, "audio_tokens": 147},
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """An event to send.

    Attributes:
        at_s: After the beginning of the script.
        event: What is sent.
        note: What it is noted as; empty: it is not.
    """

    at_s: float
    event: Event
    note: str = ""


@dataclass
class Run:
    """What happened to one connection."""

    began_s: float = 0.0
    sent: list[tuple[str, float]] = field(default_factory=list)
    heard: list[tuple[int, float]] = field(default_factory=list)
    """Of each piece of audio, its last mark, and when it was here."""
    is_over: asyncio.Event = field(default_factory=asyncio.Event)


def event(kind: str, **fields: object) -> Event:
    return {"type": kind, "event_id": "event_DoS5vO1Pq7rS9tU2vW4xY", **fields}


def question(number: int) -> list[tuple[float, Event]]:
    """The user's turn, from speech to the response to it; times before the first sound of the reply."""
    user, previous = f"item_u{number}", f"item_a{number - 1}" if number else None
    item = {
        "id": user, "object": "realtime.item", "type": "message", "status": "completed", "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }  # fmt: skip
    return [
        (-0.55, event("input_audio_buffer.speech_stopped", audio_end_ms=2000, item_id=user)),
        (-0.55, event("input_audio_buffer.committed", previous_item_id=previous, item_id=user)),
        (-0.55, event("conversation.item.added", previous_item_id=previous, item=item)),
        (-0.55, event("conversation.item.done", previous_item_id=previous, item=item)),
        (-0.45, event("response.created", response=response(number, "in_progress"))),
    ]


def response(number: int, status: str) -> dict[str, Any]:
    is_over = status != "in_progress"
    return {
        "object": "realtime.response", "id": f"resp_{number}", "status": status,
        "status_details": {"type": "cancelled", "reason": "turn_detected"} if status == "cancelled" else None,
        "output": [reply_item(number, "completed" if status == "completed" else "incomplete")] if is_over else [],
        "conversation_id": "conv_1", "output_modalities": ["audio"], "max_output_tokens": "inf",
        "audio": {"output": {"format": PCM, "voice": "marin"}}, "usage": USAGE if is_over else None, "metadata": None,
    }  # fmt: skip


def reply_item(number: int, status: str) -> dict[str, Any]:
    content = [] if status == "in_progress" else [{"type": "output_audio", "transcript": WORD * 8}]
    return {
        "id": f"item_a{number}", "object": "realtime.item", "type": "message", "status": status, "role": "assistant",
        "content": content,
    }  # fmt: skip


def reply(
    number: int,
    at_s: float,
    arrivals_s: list[float],
    delta_ms: int = DELTA_MS,
    cut_s: float | None = None,
) -> Iterator[Step]:
    """A spoken turn.

    Args:
        number: Which.
        at_s: When the first sound of the reply comes.
        arrivals_s: When each delta comes, after the first.
        delta_ms: Audio in a delta.
        cut_s: When the user interrupts, after the first sound; the rest is not made.
    """
    ids = {"response_id": f"resp_{number}", "item_id": f"item_a{number}", "output_index": 0, "content_index": 0}
    indexed = {"response_id": f"resp_{number}", "output_index": 0}
    words = {"part": {"type": "audio", "transcript": WORD * 8}}
    for before_s, one in question(number):
        yield Step(at_s + before_s, one)
    item = reply_item(number, "in_progress")
    yield Step(at_s - 0.12, event("response.output_item.added", **indexed, item=item))
    yield Step(at_s - 0.12, event("conversation.item.added", previous_item_id=f"item_u{number}", item=item))
    yield Step(at_s - 0.12, event("response.content_part.added", **ids, part={"type": "audio", "transcript": ""}))
    yield Step(
        at_s - 0.05,
        event(
            "conversation.item.input_audio_transcription.completed", item_id=f"item_u{number}", content_index=0,
            transcript="Tell me a story.", usage={"type": "duration", "seconds": 1},
        ),
    )  # fmt: skip
    for index, after_s in enumerate(arrivals_s):
        if cut_s is not None and after_s >= cut_s:
            break
        audio = base64.b64encode(reply_pcm(number, index * delta_ms, delta_ms)).decode()
        text = event("response.output_audio_transcript.delta", **ids, delta=WORD, obfuscation="x" * 7)
        yield Step(at_s + after_s, text)
        yield Step(
            at_s + after_s, event("response.output_audio.delta", **ids, delta=audio), "" if index else f"first {number}"
        )
    generated_s = at_s + arrivals_s[-1] + 0.005
    is_cancelled = cut_s is not None and at_s + cut_s < generated_s
    cut = Step(
        at_s + (cut_s or 0),
        event("input_audio_buffer.speech_started", audio_start_ms=1000, item_id=f"item_u{number + 1}"),
        f"cut {number}",
    )
    if is_cancelled:
        yield cut
        generated_s = cut.at_s
    status = "incomplete" if is_cancelled else "completed"
    done = reply_item(number, status)
    yield Step(generated_s, event("response.output_audio.done", **ids))
    yield Step(generated_s, event("response.output_audio_transcript.done", **ids, transcript=WORD * 8))
    yield Step(generated_s, event("response.content_part.done", **ids, **words))
    yield Step(generated_s, event("conversation.item.done", previous_item_id=f"item_u{number}", item=done))
    yield Step(generated_s, event("response.output_item.done", **indexed, item=done))
    final = response(number, "cancelled" if is_cancelled else "completed")
    yield Step(generated_s, event("response.done", response=final), f"done {number}")
    if cut_s is not None and not is_cancelled:
        yield cut


def steady(length_ms: int, pace_s: float = PACE_S, delta_ms: int = DELTA_MS) -> list[float]:
    return [index * pace_s for index in range(length_ms // delta_ms)]


def jittery(length_ms: int, delta_ms: int, rng: random.Random, most_s: float) -> list[float]:
    """At the speed of speech, each delta late by up to `most_s`; none overtakes another."""
    arrivals = [0.0]
    for index in range(1, length_ms // delta_ms):
        due_s = index * delta_ms / 1000
        arrivals.append(max(arrivals[-1], due_s + rng.uniform(0, most_s)))
    return arrivals


class ScriptedServer:
    """Plays the script that a connection asks for in place of a model."""

    def __init__(self, scripts: dict[str, list[Step]]) -> None:
        self._scripts = {
            name: [(step.at_s, orjson.dumps(step.event).decode(), step.note) for step in steps]
            for name, steps in scripts.items()
        }
        self.runs: dict[str, list[Run]] = {}
        self.url = ""

    @asynccontextmanager
    async def serving(self):
        async with serve(self._serve, "127.0.0.1", 0, compression=None, max_size=None, ping_interval=None) as server:
            port = server.sockets[0].getsockname()[1]
            self.url = f"http://127.0.0.1:{port}/v1"
            yield self

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        name = parse_qs(urlsplit(socket.request.path).query)["model"][0]
        run = Run()
        self.runs.setdefault(name, []).append(run)
        playing: asyncio.Task[None] | None = None
        await socket.send(orjson.dumps(event("session.created", session=SESSION)).decode())
        try:
            async for frame in socket:
                now_s = time.monotonic()
                message = orjson.loads(frame)
                if message["type"] == "input_audio_buffer.append":
                    run.heard.append((last_mark(base64.b64decode(message["audio"])), now_s))
                elif message["type"] == "session.update":
                    await socket.send(orjson.dumps(event("session.updated", session=SESSION)).decode())
                    playing = playing or asyncio.create_task(self._play(socket, name, run))
        except ConnectionClosed:
            pass
        finally:
            if playing is not None:
                playing.cancel()

    async def _play(self, socket: ServerConnection, name: str, run: Run) -> None:
        run.began_s = time.monotonic() + 0.5
        for at_s, frame, note in self._scripts[name.partition("~")[0]]:
            if (wait_s := run.began_s + at_s - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            if note:
                run.sent.append((note, time.monotonic()))
            await socket.send(frame)
        run.is_over.set()
