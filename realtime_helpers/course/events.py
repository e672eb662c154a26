"""Lesson 03: events in a table, a turn replayed, old names, and the check of a reducer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..protocol import Event
from ..tables import Table
from ..tracing import Logged, read_log
from .verdict import Verdict

WHAT_TO_DO = {
    "session.update": "tell the server how to behave; only what you name changes",
    "session.created": "the line stands: send your settings now",
    "session.updated": "the settings in force: compare them with what you asked for",
    "input_audio_buffer.append": "send sound, 40 ms at a time; nothing confirms it",
    "input_audio_buffer.speech_started": "stop playing at once: the user is speaking",
    "input_audio_buffer.speech_stopped": "show that you heard the end",
    "input_audio_buffer.committed": "what was said is now the item with this id",
    "conversation.item.create": "put an item in: a typed turn, or a summary",
    "conversation.item.added": "note the item and its place: previous_item_id",
    "conversation.item.done": "the item is complete; of what you said only the words are missing",
    "conversation.item.input_audio_transcription.delta": "show your words as they come, by item_id",
    "conversation.item.input_audio_transcription.completed": "your words, whole: they replace the pieces",
    "conversation.item.input_audio_transcription.failed": "mark the turn: its words will not come",
    "response.create": "ask for a reply; with turn detection the server does it by itself",
    "response.created": "a reply is under way: ask for no second one",
    "response.output_item.added": "the reply begins an item; a call of a tool would be one, too",
    "response.content_part.added": "nothing, until replies have several parts",
    "response.output_text.delta": "show the written reply as it grows",
    "response.output_text.done": "the same, whole",
    "response.output_audio_transcript.delta": "show the words of the reply; they run ahead of its sound",
    "response.output_audio_transcript.done": "the same, whole: it replaces the pieces",
    "response.output_audio.delta": "play it, and count how much was heard",
    "response.output_audio.done": "all its sound is here; most of it is still to be played",
    "response.content_part.done": "nothing",
    "response.output_item.done": "the item is complete",
    "response.done": "read status and usage: here is the bill",
    "rate_limits.updated": "how much you may still use in this minute; never wait for it",
    "error": "read code and event_id; the line stays open",
}
"""What a client does with each event that a plain conversation has (reference §2.2, §3.1)."""

BETA_NAMES = {
    "conversation.item.created": "conversation.item.added, then conversation.item.done",
    "response.text.delta": "response.output_text.delta",
    "response.audio.delta": "response.output_audio.delta",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "transcription_session.update": "session.update, with the type transcription",
    "header OpenAI-Beta: realtime=v1": "no header; with it the line is closed",
    "session.modalities": "output_modalities: audio or text, not both",
    "session.voice": "audio.output.voice",
    "session.input_audio_format": "audio.input.format",
    "session.turn_detection": "audio.input.turn_detection",
    "session.input_audio_transcription": "audio.input.transcription",
    "session.max_response_output_tokens": "max_output_tokens",
    "session.temperature": "gone",
}
"""Names of 2024 and 2025, and what stands in their place since GA (reference §3.11)."""


def event_table(log: Iterable[Logged]) -> Table:
    """Every type of event that came, in the order of its first: when, how many, what to do with it."""
    first: dict[str, Logged] = {}
    counts: dict[str, int] = {}
    for logged in log:
        if logged.direction != "noted":
            first.setdefault(logged.type, logged)
            counts[logged.type] = counts.get(logged.type, 0) + 1
    start_ms = min((logged.at_ms for logged in first.values()), default=0.0)
    return Table(
        ("who", "type", "first at", "how many", "what to do"),
        [
            (
                "you" if logged.direction == "sent" else "server",
                kind,
                f"{(logged.at_ms - start_ms) / 1000:.2f} s",
                f"{counts[kind]}",
                WHAT_TO_DO.get(kind, "unknown here: keep it, and go on"),
            )
            for kind, logged in first.items()
        ],
    )


def beta_table() -> Table:
    """Old names, for readers of old posts."""
    return Table(("old (beta)", "now (GA)"), list(BETA_NAMES.items()), "The beta interface is off since 2026-05-12.")


_SOUND = {"input_audio_buffer.append": "you", "response.output_audio.delta": "the server"}


def replay(
    log: Sequence[Logged],
    *,
    speed: float = 1.0,
    sleep: Callable[[float], object] = time.sleep,
    write: Callable[[str], object] = print,
) -> None:
    """Print what went over the line, in its own rhythm. Sound is counted, not shown.

    Args:
        log: Events in order.
        speed: How many times faster than it happened.
        sleep: Waits so many seconds.
        write: Shows a line.
    """
    events = [logged for logged in log if logged.direction != "noted"]
    sound = dict.fromkeys(_SOUND.values(), 0)
    before_ms = events[0].at_ms if events else 0.0
    start_ms = before_ms
    for logged in events:
        if logged.type in _SOUND:
            sound[_SOUND[logged.type]] += 1
            continue
        sleep((logged.at_ms - before_ms) / 1000 / speed)
        before_ms = logged.at_ms
        for who, pieces in sound.items():
            if pieces:
                write(f"{'':7}  ..  {pieces} pieces of sound from {who}")
                sound[who] = 0
        arrow = "->" if logged.direction == "sent" else "<-"
        write(f"{(logged.at_ms - start_ms) / 1000:5.2f} s  {arrow}  {logged.type}  {_gist(logged.event)}".rstrip())


def _gist(event: Event) -> str:
    """What of an event is worth a glance."""
    item = event.get("item")
    if isinstance(item, Mapping):
        return f"[{item.get('role') or item.get('type')}]"
    if event["type"] == "response.done":
        response = event["response"]
        return f"[{response['status']}, {(response.get('usage') or {}).get('total_tokens', 0)} tokens]"
    if event["type"] == "error":
        return f"[{event['error'].get('code')}]"
    words = event.get("delta") or event.get("transcript") or event.get("text")
    return f"{words!r}" if isinstance(words, str) else ""


INTERLEAVED = tuple(logged.event for logged in read_log(Path(__file__).with_name("interleaved_turn.jsonl")))
"""A recording of the simulator without its sound. The user goes on speaking while the bot still tells a story, so the
words of both come mixed."""

_WHOLE = {
    "conversation.item.input_audio_transcription.completed": "user",
    "response.output_audio_transcript.done": "assistant",
}


def _expected(events: Sequence[Event]) -> dict[str, str]:
    return {event["item_id"]: event["transcript"] for event in events if event["type"] in _WHOLE}


def check_transcripts(collect: Callable[[Sequence[Event]], Any]) -> Verdict:
    """Whether a reducer finds the words of every item: in the recording, before its end, and beside unknown events."""
    try:
        found = collect(INTERLEAVED)
        missing = _what_is_wrong(found)
        if missing is None:
            halfway = next(n for n, event in enumerate(INTERLEAVED) if "output_audio_transcript.delta" in event["type"])
            begun = collect(INTERLEAVED[: halfway + 3])
            if not any("Once upon" in str(words) for words in begun.values()):
                missing = (
                    "the whole recording is right, but while a reply grows its words are not there yet: use deltas"
                )
        if missing is None:
            surprise: Event = {"type": "server.surprise", "event_id": "event_1"}
            if collect((surprise, *INTERLEAVED, surprise)) != found:
                missing = "an event of an unknown type changed your result: leave such events alone"
    except Exception as error:  # noqa: BLE001 - whatever a learner writes, the notebook goes on
        missing = f"your function raised {type(error).__name__}: {error}. Does every type of event have that field?"
    if missing is not None:
        return Verdict(False, missing)
    return Verdict(True, f"the words of {len(found)} items, each in its own place, whatever came in between.")


def _what_is_wrong(found: object) -> str | None:
    if not isinstance(found, Mapping):
        return f"collect() returned {type(found).__name__}: return a dict from item_id to words."
    if not found:
        return "the dict is empty. Begin with response.output_audio_transcript.delta: its words are in `delta`."
    expected = _expected(INTERLEAVED)
    roles = {event["item_id"]: _WHOLE[event["type"]] for event in INTERLEAVED if event["type"] in _WHOLE}
    for item_id, words in expected.items():
        mine = found.get(item_id)
        if mine is None:
            kinds = "your own words come in conversation.item.input_audio_transcription.… events"
            return f"nothing was collected for {item_id} of the {roles[item_id]}" + (
                f"; {kinds}." if roles[item_id] == "user" else "."
            )
        if str(mine).strip() != words:
            twice = str(mine).count(words) > 1
            why = (
                "the words are there twice: the event that holds them whole replaces the pieces"
                if twice
                else "are its words mixed with another item's? Keep one text for each item_id"
            )
            return f"{item_id} should be {words[:40]!r}…, and is {str(mine)[:40]!r}…: {why}."
    extra = set(found) - set(expected)
    return (
        f"there is something under {sorted(map(str, extra))}: only items that say words belong here." if extra else None
    )
