"""Waits, measured: exact ones in virtual time, tricky ones event by event, real pings on a real socket."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from rich.console import Console

from realtime_helpers import RealtimeSession, Settings
from realtime_helpers.audio.captured import Captured
from realtime_helpers.audio.formats import BYTES_PER_MS, silence
from realtime_helpers.audio.playback import PlayHead
from realtime_helpers.audio.sinks import QueueSink, SilentSink, TimedSink
from realtime_helpers.conversation import Conversation
from realtime_helpers.experiments.lab import LIVELY, LabParts, LabUser, MemoryService, lab_config, lab_session
from realtime_helpers.protocol import append_audio, commit_audio, create_response, truncate_item
from realtime_helpers.session import Latency, Samples, latency
from realtime_helpers.session.latency import LatencyMeter
from realtime_helpers.session.snapshot import State
from realtime_helpers.simulator import Config, Simulator

from .floor import PUSH_TO_TALK, STORY, Floor, Mouth, Script
from .lab import run, say_aloud, snap, text_session, voice_session

Event = dict[str, Any]
TICK_MS = 10
QUESTION_TO_AUDIO_MS = LIVELY.before_item_ms + LIVELY.before_audio_ms


class DeviceSink(QueueSink):
    """A sound device on this loop's clock: it takes 10 ms of sound every 10 ms.

    Args:
        prebuffer_ms: Of its play-head.
        asks_ms: How long it takes to know what was heard, as in a browser.
    """

    def __init__(self, prebuffer_ms: int = 0, asks_ms: int = 0) -> None:
        super().__init__(PlayHead(prebuffer_ms))
        self._asks_ms = asks_ms

    def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ticks = 0
        self._began_s = self._loop.time()
        self._tick()

    def _tick(self) -> None:
        self.head.pull(TICK_MS * BYTES_PER_MS)
        self._ticks += 1
        self._timer = self._loop.call_at(self._began_s + self._ticks * TICK_MS / 1000, self._tick)

    def flush(self, settled: Callable[[], None]) -> None:
        self.head.flush()
        if self._asks_ms:
            self._loop.call_later(self._asks_ms / 1000, settled)
        else:
            settled()

    def close(self) -> None:
        self._timer.cancel()


def exactly(samples: Samples) -> list[float]:
    return [round(ms, 3) for ms in samples.ms]


# -- in virtual time --------------------------------------------------------------------------------------


def test_a_talk_takes_exactly_as_long_as_its_server_and_its_device(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        sink = DeviceSink(prebuffer_ms=60)
        session, user = voice_session(MemoryService(lab_config(lab)), sink)
        clip = await lab.voice.clip("How are you today?")
        for _ in range(2):
            await say_aloud(session, user, clip)
        now = session.snapshot()
        measured = now.latency
        assert exactly(measured.first_audio) == [QUESTION_TO_AUDIO_MS] * 2
        assert exactly(measured.transcript) == [LIVELY.transcript_ms] * 2
        first_sound = exactly(measured.first_sound)
        assert all(0 <= sound - QUESTION_TO_AUDIO_MS <= TICK_MS for sound in first_sound), "at the next tick"
        assert list(measured.first_audio.item_ids) == [turn.items[1].id for turn in now.turns]
        assert list(measured.transcript.item_ids) == [turn.items[0].id for turn in now.turns]
        assert (measured.replies, measured.interrupted, measured.interruption_rate) == (2, 0, 0.0)
        assert not measured.silence.count
        assert not measured.upload_delay.count, "this user can wait: nobody waits for what is not live"
        assert not measured.round_trip.count, "this line cannot be pinged"
        await session.stop()

    run(talk, lab)


@pytest.mark.parametrize("asks_ms", [0, 35])
def test_an_interruption_is_over_when_the_sink_vouches_for_it(lab: LabParts, asks_ms: int) -> None:
    async def talk(lab: LabParts) -> None:
        session, user = voice_session(MemoryService(lab_config(lab)), DeviceSink(asks_ms=asks_ms))
        user.play(await lab.voice.clip("Tell me a long story."))
        await session.wait_for(lambda now: now.latency.first_sound.count == 1)
        await asyncio.sleep(1)
        await say_aloud(session, user, await lab.voice.clip("How are you today?"))
        measured = session.snapshot().latency
        assert exactly(measured.silence) == [asks_ms]
        assert measured.silence.item_ids[0] == measured.first_audio.item_ids[0]
        assert (measured.replies, measured.interrupted, measured.interruption_rate) == (2, 1, 0.5)
        story = session.snapshot().captions[1]
        assert story.state.value == "interrupted"
        assert 0 < len(story.heard) < len(story.text)
        await session.stop()

    run(talk, lab)


def test_where_nothing_sounds_no_sound_is_measured(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        session, user = voice_session(MemoryService(lab_config(lab)), SilentSink())
        await say_aloud(session, user, await lab.voice.clip("How are you today?"))
        measured = session.snapshot().latency
        assert measured.first_audio.count == 1
        assert not measured.first_sound.count
        assert not measured.silence.count
        await session.stop()

    run(talk, lab)


def test_captions_follow_the_sound(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        session, user = voice_session(MemoryService(lab_config(lab)), DeviceSink())
        user.play(await lab.voice.clip("Tell me a long story."))
        shown = list[str]()
        await session.wait_for(lambda now: now.latency.first_sound.count == 1)
        while (now := session.snapshot()).captions[-1].heard != now.captions[-1].text or not now.is_quiet:
            shown.append(now.captions[-1].heard)
            await asyncio.sleep(0.1)
        assert len(set(shown)) > 5
        assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(shown))
        assert [caption.role for caption in now.captions] == ["user", "assistant"]
        await session.stop()

    run(talk, lab)


def test_typed_turns_are_timed_and_written_replies_are_not_waited_for(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        written = text_session(MemoryService(lab_config(lab)))
        spoken = lab_session(MemoryService(lab_config(lab)))
        spoken.start(None, SilentSink())
        for session in (written, spoken):
            session.say_text("How are you?")
            await session.wait_for(lambda now: now.has_answered(1))
        assert not written.snapshot().latency.first_audio.count
        assert written.snapshot().latency.interruption_rate is None
        assert exactly(spoken.snapshot().latency.first_audio) == [QUESTION_TO_AUDIO_MS]
        await written.stop()
        await spoken.stop()

    run(talk, lab)


def test_push_to_talk_is_timed_from_the_commit_and_its_interruptions_are_counted(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = Floor(lab, Script([STORY], ["Yes, of course."]), mouth, config=PUSH_TO_TALK)
        await floor.until(lambda now: now.state is State.LISTENING)
        await asyncio.sleep(60)
        clip = await lab.voice.clip("Tell me a long story.")
        for _ in range(2):
            floor.session.begin_turn()
            await asyncio.sleep(mouth.say(clip))
            floor.session.end_turn()
            await floor.until(lambda now: now.state is State.SPEAKING)
            await asyncio.sleep(1)
        measured = floor.now.latency
        there_and_back_ms = 60
        assert exactly(measured.first_audio) == [there_and_back_ms + QUESTION_TO_AUDIO_MS] * 2
        assert (measured.replies, measured.interrupted) == (2, 1)
        assert not measured.silence.count, "that is measured from what the server hears"
        assert exactly(measured.upload_jitter)[:2] == [0, 0]
        await floor.session.stop()

    run(talk, lab)


class LiveUser:
    """A microphone that gives a chunk at each of these moments, some of them a while after it was complete."""

    def __init__(self, moments_ms: list[int], late_ms: int = 0) -> None:
        self.is_live = True
        self._moments_ms = moments_ms
        self._late_ms = late_ms

    async def chunks(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for moment_ms in self._moments_ms:
            await asyncio.sleep(began_s + moment_ms / 1000 - loop.time())
            chunk = silence(40)
            yield Captured.now(chunk, loop.time() - self._late_ms / 1000) if self._late_ms else chunk


@pytest.mark.parametrize("late_ms", [0, 7])
def test_uploads_are_timed_from_capture_to_socket(lab: LabParts, late_ms: int) -> None:
    async def talk(lab: LabParts) -> None:
        session = lab_session(MemoryService(lab_config(lab)))
        session.start(LiveUser([40, 80, 125, 160, 3000, 3040], late_ms), SilentSink())
        await asyncio.sleep(4)
        measured = session.snapshot().latency
        assert exactly(measured.upload_delay) == [late_ms] * 6
        assert exactly(measured.upload_jitter) == [0, 5, 5, 0], "a microphone that was off has no rhythm"
        await session.stop()

    run(talk, lab)


def test_observers_are_told_what_is_measured(lab: LabParts) -> None:
    class Observer:
        def __init__(self) -> None:
            self.wire = list[str]()
            self.told = list[Event]()

        def __call__(self, direction: str, event: Event, _at_s: float) -> None:
            self.wire.append(event["type"])

        def noted(self, event: Event, _at_s: float) -> None:
            self.told.append(event)

    async def talk(lab: LabParts) -> None:
        seen, only_wire = Observer(), list[str]()
        service = MemoryService(lab_config(lab))
        session, user = voice_session(
            service, DeviceSink(), trace=[seen, lambda _d, e, _t: only_wire.append(e["type"])]
        )
        await say_aloud(session, user, await lab.voice.clip("How are you today?"))
        await session.stop()
        assert only_wire == seen.wire
        assert not any(kind in {"latency", "reply.started"} for kind in only_wire)
        told = [(event["type"], event.get("measure")) for event in seen.told]
        assert told[0] == ("session.started", None)
        assert told[-1] == ("session.ended", None)
        assert {("latency", name) for name in ("first_audio", "first_sound", "transcript")} <= set(told)
        assert ("reply.started", None) in told

    run(talk, lab)


# -- event by event ---------------------------------------------------------------------------------------


class Bench:
    """A meter with a clock one can turn."""

    def __init__(self) -> None:
        self.ms = 0
        self.conversation = Conversation()
        self.sink = TimedSink()
        self.told = list[Event]()
        self.meter = LatencyMeter(self.conversation, lambda: self.ms / 1000, self.told.append)
        self.meter._sink = self.sink
        self.sink.head.clock = lambda: self.ms / 1000
        self.receive({"type": "session.created", "session": {"audio": {"input": {"turn_detection":
                      {"type": "server_vad", "interrupt_response": True, "create_response": True}}}}})  # fmt: skip

    def receive(self, *events: Event) -> None:
        for event in events:
            self.conversation.apply(event)
            self.meter.received(event)

    def send(self, *events: Event) -> None:
        for event in events:
            self.conversation.note_sent(event)
            self.meter.sending(event)

    def speak(self, item_id: str) -> None:
        self.receive({"type": "input_audio_buffer.speech_started", "item_id": item_id, "audio_start_ms": 0})
        self.receive({"type": "input_audio_buffer.speech_stopped", "item_id": item_id, "audio_end_ms": 900})
        self.commit(item_id)

    def commit(self, item_id: str) -> None:
        self.receive({"type": "input_audio_buffer.committed", "item_id": item_id})

    def respond(self, number: int, *, calls: bool = False, conversation: str | None = "conv_1") -> None:
        response = {"id": f"r{number}", "conversation_id": conversation, "status": "completed", "output": []}
        if calls:
            response["output"] = [{"type": "function_call", "id": f"c{number}"}]
        self.receive({"type": "response.created", "response": {**response, "output": []}})
        if calls:
            self.receive({"type": "response.done", "response": response})

    def begin(self, number: int) -> None:
        item = {"id": f"a{number}", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        self.receive({"type": "conversation.item.added", "previous_item_id": None, "item": item})

    def audio(self, number: int, response: int | None = None) -> None:
        delta = append_audio(silence(100))["audio"]
        response_id = f"r{number if response is None else response}"
        event = {"type": "response.output_audio.delta", "item_id": f"a{number}", "response_id": response_id,
                 "delta": delta}  # fmt: skip
        self.receive(event)
        self.sink.play(f"a{number}", silence(100))

    @property
    def latency(self) -> Latency:
        return self.meter.latency


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_reply_after_a_tool_call_is_timed_from_the_question(bench: Bench) -> None:
    bench.speak("u1")
    bench.ms = 300
    bench.respond(1, calls=True)
    bench.ms = 1_000
    bench.send(create_response())
    bench.respond(2)
    bench.begin(2)
    bench.ms = 1_400
    bench.audio(2)
    assert exactly(bench.latency.first_audio) == [1_400]


def test_push_to_talk_ends_the_question_with_the_commit(bench: Bench) -> None:
    bench.ms = 100
    bench.meter.sent(commit_audio())
    bench.ms = 130
    bench.send(create_response())  # as late as that, because a reply had to be cancelled
    bench.commit("u1")
    bench.respond(1)
    bench.begin(1)
    bench.ms = 600
    bench.audio(1)
    bench.receive({"type": "conversation.item.input_audio_transcription.completed", "item_id": "u1",
                   "transcript": "yes"})  # fmt: skip
    assert exactly(bench.latency.first_audio) == [500]
    assert exactly(bench.latency.transcript) == [470]


def test_where_the_server_does_not_answer_by_itself_the_question_ends_when_an_answer_is_asked_for(bench: Bench) -> None:
    bench.receive({"type": "session.updated", "session": {"audio": {"input": {"turn_detection":
                  {"type": "server_vad", "create_response": False}}}}})  # fmt: skip
    bench.speak("u1")
    bench.ms = 60_000
    bench.send(create_response())
    bench.respond(1)
    bench.begin(1)
    bench.ms = 60_500
    bench.audio(1)
    assert exactly(bench.latency.first_audio) == [500]


def test_late_audio_of_the_reply_before_is_no_answer(bench: Bench) -> None:
    bench.speak("u1")
    bench.respond(1)
    bench.begin(1)
    bench.audio(1)
    bench.ms = 5_000
    bench.speak("u2")
    bench.begin(9)
    bench.audio(9, response=1)  # generated before it was cancelled
    bench.ms = 5_500
    bench.respond(2)
    bench.begin(2)
    bench.audio(2)
    assert exactly(bench.latency.first_audio) == [0, 500]
    assert bench.latency.replies == 2


def test_what_is_outside_of_the_conversation_is_not_measured(bench: Bench) -> None:
    bench.speak("u1")
    bench.respond(1, conversation=None)
    bench.audio(1)
    assert bench.latency.first_audio.count == 0
    assert bench.latency.replies == 0


def test_a_refused_question_is_not_waited_for(bench: Bench) -> None:
    bench.send(create_response(event_id="e1"))
    bench.receive({"type": "error", "error": {"event_id": "e1", "message": "no", "code": "x"}})
    bench.ms = 9_000
    bench.send(create_response())
    bench.respond(1)
    bench.begin(1)
    bench.ms = 9_400
    bench.audio(1)
    assert exactly(bench.latency.first_audio) == [400]


def test_the_first_sound_is_when_the_device_took_it_however_late_somebody_looks(bench: Bench) -> None:
    bench.speak("u1")
    bench.respond(1)
    bench.begin(1)
    bench.ms = 400
    bench.audio(1)
    assert bench.latency.first_sound.count == 0
    bench.ms = 460
    bench.sink.advance(20)
    bench.ms = 3_000
    assert exactly(bench.latency.first_sound) == [460]


def test_speech_over_silence_interrupts_nothing(bench: Bench) -> None:
    bench.speak("u1")
    bench.respond(1)
    bench.begin(1)
    bench.audio(1)
    bench.sink.advance(200)
    bench.ms = 1_000
    bench.speak("u2")
    bench.ms = 1_200
    bench.send(truncate_item("a1", 100))
    assert bench.latency.silence.count == 0


def test_a_button_is_not_measured_from_speech_that_cut_nothing(bench: Bench) -> None:
    """A reply that sounds over a lost line came back as text: nobody truncates it, and the next one begins anew."""
    bench.speak("u1")
    bench.respond(1)
    bench.begin(1)
    bench.audio(1)
    bench.ms = 1_000
    bench.speak("u2")
    bench.sink.flush(lambda: None)
    bench.respond(2)
    bench.begin(2)
    bench.audio(2)
    bench.ms = 9_000
    bench.send(truncate_item("a2", 50))
    assert bench.latency.silence.count == 0
    assert bench.latency.interrupted == 1


def test_a_response_of_two_items_is_interrupted_once(bench: Bench) -> None:
    bench.speak("u1")
    bench.respond(1)
    bench.begin(1)
    bench.begin(2)
    bench.audio(1)
    bench.audio(2, response=1)
    bench.ms = 1_000
    bench.receive({"type": "input_audio_buffer.speech_started", "item_id": "u2", "audio_start_ms": 0})
    bench.ms = 1_012
    bench.send(truncate_item("a1", 100), truncate_item("a2", 0))
    assert exactly(bench.latency.silence) == [12]
    assert (bench.latency.replies, bench.latency.interrupted) == (1, 1)
    bench.sink.advance(300)
    assert bench.latency.first_sound.count == 0, "it was cut before it sounded"


def test_a_lost_line_ends_every_wait_but_that_for_sound(bench: Bench) -> None:
    bench.speak("u1")
    bench.respond(1)
    bench.begin(1)
    bench.ms = 400
    bench.audio(1)
    bench.meter.line_lost()
    bench.ms = 60_000
    bench.respond(2)
    bench.begin(2)
    bench.audio(2)
    bench.receive({"type": "conversation.item.input_audio_transcription.completed", "item_id": "u1",
                   "transcript": "late"})  # fmt: skip
    bench.sink.advance(50)
    assert exactly(bench.latency.first_audio) == [400]
    assert bench.latency.transcript.count == 0
    assert exactly(bench.latency.first_sound) == [60_000]


def test_hours_of_talk_take_bounded_memory(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "KEPT", 100)
    views = []
    for number in range(1_000):
        bench.meter.sent_audio(Captured.now(silence(40), bench.ms / 1000 - number / 1000), 40)
        bench.speak(f"u{number}")  # no words ever come
        views.append((bench.latency.upload_delay, number))
    last = bench.latency.upload_delay
    assert last.count == 1_000
    assert last.longest == pytest.approx(999)
    assert 100 <= len(last.ms) <= 200
    assert last.ms[-1] == pytest.approx(999)
    assert len(bench.meter._speech_ended_s) <= 64
    for seen, number in views:
        assert seen.ms[-1] == pytest.approx(number), "what was handed out has changed"
        assert seen.count == number + 1
    assert sum(len(event["ms"]) for event in bench.told if event.get("measure") == "upload_delay") == 1_000
    assert len([event for event in bench.told if event.get("measure") == "upload_delay"]) == 40, "told by the second"


# -- shown ------------------------------------------------------------------------------------------------


def test_quantiles_are_those_of_the_textbook() -> None:
    samples = Samples(tuple(float(ms) for ms in range(100, 0, -1)), count=100, longest=100.0)
    assert (samples.median, samples.p95, samples.quantile(0.99), samples.quantile(0)) == (50.5, 95, 99, 1)
    assert (Samples().median, Samples().p95) == (None, None)


SHOWN = Latency(
    first_audio=Samples((420.0, 510.4, 1_900.0), ("a1", "a2", "a3"), 3, 1_900.0),
    silence=Samples((0.4,), ("a1",), 1, 0.4),
    replies=3,
    interrupted=1,
)


def test_a_terminal_shows_a_table_that_says_what_was_not_measured() -> None:
    console = Console(width=100, file=io.StringIO())
    console.print(SHOWN)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "question to first audio received" in shown
    assert "510" in shown
    assert "1,900" in shown
    assert "0.4" in shown
    assert "no live microphone" in shown
    assert "1 of 3 replies interrupted (33%)." in shown


def test_a_notebook_shows_a_table_that_a_screen_reader_can_read() -> None:
    html = SHOWN._repr_html_()
    assert html.count("<tr>") == 1 + len(list(SHOWN))
    assert html.count('scope="row"') == len(list(SHOWN))
    assert "<caption>Latency in milliseconds. 1 of 3 replies interrupted (33%).</caption>" in html
    assert "<td>1,900</td>" in html
    assert "no live microphone" in html


# -- on a real socket -------------------------------------------------------------------------------------


async def test_round_trips_are_measured_on_a_real_socket(config: Config) -> None:
    async with Simulator(config) as simulator:
        settings = Settings.from_environment("simulator", simulator_url=simulator.base_url, environ={})
        with RealtimeSession(settings=settings, config={"output_modalities": ["text"]}) as session:
            session.start()
            now = await session.when(lambda now: now.latency.round_trip.count)
    assert 0 < now.latency.round_trip.ms[0] < 1_000


def test_latency_prints_as_a_table() -> None:
    lines = str(Latency(first_audio=Samples((1.0, 250.0), ("a", "b"), 2, 250.0), replies=2, interrupted=1)).split("\n")
    assert lines[1].split() == ["what", "count", "median", "p95", "longest"]
    assert lines[2].split() == ["question", "to", "first", "audio", "received", "2", "126", "250", "250"]
    assert len({len(line) for line in lines[1:-1]}) == 1, "columns stand below each other"
    assert lines[-1] == "1 of 2 replies interrupted (50%)."


def test_a_button_is_not_measured_from_speech_into_an_earlier_reply(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user = LabUser()
        floor = Floor(lab, Script([STORY], [STORY]), user)
        await floor.until(lambda now: now.state is State.LISTENING)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.done")
        snap(floor.service)
        await floor.until(lambda now: now.restorations and now.state in {State.LISTENING, State.SPEAKING})
        assert floor.sink.head.queued_ms > 0, "the story still sounds, and the server has its words only"
        user.play(await lab.voice.clip("I live in Lisbon."))
        await floor.until(lambda _now: len(floor.received("response.created")) == 2)
        count = len(floor.received("response.output_audio.delta"))
        await floor.until_received("response.output_audio.delta", count + 3)
        await asyncio.sleep(1)
        floor.session.interrupt()
        await floor.until(lambda _now: floor.sent("conversation.item.truncate"))
        assert not floor.now.latency.silence.count
        await floor.session.stop()

    run(talk, lab)
