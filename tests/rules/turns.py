"""The rules of user turns: speech, commits, transcripts (reference §3.3, §3.4, §3.9)."""

from __future__ import annotations

from .models import Event


class TurnRules:
    """Sees the `input_audio_buffer.*` and transcription events of a session."""

    def __init__(self) -> None:
        self._open: str | None = None
        self._announced: str | None = None
        self._audio_at_ms = 0
        self._said: dict[tuple[str, int], str] = {}
        self._finished: set[tuple[str, int]] = set()

    def buffer(self, event: Event) -> tuple[tuple[str, str], ...]:
        """An `input_audio_buffer.*` event; returns the types and item ids of the events that follow in one burst."""
        match event["type"].removeprefix("input_audio_buffer."):
            case "speech_started":
                assert self._open is None, "an utterance ends before the next starts"
                self._open = event["item_id"]
                assert event["audio_start_ms"] >= 0
                self._audio_at_ms = event["audio_start_ms"]
            case "speech_stopped":
                assert event["item_id"] == self._open, "the utterance that stops is the one that started"
                assert event["audio_end_ms"] > self._audio_at_ms
                self._open, self._announced = None, event["item_id"]
                return (("input_audio_buffer.committed", event["item_id"]),)
            case "timeout_triggered":
                assert self._open is None, "nobody speaks when nobody spoke"
                assert event["audio_end_ms"] > event["audio_start_ms"]
                self._announced = event["item_id"]
            case "committed":
                waiting = self._announced or self._open
                assert waiting in (None, event["item_id"]), "the item id was reserved when speech started"
                self._open = self._announced = None
                return tuple((f"conversation.item.{kind}", event["item_id"]) for kind in ("added", "done"))
            case "cleared":
                self._open = None
        return ()

    def transcription(self, event: Event) -> None:
        """A `conversation.item.input_audio_transcription.*` event."""
        part = (event["item_id"], event["content_index"])
        assert part not in self._finished, "a transcript is finished once"
        match event["type"].rpartition(".")[2]:
            case "delta":
                self._said[part] = self._said.get(part, "") + event["delta"]
            case "completed":
                assert event["transcript"] == self._said.pop(part, "").strip(), "the deltas make up the transcript"
                self._finished.add(part)
            case "failed":
                self._finished.add(part)

    def forget(self, item_id: str) -> None:
        """The item was deleted: its id may come again."""
        self._finished = {part for part in self._finished if part[0] != item_id}
