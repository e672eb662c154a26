"""What the tests of turn-taking share: a scripted model, a line with a delay, and an ear with a clock of its own."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from realtime_helpers.audio.formats import BYTES_PER_MS, CHUNK_BYTES, CHUNK_MS, PCM16, AudioFormat, chunks_of
from realtime_helpers.audio.playback import PlayHead
from realtime_helpers.audio.sinks import Sink
from realtime_helpers.conversation import Item
from realtime_helpers.experiments.lab import LabParts, MemoryService, lab_config, lab_session
from realtime_helpers.experiments.scenarios.stage import NETWORK, LoopSink
from realtime_helpers.experiments.virtual_time import VirtualTimeLoop
from realtime_helpers.protocol import Event
from realtime_helpers.session.live import LiveSession
from realtime_helpers.session.snapshot import Snapshot
from realtime_helpers.simulator.faults import Faults, Scenario
from realtime_helpers.simulator.items import Item as ServerItem
from realtime_helpers.simulator.prompt import Prompt, ToolCall

from .lab import Talk

PUSH_TO_TALK = {"audio": {"input": {"turn_detection": None, "transcription": {"model": "gpt-4o-mini-transcribe"}}}}
STORY = "Once upon a time there was a lighthouse keeper who counted the ships, every night, until the morning came."


_LONGEST_TALK_S = 300.0


def run(talk: Talk, lab: LabParts) -> None:
    """Run a talk in virtual time. Microphones never rest in these, so that a hang must end soon."""

    async def limited() -> None:
        async with asyncio.timeout(_LONGEST_TALK_S):
            await talk(lab)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(limited())


class Script:
    """A model that gives the n-th reply to n things the user said, and the last one from then on."""

    def __init__(self, *replies: Sequence[str | ToolCall]) -> None:
        self._replies = replies
        self.read: list[list[str]] = []
        """What the user had said, for each reply."""

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        said = [line.text for line in prompt.lines if line.role == "user"]
        self.read.append(said)
        for piece in self._replies[min(len(said), len(self._replies)) - 1]:
            yield piece


@dataclass
class _Sound:
    item_id: str
    start_s: float
    end_s: float


class Ear:
    """Knows from the frames alone what could be heard when: each piece sounds after the one before it."""

    def __init__(self) -> None:
        self._sounds: list[_Sound] = []
        self._responses = 0
        self._first_wanted = 0

    def hear(self, event: Event, length_s: float, now_s: float) -> None:
        if self._responses >= self._first_wanted:
            self._hear(event["item_id"], length_s, now_s)

    def response_created(self) -> None:
        self._responses += 1

    def _hear(self, item_id: str, length_s: float, now_s: float) -> None:
        start_s = max(now_s, self._sounds[-1].end_s if self._sounds else 0.0)
        self._sounds.append(_Sound(item_id, start_s, start_s + length_s))

    def stop(self, now_s: float, asked: int) -> None:
        """Nothing sounds any more, also of what was asked for up to now; what was heard is heard."""
        self._first_wanted = asked + 1
        for sound in self._sounds:
            sound.start_s, sound.end_s = min(sound.start_s, now_s), min(sound.end_s, now_s)

    def heard_ms(self, item_id: str, at_s: float) -> float:
        sounds = [sound for sound in self._sounds if sound.item_id == item_id]
        return 1000 * sum(max(0.0, min(sound.end_s, at_s) - sound.start_s) for sound in sounds)

    def begins_s(self, item_id: str) -> float:
        return next(sound.start_s for sound in self._sounds if sound.item_id == item_id)

    @property
    def silent_at_s(self) -> float:
        return self._sounds[-1].end_s if self._sounds else 0.0


class Mouth:
    """A microphone: what is recorded comes chunk by chunk at the speed of speech, silence between the clips.

    Args:
        late_chunks: How many chunks are on their way from the device.
    """

    is_live = True

    def __init__(self, *, late_chunks: int = 0) -> None:
        self._late_chunks = late_chunks
        self._clips: deque[bytes] = deque()

    def say(self, pcm: bytes) -> float:
        """Begin with the next chunk to say something; returns how long it takes, in seconds."""
        clip = pcm + bytes(-len(pcm) % CHUNK_BYTES)
        self._clips.extend(chunks_of(clip))
        return len(clip) / BYTES_PER_MS / 1000

    async def chunks(self) -> AsyncIterator[bytes]:
        on_their_way: deque[bytes] = deque()
        while True:
            await asyncio.sleep(CHUNK_MS / 1000)
            on_their_way.append(self._clips.popleft() if self._clips else bytes(CHUNK_BYTES))
            if len(on_their_way) > self._late_chunks:
                yield on_their_way.popleft()


class SlowSink(LoopSink):
    """A loudspeaker in a browser: what it played of a reply is told a while after it fell silent.

    Args:
        after_s: How long after; `None`: never.
    """

    def __init__(self, after_s: float | None) -> None:
        super().__init__()
        self.after_s = after_s

    def flush(self, settled: Callable[[], None]) -> None:
        super().flush(lambda: None)
        if self.after_s is not None:
            asyncio.get_running_loop().call_later(self.after_s, settled)


class AirSink(LoopSink):
    """A loudspeaker in a room: what sounds can be recorded there."""

    def __init__(self) -> None:
        super().__init__()
        self.air = bytearray()
        self._aired_s = 0.0

    def play(self, item_id: str, pcm: bytes) -> None:
        self._breathe()
        super().play(item_id, pcm)

    def flush(self, settled: Callable[[], None]) -> None:
        self._breathe()
        super().flush(settled)

    @property
    def head(self) -> PlayHead:
        self._breathe()
        return self._head

    def _breathe(self) -> None:
        passed_ms = int((asyncio.get_running_loop().time() - self._aired_s) * 1000)
        self._aired_s += passed_ms / 1000
        sound = self._head.pull(passed_ms * BYTES_PER_MS)
        self.air += sound + bytes(passed_ms * BYTES_PER_MS - len(sound))


class RoomMouth(Mouth):
    """A microphone beside that loudspeaker."""

    def __init__(self, sink: AirSink) -> None:
        super().__init__()
        self._sink = sink

    async def chunks(self) -> AsyncIterator[bytes]:
        at = 0
        async for chunk in super().chunks():
            _ = self._sink.head
            echo = bytes(self._sink.air[at : at + len(chunk)])
            at += len(echo)
            yield echo if any(echo) else chunk


class Floor:
    """A session that runs, on a good line of 30 ms each way, and everything that went over it.

    Args:
        lab: Its engines.
        script: What the model says.
        source: The user.
        sink: Where replies are played.
        options: Of `lab_session`.
    """

    def __init__(
        self,
        lab: LabParts,
        script: Script | None = None,
        source: Any = None,
        sink: Sink | None = None,
        wire: AudioFormat = PCM16,
        on_event: Callable[[str, Event], None] = lambda _way, _event: None,
        **options: Any,
    ) -> None:
        parts = lab if script is None else replace(lab, responder=script)
        self.service = MemoryService(lab_config(parts), lambda: Faults(Scenario("", 0, (NETWORK,)), random.Random(0)))
        self.ear = Ear()
        self.events: list[tuple[float, str, Event]] = []
        self.sink = sink or LoopSink()
        self._wire = wire
        self._on_event = on_event
        self.session: LiveSession = lab_session(self.service, trace=self._trace, **options)
        self.session.start(source, self.sink)

    def _trace(self, way: str, event: Event, now_s: float) -> None:
        self.events.append((now_s, way, event))
        if way == "received" and event["type"] == "response.created":
            self.ear.response_created()
        if way == "received" and event["type"] == "response.output_audio.delta":
            length_s = len(event["delta"]) * 3 // 4 / self._wire.bytes_per_ms / 1000
            self.ear.hear(event, length_s, now_s)
        self._on_event(way, event)

    @property
    def now(self) -> Snapshot:
        return self.session.snapshot()

    @property
    def on_server(self) -> list[ServerItem]:
        return self.service.line.session.conversation.items

    def sent(self, kind: str) -> list[Event]:
        return [event for _, way, event in self.events if way == "sent" and event["type"] == kind]

    def received(self, kind: str) -> list[Event]:
        return [event for _, way, event in self.events if way == "received" and event["type"] == kind]

    @property
    def order_sent(self) -> list[str]:
        """Kinds of everything sent, audio once in a row."""
        kinds = [event["type"] for _, way, event in self.events if way == "sent"]
        return [kind for kind, before in zip(kinds, ["", *kinds], strict=False) if kind != before]

    async def until(self, condition: Callable[[Snapshot], object]) -> Snapshot:
        return await self.session.wait_for(lambda now: bool(condition(now)))

    async def until_received(self, kind: str, nth: int = 1) -> Event:
        await self.until(lambda _now: len(self.received(kind)) >= nth)
        return self.received(kind)[nth - 1]

    async def answered(self, number: int) -> Snapshot:
        return await self.until(
            lambda now: len(now.turns) >= number and now.turns[number - 1].is_answered and now.is_quiet
        )

    async def clip(self, lab: LabParts, words: str) -> bytes:
        return await lab.voice.clip(words)

    def replies(self) -> list[Item]:
        return [item for turn in self.now.turns for item in turn.items if item.role == "assistant"]

    def assert_agreed(self) -> None:
        """The server has what we think it has: the same items, cut at the same places.

        It refused nothing, but for a cancel that met the end of its response on the way; it names its response.
        """
        errors = [event["error"] for event in self.received("error")]
        assert {error["code"] for error in errors} <= {"response_cancel_not_active"}, errors
        assert not self.now.problems, self.now.problems
        assert [item.id for item in self.now.items] == [item.id for item in self.on_server]
        for item in self.on_server:
            here = self.session.conversation.find(item.id)
            assert here is not None
            if item.is_cut:
                assert here.heard_ms == int(item.sounds[0].length_ms), "the server keeps what was heard"
                assert not item.text, "and nothing of its words"
            elif here.role == "assistant":
                assert here.heard_ms is None, f"{here.id} was cut here only"
