"""The play-head against a virtual device, on a corpus of deltas, and on everything Hypothesis can think of."""

from __future__ import annotations

import sys
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_helpers import SilentSink
from realtime_helpers.audio.formats import BYTES_PER_MS
from realtime_helpers.audio.playback import PlayHead

CORPUS = tomllib.loads((Path(__file__).parent / "corpus" / "deltas.toml").read_text(encoding="utf-8"))["talk"]
PULL_MS = 10
PULL_BYTES = PULL_MS * BYTES_PER_MS


def sound_of(item: str, length_ms: int) -> bytes:
    return item.encode() * 2 * (length_ms * BYTES_PER_MS // 2)


def arrive(head: PlayHead, item: str, what: str) -> None:
    if what == "flush":
        head.flush()
    elif what == "end":
        head.end(item)
    else:
        head.push(item, sound_of(item, int(what)))


@pytest.mark.parametrize("talk", CORPUS, ids=lambda talk: talk["name"])
def test_a_talk_of_the_corpus(talk: dict[str, Any]) -> None:
    head = PlayHead(talk.get("prebuffer_ms", 60))
    arrivals = [(int(at), item, what) for at, item, what in map(str.split, talk["arrivals"])]
    heard = ""
    for now in range(0, len(talk["heard"]) * PULL_MS, PULL_MS):
        while arrivals and arrivals[0][0] <= now:
            _, item, what = arrivals.pop(0)
            arrive(head, item, what)
        pulled = head.pull(PULL_BYTES)
        assert len(pulled) in {0, PULL_BYTES}
        heard += chr(pulled[0]) if pulled else "."
        assert {item: head.heard_ms(item) for item in "abc"} == {item: heard.count(item) * PULL_MS for item in "abc"}
    assert heard == talk["heard"]
    assert head.underruns == talk.get("underruns", 0)
    assert (head.queued_ms, head.queued_items, arrivals) == (0, (), [])


def test_heard_time_is_counted_per_item() -> None:
    head = PlayHead()
    head.push("a", bytes(100 * BYTES_PER_MS))
    head.push("b", bytes(100 * BYTES_PER_MS))
    head.pull(130 * BYTES_PER_MS)
    assert (head.heard_ms("a"), head.heard_ms("b"), head.queued_ms) == (100, 30, 70)
    assert head.queued_items == ("b",)


def test_a_flush_silences_and_keeps_what_was_heard() -> None:
    head = PlayHead()
    head.push("a", bytes(100 * BYTES_PER_MS))
    head.pull(40 * BYTES_PER_MS)
    head.flush()
    assert head.pull(1000) == b""
    assert (head.heard_ms("a"), head.queued_ms) == (40, 0)
    head.push("b", sound_of("b", 10))
    assert head.pull(1000) == sound_of("b", 10), "nothing of the cut reply is left over"


def test_a_reply_that_ends_within_a_block_did_not_run_dry() -> None:
    head = PlayHead(prebuffer_ms=60)
    head.push("a", bytes(45 * BYTES_PER_MS))
    head.end("a")
    assert len(head.pull(100 * BYTES_PER_MS)) == 45 * BYTES_PER_MS
    assert head.underruns == 0


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400)), max_size=20),
    st.lists(st.integers(0, 1_400), max_size=20),
)
def test_no_sound_is_lost_doubled_or_reordered(pushed: list[tuple[str, int]], pulled: list[int]) -> None:
    head = PlayHead()
    written = b""
    for number, (item, size) in enumerate(pushed):
        pcm = bytes([number % 256]) * (size * 2)
        head.push(item, pcm)
        written += pcm
    heard = b"".join(head.pull(size) for size in pulled)
    assert written.startswith(heard)
    assert len(heard) % 2 == 0
    assert len(heard) + head.queued_ms * BYTES_PER_MS == len(written)


@settings(deadline=None)
@given(st.lists(st.integers(0, 7), max_size=40), st.integers(1, 9))
def test_a_delta_cut_in_the_middle_of_a_sample_does_not_turn_the_rest_into_noise(
    sizes: list[int], pull_size: int
) -> None:
    head = PlayHead()
    reply = b"".join(number.to_bytes(2, "big") for number in range(0x100, 0x300))
    position, heard = 0, b""
    for size in sizes:
        head.push("a", reply[position : position + size])
        position += size
        heard += head.pull(pull_size)
    head.end("a")
    heard += head.pull(len(reply))
    assert heard == reply[: position - position % 2]


def test_half_a_sample_belongs_to_its_item() -> None:
    head = PlayHead()
    head.push("a", b"\1\1\1")
    head.push("b", b"\2\2\2")
    head.push("a", b"\1\1\1")
    head.end("b")
    head.push("b", b"\3\3")
    assert head.pull(100) == b"\1\1\2\2\1\1\1\1\3\3"
    head.push("a", b"\1")
    head.flush()
    head.push("a", b"\4\4")
    assert head.pull(100) == b"\4\4", "half of a cut reply does not come back"


def test_a_silent_sink_hears_deltas_of_odd_length_to_the_end() -> None:
    sink = SilentSink()
    for _ in range(100):
        sink.play("a", bytes(BYTES_PER_MS + 1))
    sink.end("a")
    assert (sink.head.heard_ms("a"), sink.head.queued_ms, sink.head.underruns) == (102, 0, 0)


def test_a_long_session_remembers_the_replies_that_count() -> None:
    head = PlayHead()
    for number in range(5_000):
        head.push(f"item_{number}", bytes(BYTES_PER_MS))
        head.pull(BYTES_PER_MS)
    assert head.heard_ms("item_4999") == head.heard_ms("item_4500") == 1
    assert len(head._heard_bytes) <= 1_000


def test_a_minute_of_backlog_is_no_work_for_the_device() -> None:
    head = PlayHead()
    head.push("a", bytes(60_000 * BYTES_PER_MS))
    start = time.thread_time()
    for _ in range(1_000):
        head.pull(PULL_BYTES)
    # 2 us each here; copying the rest of a minute for each takes 200
    assert (time.thread_time() - start) / 1_000 < 50e-6


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_device_thread_and_the_loop_agree_on_every_sample(is_interrupted: bool) -> None:
    """The device pulls as fast as it can while the loop pushes, looks, ends and interrupts."""
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    head = PlayHead(prebuffer_ms=1)
    sizes, rounds = [1, 479, 480, 482, 7, 95], 10
    heard: Counter[int] = Counter()
    done = threading.Event()

    def device() -> None:
        while not done.is_set() or head.queued_ms:
            heard.update(head.pull(96))

    thread = threading.Thread(target=device)
    thread.start()
    try:
        for item in [*range(1, 201)] * rounds:
            for size in sizes:
                head.push(str(item), bytes([item]) * size)
            if is_interrupted and item % 2:
                head.flush()
            else:
                head.end(str(item))
    finally:
        done.set()
        thread.join(30)
        sys.setswitchinterval(switch_s)
    assert head.queued_ms == 0
    for item in range(1, 201):
        assert heard[item] // BYTES_PER_MS == head.heard_ms(str(item)), "what was counted is what came out"
        assert heard[item] == sum(sizes) * rounds or is_interrupted


@pytest.mark.parametrize("disturb", [PlayHead.flush, lambda head: head.push("a", bytes(480))])
def test_what_the_loop_does_in_the_middle_of_a_pull_waits_for_its_end(disturb: Callable[[PlayHead], None]) -> None:
    head = PlayHead()
    head.push("a", bytes(960))
    count, loop = head._count, threading.Thread(target=disturb, args=(head,))

    def count_while_the_loop_comes_in_between(item_id: str, size: int) -> None:
        loop.start()
        loop.join(0.05)
        assert loop.is_alive(), "it waits for the lock"
        count(item_id, size)

    head._count = count_while_the_loop_comes_in_between  # type: ignore[method-assign]
    assert len(head.pull(480)) == 480
    loop.join(10)
    head._count = count  # type: ignore[method-assign]
    left = round(head.queued_ms * BYTES_PER_MS)
    assert left in {0, 960}
    assert len(head.pull(10_000)) == left
