"""Spans and metrics of a session, as the SDK's own exporters see them; and nothing of what was said."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

from realtime_helpers import EventLog, SummaryPolicy, Telemetry
from realtime_helpers.errors import MissingPartError
from realtime_helpers.experiments.lab import LIVELY, SETTINGS, LabParts, MemoryService, lab_config
from realtime_helpers.session.snapshot import State
from realtime_helpers.simulator.prompt import Prompt, ToolCall

from .lab import BISCUIT, run, say, say_aloud, snap, text_session, voice_session
from .test_latency import QUESTION_TO_AUDIO_MS, DeviceSink

Event = dict[str, Any]


class Collector:
    """OpenTelemetry's SDK with exporters in memory."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader], shutdown_on_exit=False)

    def telemetry(self) -> Telemetry:
        return Telemetry(self.tracers, self.meters)

    @property
    def spans(self) -> list[ReadableSpan]:
        """In the order in which they began."""
        return sorted(self._spans.get_finished_spans(), key=lambda span: (span.start_time, span.end_time))

    def named(self, start: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name.startswith(start)]

    def parent(self, span: ReadableSpan) -> ReadableSpan:
        return next(other for other in self.spans if span.parent and other.context.span_id == span.parent.span_id)

    @property
    def metrics(self) -> dict[str, Any]:
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        return {metric.name: metric for scope in scopes for metric in scope.metrics}

    def points(self, name: str) -> list[Any]:
        return list(self.metrics[name].data.data_points)

    def everything(self) -> str:
        data = self._reader.get_metrics_data()
        return "\n".join([*(span.to_json() for span in self.spans), data.to_json() if data else ""])


@pytest.fixture
def collector() -> Collector:
    return Collector()


def length_ms(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return round((span.end_time - span.start_time) / 1e6, 2)


def test_a_spoken_talk_is_a_tree_of_spans_with_exact_times(lab: LabParts, collector: Collector) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session, user = voice_session(service, DeviceSink(), trace=collector.telemetry())
        user.play(await lab.voice.clip("Tell me a long story."))
        await session.wait_for(lambda now: now.latency.first_sound.count == 1)
        await say_aloud(session, user, await lab.voice.clip("How are you today?"))
        await session.stop()

    run(talk, lab)
    session, *_ = collector.named("realtime session")
    story, answer = collector.named("chat")
    turns = collector.named("turn")
    assert session.parent is None
    assert [turn.attributes["realtime.turn.number"] for turn in turns if turn.attributes] == [1, 2]
    assert [collector.parent(turn).name for turn in turns] == [session.name] * 2
    assert [collector.parent(response) for response in (story, answer)] == turns
    assert story.attributes is not None
    assert story.attributes["gen_ai.response.finish_reasons"] == ("turn_detected",)
    assert story.attributes["gen_ai.response.time_to_first_chunk"] == pytest.approx(QUESTION_TO_AUDIO_MS / 1000)
    assert story.attributes["gen_ai.output.type"] == "speech"
    assert story.attributes["gen_ai.request.model"] == SETTINGS.model
    assert story.attributes["gen_ai.usage.input_tokens"] > 0  # type: ignore[operator]
    assert length_ms(answer) > QUESTION_TO_AUDIO_MS
    points = {name: collector.points(name)[0] for name in collector.metrics}
    assert points["gen_ai.client.operation.time_to_first_chunk"].sum == pytest.approx(2 * QUESTION_TO_AUDIO_MS / 1000)
    assert points["realtime.transcript_delay"].sum == pytest.approx(2 * LIVELY.transcript_ms / 1000)
    assert points["realtime.silence"].count == 1
    assert points["realtime.replies"].value == 2
    assert points["realtime.interruptions"].value == 1
    assert points["gen_ai.client.operation.duration"].count == 2
    tokens = {
        point.attributes["gen_ai.token.type"]: point.sum for point in collector.points("gen_ai.client.token.usage")
    }
    ledger = [span.attributes for span in (story, answer) if span.attributes]
    assert tokens["output"] == sum(int(str(entry["gen_ai.usage.output_tokens"])) for entry in ledger) > 0


def test_a_typed_talk_with_a_summary_tells_no_word_of_it(lab: LabParts, collector: Collector, tmp_path: Any) -> None:
    log = EventLog(tmp_path / "events.jsonl")

    async def talk(lab: LabParts) -> None:
        policy = SummaryPolicy(trigger_tokens=150, keep_turns=1)
        trace = [log, collector.telemetry()]
        session = text_session(MemoryService(lab_config(lab)), memory=policy, trace=trace)
        await say(session, BISCUIT, "Tell me a long story.", "I live in Lisbon.", "Thank you.")
        await session.wait_for(lambda now: bool(now.summaries) and not now.is_summarising)
        said.extend(item.text for item in session.snapshot().items)
        written.append(session.snapshot().summaries[0].text)
        await session.stop()

    said, written = list[str](), list[str]()
    run(talk, lab)
    log.close()
    assert len(collector.named("turn")) == len(collector.named("chat")) == 4
    summary = collector.named("summary")[0]
    assert summary.attributes is not None
    assert summary.attributes["realtime.summary.covered_items"] == 4
    assert collector.parent(summary).name.startswith("realtime session")
    values = {value for span in collector.spans for value in (span.attributes or {}).values() if isinstance(value, str)}
    ids = {value for value in values if re.fullmatch(r"(resp|conv)_\w+", value)}
    assert values - ids == {"chat", "text", "realtime_simulator", SETTINGS.model}
    told = collector.everything()
    assert "realtime_simulator" in told
    assert any("Biscuit" in text for text in written)
    assert any("Lisbon" in text for text in said)
    assert not re.search("Biscuit|Lisbon|dog|story|Thank", told)
    noted = [json.loads(line)["event"]["type"] for line in (tmp_path / "events.jsonl").read_text("utf-8").splitlines()
             if '"noted"' in line]  # fmt: skip
    assert noted[0] == "session.started"
    assert noted[-1] == "session.ended"
    assert {"summary.started", "summary.ended"} <= set(noted)


# -- event by event ---------------------------------------------------------------------------------------


def response(number: int, *calls: str, status: str = "completed", conversation: str | None = "conv_1") -> list[Event]:
    created = {"id": f"r{number}", "conversation_id": conversation, "status": "in_progress", "output": []}
    items = [{"type": "function_call", "status": "completed", "name": "get_weather", "call_id": call, "arguments":
              '{"city": "Lisbon"}'} for call in calls]  # fmt: skip
    details = {"type": "failed", "error": {"code": "server_error", "message": "Lisbon"}} if status == "failed" else None
    done = {**created, "status": status, "output": items, "status_details": details,
            "usage": {"input_tokens": 10, "output_tokens": 3}}  # fmt: skip
    return [
        {"type": "response.created", "response": created},
        *({"type": "response.output_item.done", "item": item} for item in items),
        {"type": "response.done", "response": done},
    ]


STARTED = {"type": "session.started", "backend": "azure", "model": "my-deployment"}
ENDED = {"type": "session.ended", "error": None}
SPEECH = {"type": "input_audio_buffer.speech_started", "item_id": "u1"}
CREATE = {"type": "response.create"}
OUTPUT = {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c1", "output": "21"}}


def feed(collector: Collector, sent: Iterable[Event], *received: Event) -> None:
    """A second between two events."""
    telemetry = collector.telemetry()
    telemetry.noted(STARTED, 0.0)
    for at_s, event in enumerate(received, start=1):
        telemetry("sent" if event in sent else "received", event, float(at_s))
    telemetry.noted(ENDED, 100.0)


def test_tool_calls_are_spans_from_their_arguments_to_their_output(collector: Collector) -> None:
    feed(collector, [OUTPUT, CREATE], SPEECH, *response(1, "c1", "c2"), OUTPUT, CREATE, *response(2), SPEECH)
    (first, second) = collector.named("execute_tool get_weather")
    assert first.attributes is not None
    assert first.attributes["gen_ai.tool.call.id"] == "c1"
    assert length_ms(first) == 3_000
    assert second.attributes is not None
    assert second.attributes["error.type"] == "session_ended", "its output never came"
    turns = collector.named("turn")
    assert [collector.parent(span) for span in (*collector.named("chat"), first, second)] == [turns[0]] * 4
    assert length_ms(turns[0]) == 8_000, "until the reply was complete"
    assert "Lisbon" not in collector.everything()


def test_a_call_that_was_cut_off_is_never_carried_out_and_is_no_span(collector: Collector) -> None:
    created, item, done = response(1, "c1")
    feed(collector, [], SPEECH, created, {**item, "item": {**item["item"], "status": "incomplete"}}, done)
    assert not collector.named("execute_tool")


def test_speech_that_was_not_answered_yet_begins_no_second_turn(collector: Collector) -> None:
    feed(collector, [CREATE], SPEECH, SPEECH, *response(1), CREATE, *response(2), *response(3, conversation=None))
    assert len(collector.named("turn")) == 2
    assert collector.parent(collector.named("chat")[2]).name == "realtime session my-deployment"


def test_a_failed_response_and_a_lost_line_end_as_errors(collector: Collector) -> None:
    unfinished = response(2)[0]
    feed(collector, [], SPEECH, *response(1, status="failed"), SPEECH, unfinished, {"type": "session.created"})
    failed, lost = collector.named("chat")
    assert failed.attributes is not None
    assert lost.attributes is not None
    assert (failed.attributes["error.type"], lost.attributes["error.type"]) == ("server_error", "connection_lost")
    assert not failed.status.is_ok
    assert failed.attributes["gen_ai.provider.name"] == "azure.ai.openai"


def test_the_session_is_part_of_the_span_that_was_open_when_it_was_attached(collector: Collector) -> None:
    with collector.tracers.get_tracer("app").start_as_current_span("request"):
        telemetry = collector.telemetry()
    telemetry.noted(STARTED, 0.0)
    telemetry.noted(ENDED, 1.0)
    assert collector.parent(collector.named("realtime session")[0]).name == "request"


def test_one_object_may_watch_one_session_after_the_other(collector: Collector) -> None:
    telemetry = collector.telemetry()
    for start_s in (0.0, 100.0):
        telemetry.noted(STARTED, start_s)
        telemetry("received", SPEECH, start_s + 1)
        telemetry("received", {"type": "input_audio_buffer.committed", "item_id": "item_1"}, start_s + 1.5)
        telemetry.noted(ENDED, start_s + 2)
    assert len(collector.named("realtime session")) == len(collector.named("turn")) == 2


def test_names_are_those_of_the_conventions(lab: LabParts, collector: Collector) -> None:
    feed(collector, [OUTPUT, CREATE], SPEECH, *response(1, "c1"), OUTPUT, CREATE, *response(2))
    conventions = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
    used = {name for span in collector.spans for name in span.attributes or ()}
    used |= {name for metric in collector.metrics for point in collector.points(metric) for name in point.attributes}
    assert {name for name in used if name.startswith("gen_ai.")} <= conventions
    measured = {value for name, value in vars(gen_ai_metrics).items() if name.startswith("GEN_AI_")}
    assert {name for name in collector.metrics if name.startswith("gen_ai.")} <= measured
    assert {name.split(".")[0] for name in (*used, *collector.metrics)} <= {"gen_ai", "realtime", "error"}


def test_telemetry_that_fails_is_let_go_of_and_the_talk_goes_on(lab: LabParts, collector: Collector) -> None:
    async def talk(lab: LabParts) -> None:
        telemetry = collector.telemetry()
        telemetry._tokens = None  # type: ignore[assignment]
        session = text_session(MemoryService(lab_config(lab)), trace=telemetry)
        await say(session, "Hello.", "Thank you.")
        assert "switched off" in session.snapshot().problems[0]
        await session.stop()

    run(talk, lab)


def test_without_opentelemetry_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingPartError, match=re.escape("pip install -e '.[telemetry]'")):
        Telemetry()


def test_the_program_may_have_set_up_no_telemetry_at_all() -> None:
    telemetry = Telemetry()
    telemetry.noted(STARTED, 0.0)
    for event in (SPEECH, *response(1, "c1")):
        telemetry("received", event, 1.0)
    telemetry.noted(ENDED, 2.0)


def test_a_tool_that_outlives_a_lost_line_did_not_fail(lab: LabParts, collector: Collector) -> None:
    class Caller:
        async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
            if any(line.role == "tool" for line in prompt.lines):
                yield "It is done."
            else:
                yield ToolCall("work", {})

    async def talk(lab: LabParts) -> None:
        async def work() -> str:
            """Do the work."""
            await asyncio.sleep(5)
            return "done"

        service = MemoryService(lab_config(replace(lab, responder=Caller())))
        session = text_session(service, tools=[work], trace=collector.telemetry())
        await session.wait_for(lambda now: now.state is State.LISTENING)
        session.say_text("Please do the work.")
        await session.wait_for(lambda now: bool(now.calls))
        snap(service)
        await session.wait_for(lambda now: now.calls[0].state == "answered" and now.is_quiet)
        await session.stop()

    run(talk, lab)
    (span,) = collector.named("execute_tool")
    assert span.attributes is not None
    assert "error.type" not in span.attributes
    assert span.end_time is not None
    assert span.start_time is not None
    assert span.end_time - span.start_time >= 5e9, "to its output"


def test_a_false_start_is_no_turn(collector: Collector) -> None:
    telemetry = collector.telemetry()
    telemetry.noted({"type": "session.started", "backend": "simulator", "model": "m"}, 0.0)
    telemetry("received", {"type": "input_audio_buffer.speech_started", "item_id": "u1", "audio_start_ms": 0}, 1.0)
    telemetry("received", {"type": "input_audio_buffer.committed", "item_id": "u1"}, 1.5)
    telemetry("received", {"type": "response.created", "response": {"id": "r1", "conversation_id": "c"}}, 2.0)
    done = {"id": "r1", "conversation_id": "c", "status": "completed", "output": [], "usage": {}}
    telemetry("received", {"type": "response.done", "response": done}, 3.0)
    telemetry("received", {"type": "input_audio_buffer.speech_started", "item_id": "u2", "audio_start_ms": 0}, 4.0)
    telemetry("received", {"type": "input_audio_buffer.cleared"}, 5.0)
    telemetry("sent", {"type": "response.create"}, 7.0)
    telemetry.noted({"type": "session.ended", "error": None}, 8.0)
    (session,) = collector.named("realtime session")
    assert session.attributes is not None
    assert session.attributes["realtime.turns"] == 2
    begins = [span.start_time - session.start_time for span in collector.named("turn")]  # type: ignore[operator]
    assert begins == [1_000_000_000, 7_000_000_000], "with the speech; what was typed later has nothing to do with it"
