"""100,000 hostile frames: nothing crashes, hangs, leaks or grows, and the session works afterwards.

Ears and voice are test parts, real but trivial, because speech is not what is tried here.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import re
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import orjson
import psutil
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as dial

from realtime_helpers.protocol import IdMint
from realtime_helpers.simulator import PACES, Config, Limits, Parts, Simulator
from realtime_helpers.simulator.connection import Connection
from realtime_helpers.simulator.event_types import SERVER_EVENTS
from realtime_helpers.simulator.models import find_model
from realtime_helpers.simulator.responder import BuiltinResponder
from realtime_helpers.simulator.session import ServerSession
from realtime_helpers.simulator.session_config import default_session, default_transcription_session
from realtime_helpers.speech import Speech, Word

from .hostile import HostileClient

FRAMES = 100_000
DEADLINE_S = 3.0
FRAME_BYTES = 1024 * 1024
ERROR_BYTES = 16 * 1024
GROWTH_BYTES = 12 * 1024 * 1024
LIMITS = Limits(items=60, buffer_seconds=20)
LEAK = re.compile(rb"Traceback|\b[A-Z]\w*(?:Error|Exception)\b|NoneType|<class |object at 0x|\.py\b")
KEY = {"Authorization": "Bearer any"}
SOCKET_LIMITS = Limits(items=60, buffer_seconds=20, frame_bytes=512 * 1024)
ROUTINE = set(SERVER_EVENTS) & set(
    """conversation.item.added conversation.item.deleted conversation.item.retrieved
conversation.item.truncated conversation.item.input_audio_transcription.completed input_audio_buffer.cleared
input_audio_buffer.committed input_audio_buffer.speech_started input_audio_buffer.speech_stopped
input_audio_buffer.timeout_triggered mcp_list_tools.failed response.function_call_arguments.done
response.output_audio.delta response.output_text.delta session.updated""".split()
)
"""What a fuzzer that gets beyond the doors brings about."""
OUR_FAULTS = {"internal_error", "simulator_error", "transcription_failed"}
HURRIED = replace(PACES["fast"], is_lockstep=False)  # responses run while frames come: cancels and creates race
MODELS = ["gpt-realtime", "gpt-realtime-2.1-mini"]


class TestEars:
    """Hear the same words in everything."""

    __test__ = False

    def load(self) -> None: ...

    async def hear(self, pcm: bytes, language: str | None, prompt: str | None) -> str:
        await asyncio.sleep(0)
        return "how are you today" if len(pcm) > 480 else ""

    def close(self) -> None: ...


class TestVoice:
    """Speaks silence, ten milliseconds for each character."""

    __test__ = False

    async def speak(self, text: str, voice: str, speed: float) -> Speech:
        await asyncio.sleep(0)
        return Speech(text, bytes(480 * min(len(text), 300)), (Word(0, len(text), 0),))

    def close(self) -> None: ...


def parts() -> Parts:
    return Parts(BuiltinResponder(), TestVoice(), TestEars())


def examine(frame: bytes) -> dict[str, Any]:
    """Whatever leaves the server is well formed, of a bearable size, and tells nothing of its inside."""
    event: dict[str, Any] = orjson.loads(frame)
    assert event["type"] in SERVER_EVENTS, event["type"]
    assert len(frame) <= FRAME_BYTES, (event["type"], len(frame))
    assert not (found := LEAK.search(frame)), (found, frame[:2000])
    details = event.get("response", {}).get("status_details") or {}
    error = event.get("error") or details.get("error")
    if error:
        assert error["code"] not in OUR_FAULTS, error
        assert len(frame) <= ERROR_BYTES or event["type"] == "response.done", frame[:2000]
    return event


class Bout:
    """One connection without a socket under attack."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        is_transcribing = seed % 8 == 7
        self.client = HostileClient(self.rng, is_transcribing=is_transcribing)
        self.last: dict[str, Any] = {}
        self.done: dict[str, Any] = {}
        self.counts: Counter[str] = Counter()
        model = None if is_transcribing else find_model(MODELS[seed % 2])
        if model is None:
            wire = default_transcription_session("sess_1", 1_800_003_600)
        else:
            wire = default_session("sess_1", MODELS[seed % 2], model, 1_800_003_600)
        self.session = ServerSession(
            self._take, wire, model, parts(), IdMint(lambda: 1.8e9, random.Random(seed)),
            PACES["fast"] if seed % 3 else HURRIED, random.Random(seed), lambda: 1.8e9, limits=LIMITS,
            retention="observed" if seed % 5 == 4 else "documented",
        )  # fmt: skip
        self.connection = Connection(self.session)
        self.connection.start()

    def _take(self, event: dict[str, Any]) -> None:
        self.last = examine(orjson.dumps(event))
        self.client.notice(self.last)
        self.counts[event["type"]] += 1
        if event["type"] == "response.done":
            self.done = self.last["response"]

    async def receive(self, frame: str | bytes) -> None:
        started_s = time.perf_counter()
        try:
            async with asyncio.timeout(DEADLINE_S):
                await self.connection.receive(frame)
                await asyncio.sleep(0)
        finally:
            took_s = time.perf_counter() - started_s
            assert took_s < DEADLINE_S, (took_s, frame[:500])

    async def send(self, kind: str, **fields: Any) -> None:
        await self.receive(orjson.dumps({"type": kind, **fields}))

    async def attack(self, frames: int) -> None:
        for _ in range(frames):
            frame = self.client.frame()
            try:
                await self.receive(frame)
            except (AssertionError, TimeoutError) as error:
                error.add_note(f"after {frame[:3000]!r}")
                raise

    async def typed_turn(self) -> dict[str, Any]:
        """Usage of a typed turn in an emptied conversation; what the cache saves depends on what was before."""
        async with asyncio.timeout(DEADLINE_S):
            await self.session.settled()
        for item in self.session.conversation.items:
            await self.send("conversation.item.delete", item_id=item.id)
        session = {"type": "realtime", "instructions": "Be brief.", "tools": [], "tool_choice": "auto",
                   "output_modalities": ["text"], "max_output_tokens": "inf", "truncation": "auto"}  # fmt: skip
        await self.send("session.update", session=session)
        assert self.last["type"] == "session.updated", self.last
        content = [{"type": "input_text", "text": "How are you?"}]
        await self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        done = self.counts["response.done"]
        await self.send("response.create")
        async with asyncio.timeout(DEADLINE_S):
            await self.session.settled()
        assert self.counts["response.done"] == done + 1
        response = self.done
        assert response["status"] == "completed", response
        usage = response["usage"]
        for name in ("cached_tokens", "cached_tokens_details"):
            del usage["input_token_details"][name]
        return usage

    async def transcribed_turn(self) -> None:
        """A pushed turn in a session that only transcribes."""
        await self.send("input_audio_buffer.clear")
        detection_off = {"input": {"turn_detection": None, "format": {"type": "audio/pcm", "rate": 24_000}}}
        await self.send("session.update", session={"type": "transcription", "audio": detection_off})
        await self.send("input_audio_buffer.append", audio="AAAA" * 3200)
        committed = self.counts["input_audio_buffer.committed"]
        await self.send("input_audio_buffer.commit")
        assert self.counts["input_audio_buffer.committed"] == committed + 1, self.last

    async def end(self) -> None:
        """The session is as good as new; then it closes."""
        if self.session.model is None:
            for item in self.session.conversation.items:
                await self.send("conversation.item.delete", item_id=item.id)
            await self.transcribed_turn()
        else:
            assert await self.typed_turn() == USAGE
        async with asyncio.timeout(DEADLINE_S):
            await self.connection.close()


USAGE = {
    "total_tokens": 35, "input_tokens": 15, "output_tokens": 20,
    "input_token_details": {"text_tokens": 15, "audio_tokens": 0, "image_tokens": 0},
    "output_token_details": {"text_tokens": 20, "audio_tokens": 0},
}  # fmt: skip


def resident_bytes() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


@pytest.mark.timeout(150)
async def test_no_frame_crashes_stops_swells_or_undresses_a_connection() -> None:
    short, long = FRAMES // 100, FRAMES // 5
    lengths = [*[short] * 30, long]  # twice, and half of the frames each
    assert 2 * sum(lengths) == FRAMES
    seeds = itertools.count()
    counts: Counter[str] = Counter()
    resident = []
    for _ in range(2):
        for frames in lengths:
            bout = Bout(next(seeds))
            await bout.attack(frames)
            await bout.end()
            counts += bout.counts
        resident.append(resident_bytes())
    assert resident[1] - resident[0] < GROWTH_BYTES, resident
    assert set(counts) >= ROUTINE, ROUTINE - set(counts)
    assert counts["error"] < FRAMES, "all frames were refused at the door"


# -- over a socket ------------------------------------------------------------------------------------


async def answered(socket: ClientConnection) -> None:
    """The server still answers, with nothing in between that it should not say."""
    await socket.send('{"type": "input_audio_buffer.clear", "event_id": "ping"}')
    async with asyncio.timeout(DEADLINE_S):
        while (event := examine(await socket.recv(decode=False)))["type"] != "input_audio_buffer.cleared":
            assert event["type"] != "error" or event["error"]["event_id"] != "ping"


async def ending(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(DEADLINE_S):
        await socket.wait_closed()
    return socket.close_code


async def storm(url: str, seed: int, frames: int) -> None:
    """Hostile text and binary frames, each with an answer, and then one of the ways to leave."""
    client = HostileClient(random.Random(seed))
    async with dial(url, additional_headers=KEY, max_size=None) as socket:
        for number in range(frames):
            frame = client.frame()
            if isinstance(frame, str):  # broken UTF-8 ends the connection: that is for later
                frame = frame.encode(errors="replace")
            await socket.send(frame, text=number % 50 != 0 and frame.isascii())
            await answered(socket)
        match seed % 4:
            case 0:
                await socket.send("x" * (SOCKET_LIMITS.frame_bytes + 1))
                assert await ending(socket) == 1009
            case 1:
                await socket.send(b'{"type": "\xff\xfe"}', text=True)
                assert await ending(socket) == 1007
            case 2:
                await socket.send('{"type": "input_audio_buffer.append", "audio": "' + "A" * 40_000)
                socket.transport.abort()
            case _:
                await socket.send('{"type": "response.create"}')
                socket.transport.abort()


async def test_no_frame_breaks_the_server() -> None:
    async with Simulator(Config(parts=parts(), limits=SOCKET_LIMITS)) as simulator:
        url = simulator.base_url.replace("http", "ws", 1) + "/realtime?model=gpt-realtime"
        resident = []
        for start in (0, 12):
            for seed in range(start, start + 12):
                await storm(url, seed, 100)
            resident.append(resident_bytes())
        assert resident[1] - resident[0] < GROWTH_BYTES, resident
        async with asyncio.timeout(DEADLINE_S):
            while simulator.sockets:  # noqa: ASYNC110 - the server tells nobody when it has noticed
                await asyncio.sleep(0.01)
        async with dial(url, additional_headers=KEY) as socket:
            await answered(socket)
