"""What Prometheus may ask: counters, gauges and histograms of one simulator, with bounded labels."""

from __future__ import annotations

import os
from typing import Any

from .event_types import CLIENT_EVENTS

SHARED_DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Set before the first `Metrics` of a process: then the workers' figures are added up (`prometheus_client`'s rule)."""

ERROR_CODES = frozenset({
    "beta_api_shape_disabled", "class_full", "cannot_update_speed", "cannot_update_tracing", "cannot_update_voice",
    "context_length_exceeded", "conversation_already_has_active_response", "conversation_too_large",
    "decimal_above_max_value", "decimal_below_min_value", "engine_failed", "idle_session",
    "input_audio_buffer_commit_empty", "input_audio_buffer_full", "insufficient_quota", "integer_above_max_value",
    "integer_below_min_value", "internal_error", "invalid_api_key", "invalid_event", "invalid_json",
    "invalid_model", "invalid_request", "invalid_scenario", "invalid_type", "invalid_value",
    "item_create_duplicate_item_id", "item_create_invalid_approval_request_id",
    "item_create_invalid_previous_item_id", "item_delete_invalid_item_id", "item_retrieve_invalid_item_id",
    "item_truncate_invalid_item_id", "missing_model", "missing_required_parameter", "not_simulated",
    "object_above_max_properties", "prompt_not_found", "rate_limit_exceeded", "response_cancel_not_active",
    "server_error", "session_expired", "shutting_down", "simulated_refusal", "simulator_error",
    "string_above_max_length", "too_many_items", "too_many_own_sessions", "too_many_responses", "too_many_sessions",
    "transcription_failed", "unknown_parameter", "unsupported_content_type", "unsupported_parameter",
    "unsupported_value",
})  # fmt: skip
"""Codes the simulator raises itself; a test compares them with the code."""
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, 1005, 1006, 1007, 1009, 1011, 1012, 1013, 3000, 4000})
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The figures of one simulator. Cheap enough to be called for every event.

    One registry each, so that two simulators in one process do not meet; with `SHARED_DIRECTORY_VARIABLE` set, the
    figures of all worker processes are in every worker's page.
    """

    def __init__(self) -> None:
        # here and not above: the library decides at its import whether figures are shared between processes
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        registry = self._registry = CollectorRegistry()
        self._open = Gauge(
            "realtime_sessions_open", "Sessions open now.", registry=registry, multiprocess_mode="livesum"
        )
        self._ended = Counter(
            "realtime_sessions_ended", "Sessions that ended, by who ended them and close code.",
            ["reason", "code"], registry=registry,
        )  # fmt: skip
        self._client_events = Counter(
            "realtime_client_events", "Events from clients, by type.", ["type"], registry=registry
        )
        self._server_events = Counter(
            "realtime_server_events", "Events to clients, by type.", ["type"], registry=registry
        )
        self._responses = Counter(
            "realtime_responses", "Responses that ended, by status.", ["status"], registry=registry
        )
        self._tokens = Counter(
            "realtime_tokens", "Tokens of all responses, by kind; cached ones are also counted as input.",
            ["kind"], registry=registry,
        )  # fmt: skip
        self._errors = Counter("realtime_errors", "Errors told to clients, by code.", ["code"], registry=registry)
        self._recognition = Histogram(
            "realtime_recognition_seconds", "Time to recognise one utterance.", buckets=_SECONDS, registry=registry
        )
        self._first_audio = Histogram(
            "realtime_first_audio_seconds", "Time from response.created to the first audio.",
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip

    def session_opened(self) -> None:
        """A session was accepted."""
        self._open.inc()

    def session_ended(self, reason: str, close_code: int) -> None:
        """An accepted session ended.

        Args:
            reason: `client`, `lost`, `shutdown`, or the code of the error by which the simulator ended it.
            close_code: WebSocket close code; 1006 if there was none.
        """
        self._open.dec()
        self._ended.labels(reason, str(close_code) if close_code in _CLOSE_CODES else "other").inc()

    def client_event(self, kind: str) -> None:
        """A client sent an event of this type; a type outside the protocol counts as `unknown`."""
        self._client_events.labels(kind if kind in CLIENT_EVENTS else "unknown").inc()

    def server_event(self, event: dict[str, Any]) -> None:
        """The simulator sends this event. Responses, tokens and errors are read from it."""
        kind = event["type"]
        self._server_events.labels(kind).inc()
        if kind == "response.done":
            self._response_ended(event["response"])
        elif kind in ("error", "conversation.item.input_audio_transcription.failed"):
            self._error(event["error"]["code"])

    def recognition(self, seconds: float) -> None:
        """One utterance was recognised."""
        self._recognition.observe(seconds)

    def first_audio(self, seconds: float) -> None:
        """A response brought its first audio."""
        self._first_audio.observe(seconds)

    def page(self) -> tuple[bytes, str]:
        """The text for Prometheus, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = self._registry
        if SHARED_DIRECTORY_VARIABLE in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def _response_ended(self, response: dict[str, Any]) -> None:
        self._responses.labels(response["status"]).inc()
        error = (response.get("status_details") or {}).get("error")
        if error:
            self._error(error.get("code"))
        usage = response.get("usage")
        if not usage:
            return
        read, written = usage["input_token_details"], usage["output_token_details"]
        self._tokens.labels("input_text").inc(read["text_tokens"])
        self._tokens.labels("input_audio").inc(read["audio_tokens"])
        self._tokens.labels("cached").inc(read["cached_tokens"])
        self._tokens.labels("output_text").inc(written["text_tokens"])
        self._tokens.labels("output_audio").inc(written["audio_tokens"])

    def _error(self, code: str | None) -> None:
        self._errors.labels("none" if code is None else code if code in ERROR_CODES else "other").inc()
