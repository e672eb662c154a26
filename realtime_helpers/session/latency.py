"""How quickly a talk goes: each wait that a person would notice, measured where it begins and where it ends.

What begins and ends a wait is read from the events, the play-head and the socket; `docs/latency.md` says it in words.
"""

from __future__ import annotations

import asyncio
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..audio.captured import Captured
from ..audio.sinks import Sink
from ..conversation import Conversation, FrozenView
from ..protocol import Event

if TYPE_CHECKING:
    from rich.table import Table

KEPT = 10_000
"""How many values of each kind are kept at least: more turns than a day of talk has, seven minutes of uploads."""
_PAUSE_S = 1.0
"""A microphone that gave nothing for so long was off."""
_MOST_WAITED_FOR = 64
_TOLD_TOGETHER = 25  # uploads: about a second of them

_UNSEEN = "–"


@dataclass(frozen=True, slots=True)
class Samples:
    """Measured values of one kind.

    Attributes:
        ms: The values in milliseconds, oldest first; of a very long talk the newest.
        item_ids: The item that each belongs to; empty where it belongs to none.
        count: How many there were, also those that are not kept any more.
        longest: The greatest of all in milliseconds; `None` before there is one.
    """

    ms: Sequence[float] = ()
    item_ids: Sequence[str] = ()
    count: int = 0
    longest: float | None = None

    def quantile(self, share: float) -> float | None:
        """The smallest value that `share` (0 to 1) of all do not exceed, in milliseconds; `None` without any."""
        if not self.ms:
            return None
        return sorted(self.ms)[max(0, math.ceil(share * len(self.ms)) - 1)]

    @property
    def median(self) -> float | None:
        """The value in the middle, in milliseconds."""
        return statistics.median(self.ms) if self.ms else None

    @property
    def p95(self) -> float | None:
        """Of twenty values nineteen are not longer, in milliseconds."""
        return self.quantile(0.95)


@dataclass(frozen=True, slots=True)
class Measure:
    """One of the measures, in words.

    Attributes:
        name: The attribute of `Latency` that holds it.
        title: What it is called.
        if_none: Why there may be no value of it.
    """

    name: str
    title: str
    if_none: str


MEASURES = (
    Measure("first_audio", "question to first audio received", "no spoken reply yet"),
    Measure("first_sound", "question to first sound", "nothing has sounded yet; a silent sink never does"),
    Measure("silence", "interruption to silence", "nobody spoke into a reply that sounded"),
    Measure("transcript", "end of speech to transcript", "no transcript yet"),
    Measure("upload_delay", "microphone to socket", "no live microphone"),
    Measure("upload_jitter", "unevenness of uploads", "no live microphone"),
    Measure("round_trip", "round trip", "this line cannot be pinged"),
)
"""All of them, in the order in which a table shows them."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How quickly a talk went so far. Prints as a table, in a terminal and in a notebook.

    Attributes:
        first_audio: From the end of a question to the first audio of the reply received. By the reply's item.
        first_sound: To its first sample taken by the sound device. By the reply's item.
        silence: From `speech_started` received until the sink vouched that no more will sound. By the reply's item.
        transcript: From the end of speech to its final words. By the user's item.
        upload_delay: From a chunk captured to its frame on the socket.
        upload_jitter: By how much the time between two chunks leaving differed from the length of their audio.
        round_trip: A ping and its pong.
        replies: Responses that began to speak.
        interrupted: How many of them the user cut off.
    """

    first_audio: Samples = Samples()
    first_sound: Samples = Samples()
    silence: Samples = Samples()
    transcript: Samples = Samples()
    upload_delay: Samples = Samples()
    upload_jitter: Samples = Samples()
    round_trip: Samples = Samples()
    replies: int = 0
    interrupted: int = 0

    @property
    def interruption_rate(self) -> float | None:
        """Share of the replies that were cut off, 0 to 1; `None` before the first reply."""
        return self.interrupted / self.replies if self.replies else None

    def __iter__(self) -> Iterator[tuple[Measure, Samples]]:
        return ((measure, getattr(self, measure.name)) for measure in MEASURES)

    def __str__(self) -> str:
        rows = [_COLUMNS, *((title, *figures) for title, *figures, _ in self._rows())]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
        lines = (
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            )
            for row in rows
        )
        return "\n".join(["Latency in milliseconds", *lines, self._interruptions()])

    def __rich__(self) -> Table:
        from rich.table import Table

        table = Table(title="Latency in milliseconds", caption=self._interruptions())
        for name in _COLUMNS:
            table.add_column(name, justify="left" if name == _COLUMNS[0] else "right")
        for title, *figures, note in self._rows():
            table.add_row(title, *figures) if not note else table.add_row(f"{title}\n[dim]{note}[/dim]", *figures)
        return table

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in _COLUMNS)
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left">{title}{f"<br><small>{note}</small>" if note else ""}</th>'
            + "".join(f"<td>{figure}</td>" for figure in figures)
            + "</tr>"
            for title, *figures, note in self._rows()
        )
        return (
            f"<table><caption>Latency in milliseconds. {self._interruptions()}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        )

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for measure, samples in self:
            figures = (_figure(value) for value in (samples.median, samples.p95, samples.longest))
            yield measure.title, f"{samples.count:,}", *figures, "" if samples.count else measure.if_none

    def _interruptions(self) -> str:
        rate = self.interruption_rate
        if rate is None:
            return "No spoken reply yet."
        replies = "1 reply" if self.replies == 1 else f"{self.replies:,} replies"
        return f"{self.interrupted:,} of {replies} interrupted ({rate:.0%})."


_COLUMNS = ("what", "count", "median", "p95", "longest")


def _figure(ms: float | None) -> str:
    if ms is None:
        return _UNSEEN
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.1f}"


class _Series:
    """Values of one kind, of which the newest are kept."""

    def __init__(self) -> None:
        self._ms: list[float] = []
        self._item_ids: list[str] = []
        self._count = 0
        self._longest: float | None = None

    def add(self, ms: float, item_id: str) -> None:
        if len(self._ms) >= 2 * KEPT:  # new lists: views hold the old ones
            self._ms, self._item_ids = self._ms[-KEPT:], self._item_ids[-KEPT:]
        self._ms.append(ms)
        self._item_ids.append(item_id)
        self._count += 1
        self._longest = ms if self._longest is None else max(ms, self._longest)

    @property
    def samples(self) -> Samples:
        return Samples(FrozenView(self._ms), FrozenView(self._item_ids), self._count, self._longest)


class LatencyMeter:
    """Measures one session. It only looks on: nothing waits for it, and nothing goes another way because of it.

    Args:
        conversation: What is in the conversation; nothing else is measured.
        now_s: The session's clock, in seconds.
        tell: Is told each value when it is known, as an event.
    """

    def __init__(self, conversation: Conversation, now_s: Callable[[], float], tell: Callable[[Event], None]) -> None:
        self._conversation = conversation
        self._now_s = now_s
        self._tell = tell
        self._sink: Sink | None = None
        self._series = {measure.name: _Series() for measure in MEASURES}
        self._latency: Latency | None = Latency()
        self._replies = 0
        self._interrupted = 0
        self._question_ended_s: float | None = None
        self._asked_by: str | None = None
        self._answer: str | None = None  # the newest response since the question ended
        self._sound_due: dict[str, float] = {}  # replies that have not sounded, and the end of their question
        self._speech_ended_s: dict[str, float] = {}
        self._barge_in_s: float | None = None
        self._barged_into: tuple[str, ...] = ()  # what sounded then
        self._speaking: str | None = None  # the newest response with audio
        self._response_of: dict[str, str] = {}
        self._cut: str | None = None
        self._upload_s: float | None = None
        self._uploads: dict[str, list[float]] = {"upload_delay": [], "upload_jitter": []}

    def play_to(self, sink: Sink) -> None:
        """Measure when replies sound, and when they fall silent. Where nothing sounds, nothing is measured."""
        sink.head.clock = asyncio.get_running_loop().time  # the same clock, and any thread may read it
        self._sink = sink if sink.head.makes_sound else None

    # -- what happens ---------------------------------------------------------------------------------

    def received(self, event: Event) -> None:
        """Look at a server event, before the sink does what it asks for."""
        match event["type"]:
            case "response.output_audio.delta":
                self._on_audio(event)
            case "input_audio_buffer.speech_started":
                self._question_ended_s = None
                self._on_speech_started()
            case "input_audio_buffer.speech_stopped":
                if self._conversation.awaits_speech:  # otherwise the question ends when an answer is asked for
                    self._question_ended()
                self._await_words(event["item_id"])
            case "input_audio_buffer.committed":
                self._await_words(event["item_id"])
            case "conversation.item.input_audio_transcription.completed":
                self._on_words(event["item_id"])
            case "conversation.item.input_audio_transcription.failed":
                self._speech_ended_s.pop(event["item_id"], None)
            case "response.created" if event["response"].get("conversation_id") is not None:
                self._answer = event["response"]["id"]
            case "response.done" if event["response"]["id"] == self._answer:
                self._on_answered(event["response"])
            case "error" if self._asked_by is not None and event["error"].get("event_id") == self._asked_by:
                self._question_ended_s = None  # there will be no answer
        self.look()

    def sending(self, event: Event) -> None:
        """Look at a client event that is on its way."""
        match event["type"]:
            case "response.create" if (event.get("response") or {}).get("conversation") != "none":
                self._asked_by = event.get("event_id")
                if self._question_ended_s is None:  # otherwise the question was spoken, and ended before
                    self._question_ended()
            case "conversation.item.truncate":
                self._on_cut(event["item_id"])

    def sent(self, event: Event) -> None:
        """Look at a client event that leaves now: a commit waits for the audio before it."""
        if event["type"] == "input_audio_buffer.commit":
            self._question_ended()

    def sent_audio(self, audio: bytes, length_ms: float) -> None:
        """Audio is on the socket."""
        if not isinstance(audio, Captured):
            return  # a file is sent as fast as the line takes it: it has no rhythm, and nobody waits for it
        now_s, before_s = self._now_s(), self._upload_s
        self._upload_s = now_s
        self._add("upload_delay", (now_s - audio.at_s) * 1000)
        if before_s is not None and now_s - before_s < _PAUSE_S:
            self._add("upload_jitter", abs((now_s - before_s) * 1000 - length_ms))

    def round_trip(self, seconds: float) -> None:
        """A ping was answered."""
        self._add("round_trip", seconds * 1000)

    def line_lost(self) -> None:
        """Nothing more comes over this line. What is here plays on."""
        self._question_ended_s = self._answer = self._barge_in_s = self._upload_s = None
        self._speech_ended_s.clear()

    # -- what is measured -----------------------------------------------------------------------------

    def _question_ended(self) -> None:
        self._question_ended_s = self._now_s()
        self._answer = None

    def _on_speech_started(self) -> None:
        is_sounding = self._sink is not None and self._sink.head.queued_ms > 0
        self._barge_in_s = self._now_s() if is_sounding and self._conversation.interrupts_replies else None
        self._barged_into = self._sink.head.queued_items if self._sink is not None else ()

    def _on_audio(self, event: Event) -> None:
        item_id, response_id = event["item_id"], event["response_id"]
        if item_id in self._response_of or self._conversation.find(item_id) is None:
            return
        _remember(self._response_of, item_id, response_id)
        if response_id != self._speaking:
            self._speaking = response_id
            self._barge_in_s = None  # whatever was spoken into, it was not this
            self._replies += 1
            self._latency = None
            self._tell({"type": "reply.started", "item_id": item_id, "response_id": response_id})
        if response_id == self._answer and self._question_ended_s is not None:
            self._add("first_audio", (self._now_s() - self._question_ended_s) * 1000, item_id)
            if self._sink is not None:
                _remember(self._sound_due, item_id, self._question_ended_s)
            self._question_ended_s = None

    def _on_answered(self, response: dict[str, Any]) -> None:
        if not any(item["type"] == "function_call" for item in response["output"]):
            self._question_ended_s = None  # it was answered, in writing or not at all; after a call it still will be

    def look(self) -> None:
        """See whether a reply has begun to sound: the sink's thread tells nobody, it only notes the time."""
        if self._sound_due and self._sink is not None:
            head = self._sink.head
            for item_id in [item_id for item_id in self._sound_due if head.began_s(item_id) is not None]:
                began_s = head.began_s(item_id) or 0.0
                self._add("first_sound", (began_s - self._sound_due.pop(item_id)) * 1000, item_id)

    def _await_words(self, item_id: str) -> None:
        if item_id not in self._speech_ended_s:
            _remember(self._speech_ended_s, item_id, self._now_s())

    def _on_words(self, item_id: str) -> None:
        if (ended_s := self._speech_ended_s.pop(item_id, None)) is not None:
            self._add("transcript", (self._now_s() - ended_s) * 1000, item_id)

    def _on_cut(self, item_id: str) -> None:
        """A reply is cut off: the sink has vouched for how much of it was heard."""
        self.look()
        self._sound_due.pop(item_id, None)
        if self._barge_in_s is not None and item_id in self._barged_into:
            self._add("silence", (self._now_s() - self._barge_in_s) * 1000, item_id)
            self._barge_in_s = None
        response_id = self._response_of.get(item_id)
        if response_id is not None and response_id != self._cut:
            self._cut = response_id
            self._interrupted += 1
            self._latency = None
            self._tell({"type": "reply.interrupted", "item_id": item_id, "response_id": response_id})

    def _add(self, name: str, ms: float, item_id: str = "") -> None:
        self._series[name].add(ms, item_id)
        self._latency = None
        if (together := self._uploads.get(name)) is None:
            self._tell({"type": "latency", "measure": name, "item_id": item_id or None, "ms": [ms]})
            return
        together.append(ms)
        if len(together) == _TOLD_TOGETHER:
            self._uploads[name] = []
            self._tell({"type": "latency", "measure": name, "item_id": None, "ms": together})

    @property
    def latency(self) -> Latency:
        """What was measured so far."""
        self.look()
        if self._latency is None:
            samples = {name: series.samples for name, series in self._series.items()}
            self._latency = Latency(**samples, replies=self._replies, interrupted=self._interrupted)
        return self._latency


def _remember(record: dict[str, Any], key: str, value: object) -> None:
    """Note something that may never be asked for: the oldest gives way."""
    if len(record) >= _MOST_WAITED_FOR:
        del record[next(iter(record))]
    record[key] = value
