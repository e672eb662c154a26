"""Which audio a lost line would lose."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_helpers.audio.formats import AUDIO_FORMATS
from realtime_helpers.protocol import clear_audio, commit_audio
from realtime_helpers.session.uploads import MAX_KEPT_BYTES, TURN_END, Uploads

SECOND = 48_000
"""Bytes of PCM16."""


def started(at_ms: int) -> dict[str, Any]:
    return {"type": "input_audio_buffer.speech_started", "item_id": "one", "audio_start_ms": at_ms}


def stopped(at_ms: int) -> dict[str, Any]:
    return {"type": "input_audio_buffer.speech_stopped", "item_id": "one", "audio_end_ms": at_ms}


def committed(item_id: str = "one") -> dict[str, Any]:
    return {"type": "input_audio_buffer.committed", "item_id": item_id}


def added(item_id: str = "one") -> dict[str, Any]:
    return {"type": "conversation.item.added", "item": {"id": item_id}}


def transcribed(item_id: str = "one") -> dict[str, Any]:
    return {"type": "conversation.item.input_audio_transcription.completed", "item_id": item_id}


def a_turn(uploads: Uploads, *events: dict[str, Any]) -> None:
    """A second of silence, two of speech, a second of silence."""
    uploads.sent(b"\0" * SECOND + b"\1" * 2 * SECOND + b"\2" * SECOND)
    for event in (started(1000), stopped(3000), committed(), *events):
        uploads.apply(event)


def test_an_item_that_was_announced_has_its_clip_and_the_rest_is_unheard() -> None:
    uploads = Uploads()
    a_turn(uploads, added())
    assert uploads.clips == {"one": b"\1" * 2 * SECOND}
    assert uploads.line_lost() == [b"\2" * SECOND]
    assert uploads.clips == {"one": b"\1" * 2 * SECOND}


def test_a_clip_whose_item_was_not_announced_is_unheard() -> None:
    uploads = Uploads()
    a_turn(uploads)
    assert uploads.clips == {}
    assert uploads.line_lost() == [b"\1" * 2 * SECOND + b"\2" * SECOND]
    uploads.apply(added())
    assert uploads.clips == {}, "an item of the new line is another one"
    assert uploads.line_lost() == []


@pytest.mark.parametrize("events", [(added(), transcribed()), (transcribed(), added())])
def test_a_clip_goes_when_its_words_come_whether_before_or_after_its_item(events: tuple[dict[str, Any], ...]) -> None:
    uploads = Uploads()
    a_turn(uploads, *events)
    assert uploads.clips == {}
    assert uploads.line_lost() == [b"\2" * SECOND]


def test_words_without_an_item_do_not_count() -> None:
    uploads = Uploads()
    a_turn(uploads, transcribed())
    assert uploads.line_lost() == [b"\1" * 2 * SECOND + b"\2" * SECOND]


def test_half_a_minute_that_nobody_acknowledged_is_unheard() -> None:
    uploads = Uploads()
    uploads.sent(b"\0" * SECOND)
    for _ in range(30):
        uploads.sent(b"\1" * SECOND)
    assert uploads.line_lost() == [b"\1" * 30 * SECOND]


def test_speech_that_never_ends_is_bounded() -> None:
    uploads = Uploads()
    uploads.apply(started(0))
    for _ in range(200):
        uploads.sent(bytes(SECOND))
    uploads.sent(b"\1" * SECOND)
    (kept,) = uploads.line_lost()
    assert isinstance(kept, bytes)
    assert len(kept) == MAX_KEPT_BYTES
    assert kept.endswith(b"\1" * SECOND)


def test_of_too_many_clips_the_oldest_go() -> None:
    uploads = Uploads()
    for number, item_id in enumerate(["one", "two", "three"]):
        uploads.apply(started(61_000 * number))
        uploads.sent(bytes(61 * SECOND))
        uploads.apply(committed(item_id))
        uploads.apply(added(item_id))
    assert list(uploads.clips) == ["two", "three"]


def test_a_clip_of_a_g711_session_is_cut_at_its_own_rate() -> None:
    uploads = Uploads(AUDIO_FORMATS["audio/pcmu"].bytes_per_ms)
    uploads.sent(b"\0" * 8 * 500 + b"\1" * 8 * 2000 + b"\2" * 8 * 500)
    for event in (started(500), stopped(2500), committed(), added()):
        uploads.apply(event)
    assert uploads.clips == {"one": b"\1" * 8 * 2000}
    assert uploads.line_lost() == [b"\2" * 8 * 500]


def test_no_empty_clip_is_kept() -> None:
    uploads = Uploads()
    for event in (started(0), stopped(1000), committed(), added()):
        uploads.apply(event)
    assert uploads.clips == {}


def test_speech_ends_where_turn_detection_is_switched_off() -> None:
    uploads = Uploads()
    uploads.sent(b"\0" * SECOND + b"\1" * SECOND)
    uploads.apply(started(1000))
    uploads.apply({"type": "session.updated", "session": {"audio": {"input": {"turn_detection": None}}}})
    uploads.apply(committed())
    uploads.apply(added())
    assert uploads.clips == {"one": b"\0" * SECOND + b"\1" * SECOND}, "a commit takes the whole buffer"


def test_speech_goes_on_where_other_settings_change() -> None:
    uploads = Uploads()
    uploads.sent(b"\0" * SECOND + b"\1" * SECOND)
    uploads.apply(started(1000))
    detection = {"type": "server_vad", "threshold": 0.6}
    uploads.apply({"type": "session.updated", "session": {"audio": {"input": {"turn_detection": detection}}}})
    assert uploads.line_lost() == [b"\1" * SECOND]


def test_a_buffer_that_was_cleared_is_not_sent_again() -> None:
    uploads = Uploads()
    uploads.sent(b"\1" * SECOND)
    uploads.apply(started(0))
    uploads.note_sent(clear_audio())
    uploads.apply({"type": "input_audio_buffer.cleared"})
    uploads.sent(b"\2" * SECOND)
    assert uploads.line_lost() == [b"\2" * SECOND]


def test_a_commit_that_is_told_twice_takes_nothing_of_what_follows() -> None:
    uploads = Uploads()
    a_turn(uploads, added(), committed(), added())
    assert uploads.clips == {"one": b"\1" * 2 * SECOND}
    assert uploads.line_lost() == [b"\2" * SECOND]


DETECTION_OFF = {"type": "session.updated", "session": {"audio": {"input": {"turn_detection": None}}}}
CLEARED = {"type": "input_audio_buffer.cleared"}


def a_held_turn(uploads: Uploads, sound: bytes, event_id: str = "event_1") -> None:
    uploads.note_sent(clear_audio())
    uploads.sent(sound * SECOND)
    uploads.note_sent(commit_audio(event_id=event_id))


def test_audio_that_follows_a_commit_on_its_way_is_not_of_its_turn() -> None:
    uploads = Uploads()
    uploads.apply(DETECTION_OFF)
    a_held_turn(uploads, b"\1")
    uploads.sent(b"\2" * SECOND)
    for event in (CLEARED, committed(), added()):
        uploads.apply(event)
    assert uploads.clips == {"one": b"\1" * SECOND}
    assert uploads.line_lost() == [b"\2" * SECOND]


def test_audio_that_follows_a_clear_on_its_way_is_not_cleared() -> None:
    uploads = Uploads()
    uploads.apply(DETECTION_OFF)
    uploads.sent(b"\1" * SECOND)
    uploads.note_sent(clear_audio())
    uploads.sent(b"\2" * SECOND)
    uploads.apply(CLEARED)
    uploads.apply(CLEARED)
    assert uploads.line_lost() == [b"\2" * SECOND], "told twice: once was all we asked"


@pytest.mark.parametrize("heard_of", [(), (CLEARED,), (CLEARED, committed()), (committed(), CLEARED)])
def test_a_turn_of_which_no_item_came_is_committed_again(heard_of: tuple[dict[str, Any], ...]) -> None:
    uploads = Uploads()
    uploads.apply(DETECTION_OFF)
    a_held_turn(uploads, b"\1")
    uploads.note_sent(clear_audio())
    uploads.sent(b"\2" * SECOND)
    for event in heard_of:
        uploads.apply(event)
    assert uploads.line_lost() == [b"\1" * SECOND, TURN_END, b"\2" * SECOND]


def test_two_turns_on_their_way_stay_two_turns() -> None:
    uploads = Uploads()
    uploads.apply(DETECTION_OFF)
    a_held_turn(uploads, b"\1")
    a_held_turn(uploads, b"\2", "event_2")
    assert uploads.line_lost() == [b"\1" * SECOND, TURN_END, b"\2" * SECOND, TURN_END]


def test_a_commit_that_was_refused_ends_no_turn() -> None:
    uploads = Uploads()
    uploads.apply(DETECTION_OFF)
    a_held_turn(uploads, b"\1")
    uploads.apply({"type": "error", "error": {"event_id": "event_1"}})
    assert uploads.line_lost() == [b"\1" * SECOND]


def test_a_turn_that_is_held_for_two_minutes_is_kept_whole() -> None:
    uploads = Uploads()
    uploads.apply(DETECTION_OFF)
    for _ in range(120):
        uploads.sent(b"\1" * SECOND)
    assert uploads.line_lost() == [b"\1" * 120 * SECOND]


def test_a_recorded_message_is_kept_until_its_words_come() -> None:
    uploads = Uploads()
    uploads.keep("one", b"\1" * SECOND)
    assert uploads.line_lost() == [], "it did not come through the buffer"
    assert uploads.clips == {"one": b"\1" * SECOND}
    uploads.apply(transcribed())
    assert uploads.clips == {}
