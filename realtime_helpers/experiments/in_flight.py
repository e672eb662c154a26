"""What a summary in flight delays, measured over a socket in real time: uploads, barge-in, first audio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from ..audio.formats import silence
from ..audio.sinks import TimedSink
from ..audio.sources import SpeechSource
from ..memory import SummaryPolicy, SummaryRequest, SummaryStyle
from ..protocol import Event
from ..runtime import background_loop
from ..session import RealtimeSession
from ..settings import Settings
from ..speech import USER_VOICE, Voice
from .lab import BuiltinWriter

_UNTIL_REPLY_MS = 2_000
"""Silence after the first question: long enough that its reply is under way when the second one interrupts it."""
_TYPED = "Tell me a joke."


@dataclass(frozen=True)
class InFlight:
    """How quickly things went, in milliseconds.

    Attributes:
        was_writing: Whether a summary was being written all the time.
        interrupted: Whether the second question cut the first one's reply.
        upload_gaps: Between two pieces of audio sent, about 40 each.
        silenced: From `speech_started` received until the sink was told to fall silent.
        first_audio: From the end of each spoken question to the first audio of its reply.
    """

    was_writing: bool
    interrupted: bool
    upload_gaps: tuple[float, ...]
    silenced: float
    first_audio: tuple[float, ...]

    def gap(self, share: float) -> float:
        """The gap that this share of all gaps does not exceed."""
        return sorted(self.upload_gaps)[min(int(len(self.upload_gaps) * share), len(self.upload_gaps) - 1)]


class _NotingSink(TimedSink):
    """Plays nothing, and notes when it is told to fall silent."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed_s: list[float] = []

    def flush(self, settled: Callable[[], None]) -> None:
        super().flush(settled)
        self.flushed_s.append(asyncio.get_running_loop().time())


def measure(url: str, *, summary_takes_s: float | None) -> InFlight:
    """Ask aloud, interrupt the reply, and hear the answer: about seven seconds at the speed of speech.

    Args:
        url: Base URL of a simulator at pace `realtime`.
        summary_takes_s: How long writing a summary takes at least; it begins before and ends after what is measured.
            `None` makes none.
    """
    voice = Voice()
    questions = [voice.speak(text, USER_VOICE).pcm for text in ("Tell me a long story.", "How are you today?")]
    voice.close()
    heard: list[tuple[str, float]] = []
    sink, user, writer = _NotingSink(), SpeechSource(realtime=True, pause_ms=1_600), _SlowWriter(summary_takes_s or 0)

    def trace(direction: str, event: Event, at_s: float) -> None:
        heard.append((f"{direction} {event['type']}", at_s))

    with RealtimeSession(
        settings=Settings.from_environment("simulator", simulator_url=url, environ={}),
        memory=None if summary_takes_s is None else SummaryPolicy(trigger_tokens=50, keep_turns=1),
        summariser=writer,
        trace=trace,
    ) as session:
        session.start(user, sink)
        for number in (1, 2):
            session.send_text(_TYPED)
            session.wait_for(lambda now, number=number: len(now.responses) == number)  # type: ignore[misc]
            sink.advance(60_000)
        if summary_takes_s is not None:
            session.wait_for(lambda now: now.is_summarising)
        user.play(questions[0] + silence(_UNTIL_REPLY_MS) + questions[1])
        now = session.wait_for(lambda now: len(now.responses) == 4)
        was_writing = writer.is_writing
        writer.finish()
        if summary_takes_s is not None:
            sink.advance(60_000)
            session.wait_for(lambda now: bool(now.summaries) and not now.is_summarising)
    sent = [at_s for what, at_s in heard if what == "sent input_audio_buffer.append"]
    started = [at_s for what, at_s in heard if what == "received input_audio_buffer.speech_started"]
    return InFlight(
        was_writing=was_writing,
        interrupted=now.responses[2].status == "cancelled",
        upload_gaps=tuple((later - earlier) * 1000 for earlier, later in pairwise(sent)),
        silenced=(next(at_s for at_s in sink.flushed_s if at_s >= started[1]) - started[1]) * 1000,
        first_audio=tuple(now.latency.first_audio.ms[-2:]),
    )


class _SlowWriter:
    """Writes a summary when so much time has passed, and nobody needs it in flight any more."""

    def __init__(self, takes_s: float) -> None:
        self.is_writing = False
        self._takes_s = takes_s
        self._may_finish = asyncio.Event()

    async def __call__(self, request: SummaryRequest) -> str:
        self.is_writing = True
        await asyncio.sleep(self._takes_s)
        await self._may_finish.wait()
        self.is_writing = False
        return await BuiltinWriter(SummaryStyle())(request)

    def finish(self) -> None:
        """Let it end, if its time has passed."""
        background_loop().call(self._may_finish.set)
