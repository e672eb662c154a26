"""Lesson 03: the table holds what came, the replay shows it in its rhythm, and the check knows a good reducer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from realtime_helpers.course.events import (
    BETA_NAMES,
    INTERLEAVED,
    WHAT_TO_DO,
    beta_table,
    check_transcripts,
    event_table,
    replay,
)
from realtime_helpers.protocol import Event
from realtime_helpers.simulator.event_types import CLIENT_EVENTS
from realtime_helpers.tracing import Logged

LOG = [
    Logged(0.0, "noted", {"type": "session.started"}),
    Logged(100.0, "received", {"type": "session.created"}),
    *(Logged(200.0 + n, "sent", {"type": "input_audio_buffer.append"}) for n in range(3)),
    Logged(300.0, "received", {"type": "conversation.item.added", "item": {"role": "user"}}),
    Logged(400.0, "received", {"type": "response.output_audio_transcript.delta", "delta": "Hi"}),
    Logged(410.0, "received", {"type": "response.output_audio.delta"}),
    Logged(500.0, "received", {"type": "response.done", "response": {"status": "completed", "usage": None}}),
    Logged(600.0, "received", {"type": "error", "error": {"code": "invalid_value"}}),
    Logged(700.0, "received", {"type": "server.surprise"}),
]


def test_the_table_has_a_line_for_every_type_that_came() -> None:
    rows = event_table(LOG).rows
    assert [row[1] for row in rows] == list(dict.fromkeys(logged.type for logged in LOG[1:]))
    assert rows[1] == ("you", "input_audio_buffer.append", "0.10 s", "3", WHAT_TO_DO["input_audio_buffer.append"])
    assert rows[-1][-1] == "unknown here: keep it, and go on"
    assert event_table([]).rows == []


def test_every_event_of_the_recording_is_explained_and_none_by_an_old_name() -> None:
    assert {event["type"] for event in INTERLEAVED} <= set(WHAT_TO_DO)
    assert not set(BETA_NAMES) & set(WHAT_TO_DO)
    assert len(beta_table().rows) == len(BETA_NAMES)
    assert {name for name in WHAT_TO_DO if name in CLIENT_EVENTS} == {
        "session.update", "input_audio_buffer.append", "conversation.item.create", "response.create"
    }  # fmt: skip


def test_a_replay_keeps_the_rhythm_and_counts_the_sound() -> None:
    waits: list[float] = []
    lines: list[str] = []
    replay(LOG, speed=2.0, sleep=waits.append, write=lines.append)
    assert waits == pytest.approx([0.0, 0.1, 0.05, 0.05, 0.05, 0.05])
    assert lines == [
        " 0.00 s  <-  session.created",
        "         ..  3 pieces of sound from you",
        " 0.20 s  <-  conversation.item.added  [user]",
        " 0.30 s  <-  response.output_audio_transcript.delta  'Hi'",
        "         ..  1 pieces of sound from the server",
        " 0.40 s  <-  response.done  [completed, 0 tokens]",
        " 0.50 s  <-  error  [invalid_value]",
        " 0.60 s  <-  server.surprise",
    ]
    replay([], sleep=waits.append, write=lines.append)


_USER = "conversation.item.input_audio_transcription"
_BOT = "response.output_audio_transcript"


def by_item(events: Sequence[Event]) -> dict[str, str]:
    words: dict[str, str] = {}
    for event in events:
        if event["type"] in {f"{_USER}.delta", f"{_BOT}.delta"}:
            words[event["item_id"]] = words.get(event["item_id"], "") + event["delta"]
        elif event["type"] in {f"{_USER}.completed", f"{_BOT}.done"}:
            words[event["item_id"]] = event["transcript"]
    return words


def whole_only(events: Sequence[Event]) -> dict[str, str]:
    return {e["item_id"]: e["transcript"] for e in events if e["type"] in {f"{_USER}.completed", f"{_BOT}.done"}}


def bot_only(events: Sequence[Event]) -> dict[str, str]:
    words: dict[str, str] = {}
    for event in events:
        if event["type"] == f"{_BOT}.delta":
            words[event["item_id"]] = words.get(event["item_id"], "") + event["delta"]
    return words


def twice(events: Sequence[Event]) -> dict[str, str]:
    words: dict[str, str] = {}
    for event in events:
        if event["type"].startswith((_USER, _BOT)):
            more = event.get("delta") or event.get("transcript") or ""
            words[event["item_id"]] = words.get(event["item_id"], "") + more
    return words


def one_pot(events: Sequence[Event]) -> dict[str, str]:
    found: dict[str, str] = {}
    last = ""
    for event in events:
        if event["type"].endswith("added"):
            last = event.get("item", {}).get("id", last)
        if "delta" in event:
            found[last] = found.get(last, "") + event["delta"]
    return found


def careless(events: Sequence[Event]) -> dict[str, str]:
    return {event["item_id"]: event["delta"] for event in events}


def names_everything(events: Sequence[Event]) -> dict[str, str]:
    return {**by_item(events), "items": "3"}


def counts_everything(events: Sequence[Event]) -> dict[str, str]:
    return by_item(events) | ({"surprise": ""} if any(e["type"] == "server.surprise" for e in events) else {})


def test_the_recording_mixes_the_words_of_several_items() -> None:
    order = [event["item_id"] for event in INTERLEAVED if event["type"].startswith((_USER, _BOT))]
    blocks = sum(one != other for one, other in pairwise(order)) + 1
    assert blocks > len(set(order)) == 3
    assert all("audio.delta" not in event["type"] for event in INTERLEAVED)


def test_a_good_reducer_passes() -> None:
    assert check_transcripts(by_item).passed


@pytest.mark.parametrize(
    ("collect", "says"),
    [
        (lambda _events: {}, "the dict is empty"),
        (lambda _events: None, "returned NoneType"),
        (bot_only, "of the user; your own words"),
        (twice, "there twice"),
        (one_pot, "mixed with another"),
        (whole_only, "use deltas"),
        (careless, "raised KeyError"),
        (names_everything, "only items that say words"),
        (counts_everything, "unknown type changed"),
    ],
)
def test_the_usual_mistakes_are_explained(collect: Callable[[Sequence[Event]], Any], says: str) -> None:
    verdict = check_transcripts(collect)
    assert not verdict.passed
    assert says in verdict.why
