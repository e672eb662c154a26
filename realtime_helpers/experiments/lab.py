"""A laboratory: the real session and the real simulator in one loop, with a line between them that can be cut.

async def talk() -> None:
    service = MemoryService(lab_config())
    session = lab_session(service, memory=SummaryPolicy(trigger_tokens=500))
    ...

with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
    runner.run(talk())
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from ..audio.formats import BYTES_PER_MS, CHUNK_MS, chunks_of, silence
from ..memory import Summariser, SummaryPolicy, SummaryRequest, SummaryStyle
from ..options import SessionOptions
from ..session.echo_guard import EchoGuard
from ..session.live import LiveSession
from ..session.observers import all_traces
from ..session.reconnect import Reconnect
from ..session.service import Line, LineLostError, Service, TextWriter, Writer
from ..settings import Settings
from ..simulator import Config, Pace, Parts
from ..simulator.completions import read_chat
from ..simulator.faults import Faults
from ..simulator.memory_door import LineClosedError, MemoryLine
from ..simulator.parts import BuiltinEars, BuiltinVoice, Ears
from ..speech import USER_VOICE, Speech
from ..tools import Tool, Toolbox
from ..tools.threads import right_here
from ..tracing import Trace

SETTINGS = Settings(backend="simulator", base_url="memory://lab")
LIVELY = Pace(before_item_ms=300, before_audio_ms=120, audio_speed=8.0, transcript_ms=450, rate_limits_ms=36)
"""Recorded latencies without their spread: the same course every time."""
_FRAME_MS = 32  # of the server's voice detection: clips of whole frames meet it the same way every time


class MemoryService:
    """A simulator without sockets, as a session's service.

    Args:
        config: How the simulator behaves.
        faults: Makes the faults of each connection; by default those of the config's scenario.
        model: Name of the realtime model.

    Attributes:
        lines: Every connection so far, oldest first.
    """

    def __init__(self, config: Config, faults: Callable[[], Faults] | None = None, model: str = SETTINGS.model) -> None:
        self.config = config
        self._model = model
        self.lines: list[MemoryLine] = []
        self._faults = faults

    @property
    def line(self) -> MemoryLine:
        """The newest connection."""
        return self.lines[-1]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self.lines:
            await line.close()

    async def connect(self) -> Line:
        """See `Service.connect`."""
        line = MemoryLine(self.config, self._model, self._faults() if self._faults else None)
        self.lines.append(line)
        return _ClientEnd(line)

    def summariser(self, style: SummaryStyle, writer: TextWriter) -> Summariser:  # noqa: ARG002
        """The simulator's own writer, through the body of a chat completion but without HTTP."""
        return BuiltinWriter(style)


class _ClientEnd:
    """The client's end of a line."""

    def __init__(self, line: MemoryLine) -> None:
        self._line = line

    async def send(self, frame: str) -> None:
        try:
            await self._line.send(frame)
        except LineClosedError as end:
            raise LineLostError(end.code) from None

    async def receive(self) -> str:
        try:
            return await self._line.receive()
        except LineClosedError as end:
            raise LineLostError(end.code) from None

    async def close(self) -> None:
        await self._line.close()


class BuiltinWriter:
    """Asks the simulator's text model for a summary, after `delay_s`."""

    def __init__(self, style: SummaryStyle, delay_s: float = 0.0) -> None:
        self._style = style
        self.delay_s = delay_s

    async def __call__(self, request: SummaryRequest) -> str:
        """Write the summary."""
        await asyncio.sleep(self.delay_s)
        messages = [
            {"role": "system", "content": self._style.instructions},
            {"role": "user", "content": request.material},
        ]
        summary = read_chat({"model": SETTINGS.summary_model, "messages": messages}).summary
        assert summary is not None, "the prompt asks for a summary"
        return summary


class RememberingVoice:
    """A voice that makes the sound of each sentence once."""

    def __init__(self, voice: BuiltinVoice) -> None:
        self._voice = voice
        self._made: dict[tuple[str, str, float], Speech] = {}
        self._clips: dict[str, bytes] = {}

    async def speak(self, text: str, voice: str, speed: float) -> Speech:
        """See `Voice.speak`."""
        key = (text, voice, speed)
        if key not in self._made:
            self._made[key] = await self._voice.speak(*key)
        return self._made[key]

    async def clip(self, text: str) -> bytes:
        """A sentence in the voice of the scripted user, whom the simulator's ears understand best."""
        if text not in self._clips:
            loop = asyncio.get_running_loop()
            self._clips[text] = (await loop.run_in_executor(None, self._voice.engine.speak, text, USER_VOICE)).pcm
        return self._clips[text]

    def close(self) -> None:
        """See `Voice.close`."""
        self._voice.close()


class RememberingEars:
    """Ears that recognise each recording once."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self._heard: dict[bytes, str] = {}

    def load(self) -> None:
        """See `Ears.load`."""
        self._ears.load()

    async def hear(self, pcm: bytes, language: str | None = None, prompt: str | None = None) -> str:
        """See `Ears.hear`."""
        key = hashlib.blake2b(pcm).digest()
        if key not in self._heard:
            self._heard[key] = await self._ears.hear(pcm, language, prompt)
        return self._heard[key]

    def close(self) -> None:
        """See `Ears.close`."""
        self._ears.close()


@dataclass
class LabParts(Parts):
    """The real mind, voice and ears; what was spoken or heard once is remembered."""

    voice: RememberingVoice = field(kw_only=True)
    ears: RememberingEars = field(kw_only=True)


def lab_parts(voice: BuiltinVoice | None = None, ears: Ears | None = None) -> LabParts:
    """Parts for a laboratory, with engines of their own or shared ones."""
    return LabParts(voice=RememberingVoice(voice or BuiltinVoice()), ears=RememberingEars(ears or BuiltinEars()))


def lab_config(parts: Parts, pace: Pace = LIVELY, **changes: Any) -> Config:
    """A simulator in which the same things happen every time; its clock is that of the loop.

    Args:
        parts: Shared by all simulators of a run.
        pace: `PACES["fast"]` where nothing shall wait.
        changes: Other attributes of `Config`.
    """
    loop = asyncio.get_running_loop()
    return Config(parts=parts, pace=pace, seed=0, clock=lambda: 1.8e9 + loop.time(), **changes)


class LabUser:
    """A user whose clips are sent as fast as the line takes them; turn detection follows the samples."""

    def __init__(self) -> None:
        self.is_live = False
        self._clips: asyncio.Queue[bytes] = asyncio.Queue()

    def play(self, pcm: bytes, *, pause_ms: int = 800) -> None:
        """Say a clip (PCM16, 24 kHz, mono), then be silent for `pause_ms`."""
        self.play_on(silence(200) + pcm, pause_ms=pause_ms)

    def play_on(self, pcm: bytes, *, pause_ms: int = 800) -> None:
        """The same without a breath before it: the rest of a sentence."""
        clip = pcm + silence(pause_ms)
        whole = _FRAME_MS * CHUNK_MS * BYTES_PER_MS // 8
        self._clips.put_nowait(clip + bytes(-len(clip) % whole) if pause_ms else clip)

    async def chunks(self) -> AsyncIterator[bytes]:
        """See `Source.chunks`."""
        while True:
            for chunk in chunks_of(await self._clips.get()):
                yield chunk


def lab_session(
    service: Service,
    *,
    memory: SummaryPolicy | None = None,
    summariser: Summariser | Writer = "chat",
    style: SummaryStyle | None = None,
    options: SessionOptions = SessionOptions(),  # noqa: B008 - immutable
    config: Mapping[str, Any] | None = None,
    trace: Trace | Sequence[Trace] | None = None,
    reconnect: Reconnect | None = Reconnect(),  # noqa: B008 - immutable
    tools: Sequence[Tool | Callable[..., Any]] = (),
    echo_guard: EchoGuard | None = None,
) -> LiveSession:
    """The inside of a `RealtimeSession`, on this loop; see there for the arguments."""
    loop = asyncio.get_running_loop()
    return LiveSession(
        service,
        SETTINGS,
        dict(config or {}),
        memory,
        style,
        summariser,
        all_traces(trace),
        reconnect,
        echo_guard,
        clock=lambda: 1.8e9 + loop.time(),
        rng=random.Random(1),
        toolbox=Toolbox(tools, right_here),
        options=options,
    )
