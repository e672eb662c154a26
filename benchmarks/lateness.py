"""How late events reach a client, against the moment the simulator's own pace has them due."""

from __future__ import annotations

from typing import Any, Literal

from realtime_helpers.audio.formats import PCM16
from realtime_helpers.simulator import PACES

PACE = PACES["realtime"]
_MOST = 1 + PACE.jitter
_BASE64 = 4 / 3


class Lateness:
    """Follows one session's events both ways, as a trace; `found` has seconds of lateness by what was late.

    - `audio`: a delta is due when the ones before it have passed at eight times the speed of sound.
    - `turn`: `speech_started`, `speech_stopped`, `committed` and `response.created` are due when the audio that brings
      them about was sent.
    - `words`: the transcript, 450 ms after the turn was committed; `answer`: a reply's first item, 303 ms after
      `response.created`. Both need the recogniser first. (The pace varies by 15 %; the longest wait counts as due.)
    - `first audio`: 121 ms after the first item.
    - `edit`: what a client's own event brings about at once: items added and deleted, settings changed.
    """

    def __init__(self) -> None:
        self.found: list[tuple[str, float]] = []
        self._sent_ms = 0.0
        self._sent: list[tuple[float, float]] = []
        self._asked: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self._turn_at_s: float | None = None

    def __call__(self, direction: Literal["sent", "received"], event: dict[str, Any], at_s: float) -> None:
        """See `tracing.Trace`."""
        if direction == "sent":
            self._note_sent(event, at_s)
        else:
            self._note_received(event, at_s)

    def _note_sent(self, event: dict[str, Any], at_s: float) -> None:
        match event["type"]:
            case "input_audio_buffer.append":
                self._sent_ms += len(event["audio"]) / _BASE64 / PCM16.bytes_per_ms
                self._sent.append((self._sent_ms, at_s))
            case "conversation.item.create":
                self._asked[event["item"].get("id", "")] = at_s
            case "conversation.item.delete":
                self._asked[f"deleted {event['item_id']}"] = at_s
            case "session.update":
                self._asked["session"] = at_s

    def _note_received(self, event: dict[str, Any], at_s: float) -> None:
        match event["type"]:
            case "session.created":  # a new connection counts its audio from nought
                self._sent_ms = 0.0
                self._sent.clear()
            case "session.updated":
                self._due("edit", self._asked.pop("session", None), at_s)
            case "conversation.item.added":
                self._due("edit", self._asked.pop(event["item"]["id"], None), at_s)
            case "conversation.item.deleted":
                self._due("edit", self._asked.pop(f"deleted {event['item_id']}", None), at_s)
            case "input_audio_buffer.speech_stopped":
                self._turn_at_s = self._when_sent(event["audio_end_ms"])
                self._due("turn", self._turn_at_s, at_s)
            case "input_audio_buffer.committed":
                self._due("turn", self._turn_at_s, at_s)
                self._since[event["item_id"]] = at_s
            case "response.created":
                self._due("turn", self._turn_at_s, at_s)
                self._turn_at_s = None
                self._since[event["response"]["id"]] = at_s
            case "conversation.item.input_audio_transcription.completed":
                self._due_after("words", event["item_id"], PACE.transcript_ms * _MOST, at_s)
            case "response.output_item.added":
                self._due_after("answer", event["response_id"], PACE.before_item_ms * _MOST, at_s)
                self._since[f"audio {event['item']['id']}"] = at_s
            case "response.output_audio.delta":
                self._note_audio(event, at_s)

    def _note_audio(self, event: dict[str, Any], at_s: float) -> None:
        name = f"audio {event['item_id']}"
        first = f"first {event['item_id']}"
        if name in self._since:
            self._due_after("first audio", name, PACE.before_audio_ms * _MOST, at_s)
            self._since[first] = at_s
        else:
            self._due("audio", self._since[first], at_s)
        length_s = len(event["delta"]) / _BASE64 / PCM16.bytes_per_ms / 1000
        assert PACE.audio_speed is not None
        self._since[first] += length_s / PACE.audio_speed  # the next one is due then, counted from the first of all

    def _when_sent(self, at_ms: float) -> float | None:
        while self._sent:
            end_ms, at_s = self._sent.pop(0)
            if end_ms >= at_ms:
                return at_s
        return None

    def _due_after(self, what: str, name: str, wait_ms: float, at_s: float) -> None:
        since_s = self._since.pop(name, None)
        self._due(what, None if since_s is None else since_s + wait_ms / 1000, at_s)

    def _due(self, what: str, due_s: float | None, at_s: float) -> None:
        if due_s is not None:
            self.found.append((what, max(0.0, at_s - due_s)))
