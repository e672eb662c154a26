"""What both clients play on: one server, a line that is listened to, a record of what was said, and the time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from ...audio.formats import BYTES_PER_MS
from ...audio.playback import PlayHead
from ...audio.sinks import QueueSink
from ...memory import Summariser, SummaryRequest, SummaryStyle
from ...protocol import Event, create_item, create_response, decode, encode, function_output
from ...session.service import Line, TextWriter
from ...simulator import Config
from ...simulator.faults import Fault, Faults, Scenario
from ...simulator.items import Item
from ...simulator.memory_door import LineClosedError
from ..lab import MemoryService
from .writer import Writer

Direction = Literal["sent", "received"]
_SOUND = {"input_audio_buffer.append", "response.output_audio.delta"}
NETWORK = Fault("connection", "slow", up_ms=30, down_ms=30)
"""A good line, but a line: 30 ms each way."""


@dataclass(frozen=True)
class Moment:
    """Something that happened.

    Attributes:
        at_s: When, in virtual seconds.
        who: `user`, `client`, `server`, `writer` or `line`.
        what: A sentence.
    """

    at_s: float
    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.at_s:7.1f} s  {self.who:<7} {self.what}"


class Stage:
    """A server and the line to it, as a session's service.

    Args:
        config: How the simulator behaves.
        faults: What goes wrong on the first line; a later line is a good one.
        moods: The summariser's.
    """

    def __init__(self, config: Config, faults: Sequence[Fault], moods: Sequence[Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self._faults = [tuple(faults)]
        self.service = MemoryService(config, self._next_faults)
        self.timeline: list[Moment] = []
        self.received: list[Event] = []
        self.wire: list[tuple[Direction, Event]] = []
        """Every event at the client's end of the line, both ways, without sound."""
        self.writer = Writer(moods, lambda what: self.tell("writer", what))
        self.silent_at_s = 0.0
        """When the sound of the replies received so far will have been heard."""
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def _next_faults(self) -> Faults:
        faults = self._faults.pop() if self._faults else ()
        return Faults(Scenario("", 0, (NETWORK, *faults)), random.Random(0))

    @property
    def items(self) -> list[Item]:
        """What stands on the server now: the truth."""
        return self.service.line.session.conversation.items

    def tell(self, who: str, what: str) -> None:
        """Write something into the timeline."""
        self.timeline.append(Moment(self._loop.time(), who, what))

    async def inject(self, event: Event) -> None:
        """Send an event beside the client, as another part of the application does through the same session."""
        await self.service.line.send(encode(event))

    async def until(self, holds: Callable[[], bool], timeout_s: float) -> None:
        """Wait until something holds; looked at after every frame that the client gets.

        Raises:
            TimeoutError: It did not within `timeout_s` virtual seconds.
        """
        async with asyncio.timeout(timeout_s):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def on_frame(self, direction: Direction, frame: str | bytes) -> None:
        """Take note of a frame at the client's end of the line."""
        try:
            event = decode(frame)
        except ValueError:
            self.tell("server", "sends half a frame")
            return
        if event["type"] not in _SOUND:
            self.wire.append((direction, event))
        if direction == "received":
            self.received.append(event)
            if event["type"] == "response.output_audio.delta":
                length_s = len(event["delta"]) * 3 / 4 / BYTES_PER_MS / 1000
                self.silent_at_s = max(self.silent_at_s, self._loop.time()) + length_s
            if event["type"] == "response.done":
                self._answer_calls(event["response"]["output"])
        if (what := _in_words(direction, event)) is not None:
            self.tell("server" if direction == "received" else "client", what)
        self._news.set()

    def _answer_calls(self, output: list[dict[str, Any]]) -> None:
        calls = [item for item in output if item["type"] == "function_call"]
        if calls:
            task = self._loop.create_task(self._run_tools(calls))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run_tools(self, calls: list[dict[str, Any]]) -> None:
        """The application's tools: they run beside the client, and answer through the same session."""
        try:
            for call in calls:
                await self.inject(create_item(function_output(call["call_id"], '{"degrees": 21, "sky": "clear"}')))
            await self.inject(create_response())
        except LineClosedError:
            pass  # nobody is there any more to be answered

    # -- as a session's service -----------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None  # lines stay open until everything was judged

    async def connect(self) -> Line:
        """See `Service.connect`."""
        line = await self.service.connect()
        self.tell("line", "is open" if len(self.service.lines) == 1 else "is open again, to an empty conversation")
        return _Tap(line, self)

    def summariser(self, style: SummaryStyle, writer: TextWriter) -> Summariser:  # noqa: ARG002
        """See `Service.summariser`."""

        async def write(request: SummaryRequest) -> str:
            return await self.writer(style.instructions, request.material)

        return write

    async def close(self) -> None:
        """Let go of every line."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self.service.lines:
            await line.close()


class _Tap:
    """A line that is listened to."""

    def __init__(self, line: Line, stage: Stage) -> None:
        self._line = line
        self._stage = stage

    async def send(self, frame: str) -> None:
        self._stage.on_frame("sent", frame)
        await self._line.send(frame)

    async def receive(self) -> str | bytes:
        try:
            frame = await self._line.receive()
        except Exception as end:
            self._stage.tell("line", f"is closed ({end})")
            raise
        self._stage.on_frame("received", frame)
        return frame

    async def close(self) -> None:
        await self._line.close()


class LoopSink(QueueSink):
    """Plays nothing, but takes as long as real sound does on this loop's clock."""

    def __init__(self) -> None:
        super().__init__()
        self._played_until_s = 0.0

    @property
    def head(self) -> PlayHead:
        """See `Sink.head`."""
        passed_ms = int((asyncio.get_running_loop().time() - self._played_until_s) * 1000)
        self._played_until_s += passed_ms / 1000  # the rest of a millisecond is played the next time
        self._head.pull(passed_ms * BYTES_PER_MS)
        return self._head


def _in_words(direction: str, event: Event) -> str | None:
    """What an event means to somebody who watches; `None` for those that would only be in the way."""
    match direction, event["type"]:
        case "received", "input_audio_buffer.committed":
            return "has heard a turn"
        case "received", "conversation.item.input_audio_transcription.completed":
            return f"tells the words: “{event['transcript']}”"
        case "received", "conversation.item.input_audio_transcription.failed":
            return "could not make out the words"
        case "received", "conversation.item.deleted":
            return f"has deleted {event['item_id'][-6:]}"
        case "received", "response.done":
            return _reply_in_words(event["response"])
        case "received", "error":
            return f"refuses: {event['error']['message']}"
        case "sent", "conversation.item.create" if event["item"].get("role") != "user":
            return f"inserts {event['item'].get('id', 'an item')}"
        case "sent", "conversation.item.delete":
            return f"asks to delete {event['item_id'][-6:]}"
        case "sent", "conversation.item.truncate":
            return f"says that {event['audio_end_ms']} ms of the reply were heard"
    return None


def _reply_in_words(response: dict[str, Any]) -> str:
    words = " ".join(
        part.get("transcript") or part.get("text") or ""
        for item in response["output"]
        for part in item.get("content") or []
    )
    calls = [item["name"] for item in response["output"] if item["type"] == "function_call"]
    said = f"calls {', '.join(calls)}" if calls else f"says “{words}”"
    if not response["output"]:
        said = "says nothing"
    return said if response["status"] == "completed" else f"{said} ({response['status']})"
