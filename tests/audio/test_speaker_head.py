"""The play-head of a speaker whose queue is in another process."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_helpers.audio import process_sink
from realtime_helpers.audio.devices import Speaker
from realtime_helpers.audio.formats import silence


class Process:
    """The other process, whose answers the test gives."""

    def __init__(self, _request: object, take: Any, lost: Any, _module: str) -> None:
        self.answer = take
        self.lost = lost
        self.orders: list[str] = []

    def send(self, header: dict[str, Any], _payload: bytes = b"") -> None:
        self.orders.append(header["do"])

    def close(self) -> None:
        self.orders.append("close")

    def says(self, kind: str, played_ms: int) -> None:
        self.answer({"kind": kind, "total": played_ms * 48, "underruns": 0, "gaps": 0}, b"")


@pytest.fixture
async def speaker(monkeypatch: pytest.MonkeyPatch) -> Speaker:
    monkeypatch.setattr(process_sink, "DeviceProcess", Process)
    speaker = Speaker()
    speaker.open()
    return speaker


def process_of(speaker: Speaker) -> Any:
    return speaker._process


async def test_the_head_follows_what_was_played(speaker: Speaker) -> None:
    speaker.play("a", silence(100))
    process_of(speaker).says("played", 30)
    assert speaker.head.heard_ms("a") == 30
    assert speaker.head.queued_ms == 70


async def test_a_flush_settles_when_the_device_has_said_how_far_it_came(speaker: Speaker) -> None:
    settled: list[int] = []
    speaker.play("a", silence(100))
    process_of(speaker).says("played", 30)
    speaker.flush(lambda: settled.append(speaker.head.heard_ms("a")))
    assert not settled
    process_of(speaker).says("flushed", 45)
    assert settled == [45]
    assert speaker.head.queued_ms == 0


async def test_replies_between_two_flushes_keep_what_was_heard_of_each(speaker: Speaker) -> None:
    settled: list[tuple[int, int]] = []

    def note() -> None:
        settled.append((speaker.head.heard_ms("a"), speaker.head.heard_ms("b")))

    speaker.play("a", silence(100))
    speaker.flush(note)
    speaker.play("b", silence(100))
    speaker.end("b")
    speaker.flush(note)
    speaker.play("c", silence(100))
    process_of(speaker).says("flushed", 20)
    process_of(speaker).says("flushed", 60)
    assert settled == [(20, 0), (20, 40)]
    assert speaker.head.queued_items == ("c",)
    process_of(speaker).says("played", 55)  # an older report that was overtaken
    assert speaker.head.heard_ms("c") == 0


async def test_a_device_that_goes_settles_what_was_asked(speaker: Speaker) -> None:
    settled: list[str] = []
    speaker.flush(lambda: settled.append("once"))
    process_of(speaker).lost(OSError("gone"))
    assert settled == ["once"]


async def test_a_speaker_that_is_plugged_in_again_begins_with_an_empty_queue(speaker: Speaker) -> None:
    speaker.play("a", silence(100))
    process_of(speaker).says("played", 30)
    process_of(speaker).lost(OSError("gone"))
    speaker.open()
    assert speaker.head.queued_ms == 0, "what the lost device had left never sounds"
    speaker.play("b", silence(100))
    process_of(speaker).says("played", 20)
    assert (speaker.head.heard_ms("a"), speaker.head.heard_ms("b")) == (30, 20)
