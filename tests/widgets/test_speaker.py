from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from realtime_helpers import AudioError
from realtime_helpers.audio.sinks import Sink, Telling
from realtime_helpers.experiments.virtual_time import VirtualTimeLoop
from realtime_helpers.session.player import Player

from .fake_browser import FakeBrowser, sound

Play = Callable[[FakeBrowser], Coroutine[Any, Any, None]]


def in_virtual_time(play: Play, browser: Callable[[], FakeBrowser] = FakeBrowser) -> None:
    async def limited() -> None:
        async with asyncio.timeout(600):
            await play(browser())

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(limited())


def played(test: Play) -> Callable[[], None]:
    """A test in virtual time, with a page that shows the widget and an open speaker."""

    async def opened(browser: FakeBrowser) -> None:
        browser.show()
        browser.speaker.open()
        await test(browser)
        browser.speaker.close()

    def run() -> None:
        in_virtual_time(opened)

    run.__name__ = test.__name__
    return run


def test_it_is_a_sink_that_can_tell() -> None:
    browser = FakeBrowser()
    assert isinstance(browser.speaker, Sink)
    assert isinstance(browser.speaker, Telling)


@played
async def test_first_sound_goes_at_once_and_what_follows_goes_together(browser: FakeBrowser) -> None:
    for value in range(1, 6):
        browser.speaker.play("a", sound(10, value))
    assert browser.sent_ms == 10
    await asyncio.sleep(0.1)
    assert [message["at"] for message, _ in browser.plays] == [0, 240]
    assert b"".join(buffers[0] for _, buffers in browser.plays) == b"".join(sound(10, value) for value in range(1, 6))


@played
async def test_the_head_follows_the_page(browser: FakeBrowser) -> None:
    head = browser.speaker.head
    browser.speaker.play("a", sound(100))
    browser.speaker.play("b", sound(100))
    await asyncio.sleep(0.1)
    assert (head.heard_ms("a"), head.queued_ms) == (0, 200)
    browser.at(130)
    assert (head.heard_ms("a"), head.heard_ms("b"), head.queued_ms) == (100, 30, 70)
    browser.at(90)  # an older report cannot take anything back
    assert head.heard_ms("b") == 30
    browser.at(200, flowing=False)
    assert (head.heard_ms("b"), head.queued_ms, head.queued_items) == (100, 0, ())


@played
async def test_the_end_of_an_item_goes_after_its_sound(browser: FakeBrowser) -> None:
    browser.speaker.play("a", sound(30))
    browser.speaker.play("a", sound(30))
    browser.speaker.end("another")
    browser.speaker.end("a")
    await asyncio.sleep(0.1)
    assert [message["kind"] for message, _ in browser.sent][-3:] == ["play", "play", "end"]


@played
async def test_a_flush_settles_with_what_the_page_played(browser: FakeBrowser) -> None:
    settled: list[int] = []
    head = browser.speaker.head
    browser.speaker.play("a", sound(500))
    browser.at(120)
    browser.speaker.flush(lambda: settled.append(head.heard_ms("a")))
    assert head.queued_ms == 0
    assert settled == []
    generation = browser.of_kind("flush")[0][0]["generation"]
    browser.at(140, generation=generation)
    browser.say("flushed", generation=generation, played=163 * 24)
    assert settled == [163]
    await asyncio.sleep(2)
    browser.say("flushed", generation=generation, played=400 * 24)
    assert settled == [163]
    assert head.heard_ms("a") == 163


@played
async def test_what_comes_after_a_flush_survives_its_late_report(browser: FakeBrowser) -> None:
    head = browser.speaker.head
    browser.speaker.play("a", sound(500))
    await asyncio.sleep(0.1)
    browser.speaker.flush(lambda: None)
    browser.speaker.play("b", sound(300))
    await asyncio.sleep(0.1)
    first, second = (message["generation"] for message, _ in browser.plays)
    assert second > first
    browser.say("flushed", generation=first, played=200 * 24)
    assert (head.heard_ms("a"), head.heard_ms("b"), head.queued_ms) == (200, 0, 300)
    browser.at(50)
    assert (head.heard_ms("b"), head.queued_ms) == (50, 250)


@played
async def test_a_page_that_does_not_answer_a_flush_is_not_waited_for(browser: FakeBrowser) -> None:
    settled: list[int] = []
    head = browser.speaker.head
    browser.speaker.play("a", sound(3000))
    browser.at(1000)
    browser.speaker.flush(lambda: settled.append(head.heard_ms("a")))
    await asyncio.sleep(1)
    assert settled == [1500]  # half a second later, and it sounded when it was last heard of
    browser.say("flushed", generation=browser.plays[0][0]["generation"], played=2000 * 24)
    assert head.heard_ms("a") == 1500


@played
async def test_a_guess_never_goes_beyond_what_was_sent(browser: FakeBrowser) -> None:
    browser.speaker.play("a", sound(200))
    browser.at(100)
    browser.speaker.flush(lambda: None)
    await asyncio.sleep(1)
    assert browser.speaker.head.heard_ms("a") == 200


@played
async def test_a_flush_of_nothing_asks_nobody(browser: FakeBrowser) -> None:
    settled: list[bool] = []
    browser.speaker.play("a", sound(40))
    browser.at(40, flowing=False)
    browser.speaker.flush(lambda: settled.append(True))
    assert settled == [True]
    assert browser.of_kind("flush") == []


@played
async def test_a_long_reply_is_sent_as_it_is_played(browser: FakeBrowser) -> None:
    for _ in range(60):
        browser.speaker.play("a", sound(1000))
    browser.speaker.end("a")
    await asyncio.sleep(1)
    assert browser.sent_ms == 4000
    for second in range(1, 61):
        browser.at(second * 1000)
        await asyncio.sleep(1)
    assert browser.sent_ms == 60_000
    assert browser.speaker.head.queued_ms == 0
    assert [message["kind"] for message, _ in browser.sent][-1] != "play"
    assert len(browser.of_kind("end")) == 1
    assert len(browser.plays) < 120


def test_where_reports_wait_for_cells_nothing_is_held_back() -> None:
    async def play(browser: FakeBrowser) -> None:
        browser.show()
        browser.speaker.open()
        browser.speaker.play("a", sound(30_000))
        assert browser.sent_ms == 30_000
        settled: list[int] = []
        await asyncio.sleep(2)
        browser.speaker.flush(lambda: settled.append(browser.speaker.head.heard_ms("a")))
        await asyncio.sleep(1)
        assert settled == [2400]  # by the clock: 100 ms of prebuffer, and half a second until the answer was given up
        browser.speaker.close()

    in_virtual_time(play, lambda: FakeBrowser("comm"))


def test_sound_waits_for_the_page_that_is_to_play_it() -> None:
    async def play(browser: FakeBrowser) -> None:
        browser.speaker.open()
        browser.speaker.play("a", sound(200))
        await asyncio.sleep(5)
        assert browser.sent == []
        browser.show()
        assert browser.sent_ms == 200
        browser.speaker.close()
        assert browser.sent[-1][0] == {"kind": "want", "page": "one", "microphone": False, "speaker": False}

    in_virtual_time(play)


def test_without_a_page_nothing_waits_for_ever() -> None:
    async def play(browser: FakeBrowser) -> None:
        browser.speaker.open()
        browser.speaker.play("a", sound(200))
        await asyncio.sleep(21)
        assert "put `audio` in the last line of a cell" in browser.problems[0]
        browser.speaker.play("a", sound(200))
        assert browser.speaker.head.queued_ms == 0
        browser.show()
        browser.speaker.play("b", sound(200))
        assert browser.sent_ms == 200
        browser.speaker.close()

    in_virtual_time(play)


@played
async def test_a_page_that_went_away_leaves_nothing_waiting(browser: FakeBrowser) -> None:
    browser.speaker.play("a", sound(5000))
    browser.at(1000, flowing=False)
    for _ in range(5):
        await asyncio.sleep(2)
        browser.say("alive")
    assert browser.problems == []
    await asyncio.sleep(8)
    assert len(browser.problems) == 1
    assert "has not been heard of for a while" in browser.problems[0]
    assert (browser.speaker.head.heard_ms("a"), browser.speaker.head.queued_ms) == (1000, 0)
    browser.speaker.play("b", sound(100))
    assert browser.speaker.head.queued_ms == 0, "nobody hears it"
    browser.show("two")
    browser.speaker.play("c", sound(100))
    assert browser.plays[-1][0]["page"] == "two"
    assert browser.speaker.head.queued_items == ("c",)


@played
async def test_a_flush_that_a_closed_page_cannot_answer_settles_at_once(browser: FakeBrowser) -> None:
    settled: list[bool] = []
    browser.speaker.play("a", sound(500))
    browser.speaker.flush(lambda: settled.append(True))
    browser.say("bye")
    assert settled == [True]
    assert "closed or reloaded" in browser.problems[0]


@played
async def test_the_stop_button_counts_what_was_heard_and_silences_the_rest(browser: FakeBrowser) -> None:
    browser.speaker.play("a", sound(1000))
    await asyncio.sleep(0.1)
    number = browser.plays[0][0]["generation"]
    browser.say("stopped", by="user", position={"generation": number, "played": 321 * 24, "flowing": False})
    head = browser.speaker.head
    assert (head.heard_ms("a"), head.queued_ms) == (321, 0)
    browser.speaker.play("a", sound(1000))
    assert head.queued_ms == 0
    browser.say("started")
    browser.speaker.play("b", sound(1000))
    assert browser.plays[-1][0]["generation"] > number
    assert browser.problems == []


@played
async def test_what_the_page_counts_is_told(browser: FakeBrowser) -> None:
    browser.speaker.play("a", sound(1000))
    browser.at(100, underruns=1, lost=0)
    browser.at(200, underruns=3, lost=480)
    browser.at(300, underruns=3, lost=480)
    assert browser.speaker.head.underruns == 3
    assert browser.problems == ["20 ms of a reply got lost on the way to the browser, and were silent there."]
    browser.at(400, underruns=1, lost=0)  # its speaker was opened anew
    assert browser.speaker.head.underruns == 4


@played
async def test_half_a_sample_waits_for_its_other_half(browser: FakeBrowser) -> None:
    pcm = bytes(range(1, 101))
    browser.speaker.play("a", pcm[:33])
    browser.speaker.play("a", pcm[33:])
    await asyncio.sleep(0.1)
    assert b"".join(buffers[0] for _, buffers in browser.plays) == pcm


@played
async def test_sound_moves_with_the_window_that_was_clicked(browser: FakeBrowser) -> None:
    browser.show("two")
    assert browser.of_kind("welcome")[-1][0]["page"] == "one", "whoever shows it later does not take it away"
    browser.speaker.play("a", sound(100))
    browser.say("claim", window="two")
    browser.speaker.play("b", sound(100))
    await asyncio.sleep(0.1)
    assert [message["page"] for message, _ in browser.plays] == ["one", "two"]
    browser.say("flushed", window="one", generation=1, played=0)
    assert browser.problems == ["The sound moved to another window of the notebook."]


@played
async def test_a_second_session_is_refused_and_the_first_plays_on(browser: FakeBrowser) -> None:
    browser.speaker.play("a", sound(1000))
    browser.at(200)
    theirs: list[str] = []
    second = Player(browser.speaker, theirs.append, lambda sink: None)
    with pytest.raises(AudioError, match="used already"):
        await second.open()
    second.close()
    browser.at(300)
    assert browser.speaker.head.heard_ms("a") == 300
    assert browser.of_kind("want")[-1][0]["speaker"]
    browser.say("bye")
    assert (len(browser.problems), theirs) == (1, [])


@played
async def test_a_blocked_page_is_told(browser: FakeBrowser) -> None:
    browser.say("blocked", what="Nothing sounds before a click.", next="Press Start.")
    assert browser.problems == ["Nothing sounds before a click. Press Start."]
    browser.speaker.play("a", sound(100))
    assert browser.sent_ms == 100


@pytest.mark.parametrize("times", [0, 1, 2])
def test_close_is_harmless(times: int) -> None:
    async def play(browser: FakeBrowser) -> None:
        browser.speaker.open()
        browser.speaker.play("a", sound(100))
        for _ in range(times + 1):
            browser.speaker.close()
        await asyncio.sleep(60)
        assert browser.problems == []

    in_virtual_time(play)
