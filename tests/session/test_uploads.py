"""Which audio a lost line would lose."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_helpers.audio.formats import AUDIO_FORMATS
from realtime_helpers.session.uploads import MAX_KEPT_BYTES, Uploads

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
    assert uploads.line_lost() == b"\2" * SECOND
    assert uploads.clips == {"one": b"\1" * 2 * SECOND}


def test_a_clip_whose_item_was_not_announced_is_unheard() -> None:
    uploads = Uploads()
    a_turn(uploads)
    assert uploads.clips == {}
    assert uploads.line_lost() == b"\1" * 2 * SECOND + b"\2" * SECOND
    uploads.apply(added())
    assert uploads.clips == {}, "an item of the new line is another one"
    assert uploads.line_lost() == b""


@pytest.mark.parametrize("events", [(added(), transcribed()), (transcribed(), added())])
def test_a_clip_goes_when_its_words_come_whether_before_or_after_its_item(events: tuple[dict[str, Any], ...]) -> None:
    uploads = Uploads()
    a_turn(uploads, *events)
    assert uploads.clips == {}
    assert uploads.line_lost() == b"\2" * SECOND


def test_words_without_an_item_do_not_count() -> None:
    uploads = Uploads()
    a_turn(uploads, transcribed())
    assert uploads.line_lost() == b"\1" * 2 * SECOND + b"\2" * SECOND


def test_half_a_minute_that_nobody_acknowledged_is_unheard() -> None:
    uploads = Uploads()
    uploads.sent(b"\0" * SECOND)
    for _ in range(30):
        uploads.sent(b"\1" * SECOND)
    assert uploads.line_lost() == b"\1" * 30 * SECOND


def test_speech_that_never_ends_is_bounded() -> None:
    uploads = Uploads()
    uploads.apply(started(0))
    for _ in range(200):
        uploads.sent(bytes(SECOND))
    uploads.sent(b"\1" * SECOND)
    kept = uploads.line_lost()
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
    assert uploads.line_lost() == b"\2" * 8 * 500


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
    assert uploads.line_lost() == b"\1" * SECOND


def test_a_buffer_that_was_cleared_is_not_sent_again() -> None:
    uploads = Uploads()
    uploads.sent(b"\1" * SECOND)
    uploads.apply(started(0))
    uploads.apply({"type": "input_audio_buffer.cleared"})
    uploads.sent(b"\2" * SECOND)
    assert uploads.line_lost() == b"\2" * SECOND


def test_a_commit_that_is_told_twice_takes_nothing_of_what_follows() -> None:
    uploads = Uploads()
    a_turn(uploads, added(), committed(), added())
    assert uploads.clips == {"one": b"\1" * 2 * SECOND}
    assert uploads.line_lost() == b"\2" * SECOND
