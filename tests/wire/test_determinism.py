"""The same seed and the same client give the same bytes, from two servers that know nothing of each other."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as dial

from realtime_helpers.audio.formats import BYTES_PER_MS, chunks_of, silence
from realtime_helpers.speech import Voice
from tests.served import serving

from .talk import WEATHER, typed

Event = dict[str, Any]
FAST = ("--pace", "fast")
CHUNK_MS = 100
END = {"type": "response.cancel", "response_id": "resp_none", "event_id": "the end"}


@pytest.fixture(scope="module")
def speech() -> bytes:
    """A minute of somebody who asks twice, waits until the server speaks up, and asks again."""
    voice = Voice()
    first, second = (voice.speak(text).pcm for text in ("Tell me a quick story.", "How are you today?"))
    voice.close()
    return silence(300) + first + silence(900) + second + silence(45_000) + first + silence(900)


class Script:
    """A client that remembers every frame it sends and gets."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.sent: list[Event] = []
        self.got: list[str] = []

    async def send(self, kind: str, **fields: Any) -> None:
        self.sent.append({"type": kind, **fields})
        await self._socket.send(orjson.dumps(self.sent[-1]).decode())

    async def until(self, kind: str, **fields: object) -> Event:
        while True:
            frame = await self._socket.recv()
            assert isinstance(frame, str)
            self.got.append(frame)
            event: Event = orjson.loads(frame)
            if event["type"] == kind and all(event.get(name) == value for name, value in fields.items()):
                return event

    async def end(self) -> None:
        """Read everything: the last event is refused, and nothing comes after that."""
        await self.send(**{"kind": END["type"], **{name: END[name] for name in END if name != "type"}})
        while (await self.until("error"))["error"]["event_id"] != END["event_id"]:
            pass

    async def append(self, pcm: bytes, chunk_ms: int) -> None:
        for chunk in chunks_of(pcm, chunk_ms * BYTES_PER_MS):
            await self.send("input_audio_buffer.append", audio=base64.b64encode(chunk).decode())


def dialled(base_url: str) -> dial:
    url = base_url.replace("http", "ws", 1) + "/realtime?model=gpt-realtime-2.1-mini"
    return dial(url, additional_headers={"Authorization": "Bearer any"}, max_size=None)


async def play(base_url: str, speech: bytes, chunk_ms: int = CHUNK_MS) -> Script:
    """Typed and spoken turns, tools, audio items, retrieval, out-of-band responses, truncation, errors."""
    async with dialled(base_url) as socket:
        script = Script(socket)
        listening = {"transcription": {"model": "gpt-4o-transcribe"}, "turn_detection": {"idle_timeout_ms": 5_000}}
        session = {"type": "realtime", "tools": [WEATHER], "audio": {"input": listening}}
        await script.send("session.update", session=session)
        await script.send("conversation.item.create", item=typed("Tell me a story."))
        await script.send("response.create", response={"output_modalities": ["text"]})
        await script.until("response.done")

        await script.send("conversation.item.create", item=typed("What is the weather in Lisbon?"))
        await script.send("response.create")
        call = (await script.until("response.done"))["response"]["output"][0]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "clear"}
        await script.send("conversation.item.create", item=output)
        await script.send("response.create")
        reply = (await script.until("response.done"))["response"]["output"][0]["id"]
        await script.send("conversation.item.retrieve", item_id=reply)
        await script.send("conversation.item.truncate", item_id=reply, content_index=0, audio_end_ms=500)
        await script.until("conversation.item.truncated")

        await script.append(speech, chunk_ms)
        part = {"type": "input_audio", "audio": base64.b64encode(speech[: 2_000 * BYTES_PER_MS]).decode()}
        item = {"id": "item_audio", "type": "message", "role": "user", "content": [part]}
        await script.send("conversation.item.create", item=item)
        await script.until("conversation.item.done")
        for number in ("1", "2"):
            beside = {"conversation": "none", "input": [typed("Who are you?")], "metadata": {"n": number}}
            await script.send("response.create", response=beside)
        await script.send("conversation.item.delete", item_id="item_nowhere", event_id="wrong")
        await script.send("conversation.item.retrieve", item_id="item_audio")
        await script.send("nonsense")
        await script.end()
        return script


async def replay(base_url: str, frames: list[Event]) -> list[str]:
    """Send everything at once, without waiting for any answer."""
    async with dialled(base_url) as socket:
        script = Script(socket)
        for frame in frames[:-1]:
            await script.send(frame["type"], **{name: value for name, value in frame.items() if name != "type"})
        await script.end()
        return script.got


@pytest.fixture(scope="module")
def original(speech: bytes) -> Script:
    loop = asyncio.new_event_loop()  # of its own: each test's ends with the test
    try:
        with serving(*FAST, "--seed", "7") as url:
            return loop.run_until_complete(play(url, speech))
    finally:
        loop.close()


def first_difference(ours: list[str], theirs: list[str]) -> tuple[str, str] | None:
    """The first two frames that are not the same bytes, cut to a readable length."""
    pairs = zip([*ours, "nothing"], [*theirs, "nothing"], strict=False)
    return next(((a[:400], b[:400]) for a, b in pairs if a != b), None)


def test_the_script_is_worth_repeating(original: Script) -> None:
    kinds = {orjson.loads(frame)["type"] for frame in original.got}
    assert kinds >= {
        "response.output_audio.delta", "response.output_text.delta", "response.function_call_arguments.done",
        "conversation.item.retrieved", "conversation.item.truncated", "input_audio_buffer.timeout_triggered", "error",
        "conversation.item.input_audio_transcription.completed", "rate_limits.updated",
    }  # fmt: skip
    started = [frame for frame in original.got if '"input_audio_buffer.speech_started"' in frame]
    assert len(started) == 3


async def test_the_same_seed_gives_the_same_bytes(original: Script, speech: bytes) -> None:
    with serving(*FAST, "--seed", "7") as url:
        assert first_difference((await play(url, speech)).got, original.got) is None


async def test_another_seed_gives_other_ids(original: Script, speech: bytes) -> None:
    with serving(*FAST, "--seed", "8") as url:
        other = await play(url, speech)
    ours, theirs = ({orjson.loads(frame)["event_id"] for frame in script.got} for script in (original, other))
    assert not ours & theirs
    kinds = [
        [orjson.loads(frame)["type"] for frame in script.got if ".delta" not in frame] for script in (original, other)
    ]
    assert kinds[0] == kinds[1]


async def test_a_client_that_never_waits_gets_the_same_bytes(original: Script) -> None:
    with serving(*FAST, "--seed", "7") as url:
        assert first_difference(await replay(url, original.sent), original.got) is None


@pytest.mark.parametrize("chunk_ms", [33, 60_000])
async def test_audio_in_chunks_of_another_size_gives_the_same_bytes(
    original: Script, speech: bytes, chunk_ms: int
) -> None:
    with serving(*FAST, "--seed", "7") as url:
        assert first_difference((await play(url, speech, chunk_ms)).got, original.got) is None
