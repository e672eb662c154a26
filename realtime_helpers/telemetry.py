"""A session as OpenTelemetry spans and metrics: how long, how many, how it ended; never a word of what was said.

Names are those of OpenTelemetry's semantic conventions for generative AI where they have one (`gen_ai.*`), and
`realtime.*` where they have none. `docs/latency.md` lists them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .errors import MissingPartError
from .protocol import Event

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, SpanKind, TracerProvider

_NAME = "realtime_helpers"
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 3.0, 5.0, 10.0)
_TOKENS = (1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144)
_PROVIDERS = {"openai": "openai", "azure": "azure.ai.openai", "simulator": "realtime_simulator"}
_LATENCIES = {
    "first_audio": ("gen_ai.client.operation.time_to_first_chunk", "End of the question to first audio received"),
    "first_sound": ("realtime.first_sound", "End of the question to first sound"),
    "silence": ("realtime.silence", "Interruption to silence"),
    "transcript": ("realtime.transcript_delay", "End of speech to its transcript"),
    "upload_delay": ("realtime.upload_delay", "Chunk captured to its frame on the socket"),
    "upload_jitter": ("realtime.upload_jitter", "Unevenness of uploads"),
    "round_trip": ("realtime.round_trip", "Ping to pong"),
}


class Telemetry:
    """Sends spans and metrics of one session wherever the program sends its own. Pass it as `trace`.

    Spans: the session, in it turns and summaries, in a turn its responses and tool calls. The session's span is a child
    of the span that is current when this is made. An object serves one session at a time.

    Args:
        tracer_provider: Makes the spans; by default the program's.
        meter_provider: Makes the metrics; by default the program's.
        clock_ns: Nanoseconds since 1970.

    Raises:
        MissingPartError: OpenTelemetry's API is not installed.

    Example:
        session = RealtimeSession(trace=Telemetry())
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        try:
            from opentelemetry import context, metrics, trace
        except ModuleNotFoundError:
            raise MissingPartError(
                "OpenTelemetry's API is not installed.", "In the workshop's folder: pip install -e '.[telemetry]'"
            ) from None
        self._trace = trace
        self._tracer = trace.get_tracer(_NAME, tracer_provider=tracer_provider)
        self._outside = context.get_current()
        self._clock_ns = clock_ns
        self._offset_ns: int | None = None
        meter = metrics.get_meter(_NAME, meter_provider=meter_provider)
        self._latencies = {
            measure: meter.create_histogram(name, "s", words, explicit_bucket_boundaries_advisory=_SECONDS)
            for measure, (name, words) in _LATENCIES.items()
        }
        self._durations = meter.create_histogram(
            "gen_ai.client.operation.duration", "s", "Response created to done",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )  # fmt: skip
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage", "{token}", "Tokens of a response", explicit_bucket_boundaries_advisory=_TOKENS
        )
        self._replies = meter.create_counter("realtime.replies", "{reply}", "Responses that began to speak")
        self._interruptions = meter.create_counter("realtime.interruptions", "{reply}", "Replies the user cut off")
        self._forget()

    def _forget(self) -> None:
        self._common: dict[str, Any] = {}
        self._model = ""
        self._session: Span | None = None
        self._turn: Span | None = None
        self._turns = 0
        self._speech_s: float | None = None  # when speech began that is no turn yet
        self._has_response = False  # the turn
        self._summary: Span | None = None
        self._responses: dict[str, tuple[Span, float]] = {}
        self._calls: dict[str, Span] = {}
        self._speaking = ""

    def __call__(self, direction: Literal["sent", "received"], event: Event, at_s: float) -> None:
        """Take in an event of the line."""
        handler = self._HANDLERS.get(event["type"] if direction == "received" else f"{direction} {event['type']}")
        if handler is not None:
            handler(self, event, at_s)

    def noted(self, event: Event, at_s: float) -> None:
        """Take in what the session has noticed."""
        self("noted", event, at_s)  # type: ignore[arg-type]

    # -- spans ----------------------------------------------------------------------------------------

    def _begin(
        self, name: str, at_s: float, parent: Span | None, attributes: Mapping[str, Any], kind: SpanKind | None = None
    ) -> Span:
        if self._offset_ns is None:
            self._offset_ns = self._clock_ns() - int(at_s * 1e9)
        within = self._outside if parent is None else self._trace.set_span_in_context(parent, self._outside)
        return self._tracer.start_span(
            name, within, kind or self._trace.SpanKind.INTERNAL, {**self._common, **attributes},
            start_time=self._ns(at_s),
        )  # fmt: skip

    def _end(self, span: Span, at_s: float, error: str | None = None) -> None:
        if error is not None:
            span.set_attribute("error.type", error)
            span.set_status(self._trace.StatusCode.ERROR)
        span.end(self._ns(at_s))

    def _ns(self, at_s: float) -> int:
        return (self._offset_ns or 0) + int(at_s * 1e9)

    def _on_session_started(self, event: Event, at_s: float) -> None:
        self._forget()
        self._model = event["model"]
        provider = _PROVIDERS.get(event["backend"], event["backend"])
        self._common = {"gen_ai.provider.name": provider, "gen_ai.request.model": self._model}
        self._session = self._begin(f"realtime session {self._model}", at_s, None, {})

    def _on_session_ended(self, event: Event, at_s: float) -> None:
        self._drop_line(at_s, "session_ended")
        for call in self._calls.values():
            self._end(call, at_s, "session_ended")
        for span in (self._summary, self._turn):
            if span is not None:
                self._end(span, at_s)
        if self._session is not None:
            self._session.set_attribute("realtime.turns", self._turns)
            self._end(self._session, at_s, event["error"])
        self._forget()

    def _on_connection(self, _event: Event, at_s: float) -> None:
        self._drop_line(at_s, "connection_lost")

    def _drop_line(self, at_s: float, error: str) -> None:
        """Responses that were under way will never be told to have ended. Tools run on."""
        for span, _ in self._responses.values():
            self._end(span, at_s, error)
        self._responses.clear()
        self._speech_s = None

    def _on_speech_started(self, _event: Event, at_s: float) -> None:
        self._speech_s = at_s  # it may come to nothing

    def _on_cleared(self, _event: Event, _at_s: float) -> None:
        self._speech_s = None

    def _begin_turn(self, _event: Event, at_s: float) -> None:
        """The user said something: a new turn, unless the one before is still without a reply."""
        began_s, self._speech_s = at_s if self._speech_s is None else self._speech_s, None
        if self._turn is not None and not self._has_response:
            return
        self._end_turn(began_s)
        self._turns += 1
        self._has_response = False
        self._turn = self._begin("turn", began_s, self._session, {"realtime.turn.number": self._turns})

    def _end_turn(self, at_s: float) -> None:
        if self._turn is not None:
            self._end(self._turn, at_s)
            self._turn = None

    def _on_request(self, event: Event, at_s: float) -> None:
        if (event.get("response") or {}).get("conversation") != "none" and self._turn is None:
            self._begin_turn(event, at_s)

    def _on_response_created(self, event: Event, at_s: float) -> None:
        response = event["response"]
        conversation = response.get("conversation_id")
        if conversation is not None:
            self._on_request(event, at_s)  # one that nobody here asked for
            self._has_response = True
        speaks = "audio" in (response.get("output_modalities") or ())
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.response.id": response["id"],
            "gen_ai.output.type": "speech" if speaks else "text",
            "realtime.out_of_band": conversation is None,
            **({} if conversation is None else {"gen_ai.conversation.id": conversation}),
        }
        parent = self._session if conversation is None else self._turn
        span = self._begin(f"chat {self._model}", at_s, parent, attributes, self._trace.SpanKind.CLIENT)
        self._responses[response["id"]] = (span, at_s)

    def _on_response_done(self, event: Event, at_s: float) -> None:
        response = event["response"]
        status, details = response["status"], response.get("status_details") or {}
        usage = response.get("usage") or {}
        span, began_s = self._responses.pop(response["id"], (None, at_s))
        if span is not None:
            read = (usage.get("input_token_details") or {}).get("cached_tokens", 0)
            span.set_attributes(
                {
                    "gen_ai.response.finish_reasons": [details.get("reason") or status],
                    "gen_ai.usage.input_tokens": usage.get("input_tokens", 0),
                    "gen_ai.usage.output_tokens": usage.get("output_tokens", 0),
                    "gen_ai.usage.cache_read.input_tokens": read,
                }
            )
            failure = (details.get("error") or {}).get("code") or "failed"
            self._end(span, at_s, failure if status == "failed" else None)
            self._durations.record(at_s - began_s, {**self._common, "gen_ai.operation.name": "chat"})
        for kind in ("input", "output") if usage else ():
            attributes = {**self._common, "gen_ai.operation.name": "chat", "gen_ai.token.type": kind}
            self._tokens.record(usage.get(f"{kind}_tokens", 0), attributes)
        calls = any(item.get("type") == "function_call" for item in response.get("output") or ())
        if response.get("conversation_id") is not None and not calls and self._has_response:
            self._end_turn(at_s)

    def _on_output_item(self, event: Event, at_s: float) -> None:
        item = event["item"]
        if item["type"] == "function_call" and item.get("status") == "completed":
            attributes = {
                "gen_ai.operation.name": "execute_tool", "gen_ai.tool.type": "function",
                "gen_ai.tool.name": item["name"], "gen_ai.tool.call.id": item["call_id"],
            }  # fmt: skip
            self._calls[item["call_id"]] = self._begin(f"execute_tool {item['name']}", at_s, self._turn, attributes)

    def _on_item_sent(self, event: Event, at_s: float) -> None:
        item = event["item"]
        if item["type"] == "function_call_output" and (span := self._calls.pop(item["call_id"], None)) is not None:
            self._end(span, at_s)

    def _on_summary_started(self, _event: Event, at_s: float) -> None:
        self._summary = self._begin("summary", at_s, self._session, {})

    def _on_summary_ended(self, event: Event, at_s: float) -> None:
        if self._summary is None:
            return
        if event["item_id"] is not None:
            self._summary.set_attributes(
                {
                    "realtime.summary.covered_items": event["covers"],
                    "gen_ai.usage.input_tokens": event["input_tokens"],
                    "gen_ai.usage.output_tokens": event["output_tokens"],
                    **({} if event["model"] is None else {"gen_ai.response.model": event["model"]}),
                }
            )
        self._end(self._summary, at_s, None if event["item_id"] is not None else "no_summary")
        self._summary = None

    # -- metrics --------------------------------------------------------------------------------------

    def _on_latency(self, event: Event, _at_s: float) -> None:
        for ms in event["ms"]:
            self._latencies[event["measure"]].record(ms / 1000, self._common)
        if event["measure"] == "first_audio" and self._speaking in self._responses:
            span, _ = self._responses[self._speaking]
            span.set_attribute("gen_ai.response.time_to_first_chunk", event["ms"][0] / 1000)

    def _on_reply_started(self, event: Event, _at_s: float) -> None:
        self._speaking = event["response_id"]
        self._replies.add(1, self._common)

    def _on_reply_interrupted(self, event: Event, _at_s: float) -> None:
        self._interruptions.add(1, self._common)
        if event["response_id"] in self._responses:
            self._responses[event["response_id"]][0].set_attribute("realtime.interrupted", True)

    _HANDLERS: ClassVar[dict[str, Callable[[Telemetry, Event, float], None]]] = {
        "session.created": _on_connection,
        "input_audio_buffer.speech_started": _on_speech_started,
        "input_audio_buffer.committed": _begin_turn,
        "input_audio_buffer.cleared": _on_cleared,
        "response.created": _on_response_created,
        "response.output_item.done": _on_output_item,
        "response.done": _on_response_done,
        "sent response.create": _on_request,
        "sent input_audio_buffer.commit": _begin_turn,
        "sent conversation.item.create": _on_item_sent,
        "noted session.started": _on_session_started,
        "noted latency": _on_latency,
        "noted reply.started": _on_reply_started,
        "noted reply.interrupted": _on_reply_interrupted,
        "noted summary.started": _on_summary_started,
        "noted summary.ended": _on_summary_ended,
        "noted session.ended": _on_session_ended,
    }
