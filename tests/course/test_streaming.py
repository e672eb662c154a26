"""The lesson on streaming: both mistakes are seen, lines and replies are computed as they are told."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from realtime_helpers.audio.formats import silence
from realtime_helpers.course.streaming import (
    HandOver,
    check_hand_over,
    over_a_slow_line,
    play,
    record_reply,
    uneven_line,
    watch_hand_over,
)
from realtime_helpers.protocol.frames import pcm_to_base64

Loop = asyncio.AbstractEventLoop
Queue = asyncio.Queue[Any]


def offer(queue: Queue, chunk: object) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(chunk)


def naive(loop: Loop, queue: Queue, chunk: object) -> None:
    queue.put_nowait(chunk)


def knocks(loop: Loop, queue: Queue, chunk: object) -> None:
    loop.call_soon_threadsafe(queue.put_nowait, chunk)


def touches_and_knocks(loop: Loop, queue: Queue, chunk: object) -> None:
    offer(queue, chunk)
    loop.call_soon_threadsafe(lambda: None)


def waits_for_room(loop: Loop, queue: Queue, chunk: object) -> None:
    asyncio.run_coroutine_threadsafe(queue.put(chunk), loop)


def right(loop: Loop, queue: Queue, chunk: object) -> None:
    loop.call_soon_threadsafe(offer, queue, chunk)


def test_a_sleeping_loop_is_not_woken_by_a_foreign_thread_that_only_puts() -> None:
    late, prompt = watch_hand_over(naive, chunks=5), watch_hand_over(knocks, chunks=5)
    assert late.by_themselves < 5
    assert (late.touched, prompt.touched) == (5, 0)
    assert prompt.by_themselves == 5
    assert late.longest_ms > 10 * prompt.median_ms
    assert late.numbers == prompt.numbers == (0, 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("hand_over", "says"),
    [
        (naive, "chunks arrived before something else woke the loop"),
        (knocks, "when the queue was full it raised QueueFull"),
        (touches_and_knocks, "the device's own thread put them into the queue, 20 times"),
        (waits_for_room, "after a slow network chunks 0 to 19 came, not the newest 10 (10 to 19)"),
        (lambda loop, queue, chunk: ..., "0 of 20 chunks arrived"),
        (lambda loop, queue, chunk: 1 / 0, "it raised ZeroDivisionError"),
        (lambda loop, queue, chunk: sys.exit(), "it raised SystemExit"),
    ],
)
def test_each_mistake_is_told_from_the_others(hand_over: HandOver, says: str) -> None:
    verdict = check_hand_over(hand_over)
    assert not verdict.passed
    assert says in verdict.why


def test_a_loop_that_is_knocked_at_with_room_made_passes() -> None:
    assert check_hand_over(right).passed


def test_without_a_bound_the_delay_grows_as_long_as_somebody_talks() -> None:
    endless, bounded = over_a_slow_line(60, takes_ms=50), over_a_slow_line(60, takes_ms=50, bound=50)
    assert (endless.dropped, len(endless.delays), endless.delays[-1]) == (0, 1_500, (59_960, 15_040))
    assert bounded.dropped + len(bounded.delays) == 1_500
    assert bounded.most_waiting == 51 - 1
    assert max(late for _, late in bounded.delays) < 50 * 50 + 50
    assert over_a_slow_line(1, takes_ms=40).delays == tuple((number * 40, 40) for number in range(25))


def delta(at_s: float, length_ms: int) -> tuple[Any, Any, float]:
    audio = pcm_to_base64(silence(length_ms))
    return ("received", {"type": "response.output_audio.delta", "delta": audio}, at_s)


def test_a_reply_is_counted_from_the_end_of_its_question() -> None:
    line: list[Any] = [
        delta(0.5, 40),  # of a greeting
        ("received", {"type": "input_audio_buffer.speech_stopped"}, 1.0),
        delta(1.25, 250), delta(1.5, 100),
        ("received", {"type": "response.output_audio.done"}, 2.0),
        delta(3.0, 40),
    ]  # fmt: skip
    reply = record_reply(line)
    assert reply.deltas == ((250, 250), (500, 100))
    assert (reply.first_ms, reply.sound_ms, reply.done_ms) == (250, 350, 1_000)
    with pytest.raises(ValueError, match="no complete spoken reply"):
        record_reply(line[:4])


def test_a_prebuffer_costs_its_length_and_bridges_what_is_shorter() -> None:
    pieces = ((0.0, 40.0), (40.0, 40.0), (240.0, 40.0), (240.0, 40.0), (260.0, 40.0))
    at_once, patient = play(pieces, prebuffer_ms=0), play(pieces, prebuffer_ms=160)
    assert (at_once.first_ms, at_once.underruns, at_once.gaps_ms) == (0, 1, 160)
    assert (patient.first_ms, patient.underruns, patient.gaps_ms) == (240, 0, 0)
    assert play(pieces[:1], prebuffer_ms=500).first_ms == 0, "the end of a reply is not waited for"


def test_the_uneven_line_is_always_the_same_and_keeps_its_order() -> None:
    line = uneven_line(10)
    assert line == uneven_line(10)
    assert list(line) == sorted(line)
    assert all(at_ms >= 40 * number for number, (at_ms, _) in enumerate(line))
    assert play(line, prebuffer_ms=0).underruns > play(line, prebuffer_ms=300).underruns == 0
