from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from realtime_helpers.audio.formats import BYTES_PER_MS
from realtime_helpers.audio.playback import PlayHead


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


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400)), max_size=20),
    st.lists(st.integers(0, 700), max_size=20),
)
def test_no_sound_is_lost_doubled_or_reordered(pushed: list[tuple[str, int]], pulled: list[int]) -> None:
    head = PlayHead()
    written = b""
    for number, (item, size) in enumerate(pushed):
        pcm = bytes([number % 256]) * (size * 2)
        head.push(item, pcm)
        written += pcm
    heard = b"".join(head.pull(size * 2) for size in pulled)
    assert written.startswith(heard)
    assert len(heard) + head.queued_ms * BYTES_PER_MS == len(written)


def test_the_first_sound_waits_for_the_prebuffer() -> None:
    head = PlayHead(prebuffer_ms=60)
    head.push("a", bytes(40 * BYTES_PER_MS))
    assert head.pull(1_000) == b""
    head.push("a", bytes(40 * BYTES_PER_MS))
    assert len(head.pull(1_000)) == 1_000
    assert head.underruns == 0


def test_the_end_of_an_item_is_not_waited_for() -> None:
    head = PlayHead(prebuffer_ms=60)
    head.push("a", bytes(40 * BYTES_PER_MS))
    head.end("a")
    assert len(head.pull(100 * BYTES_PER_MS)) == 40 * BYTES_PER_MS
    assert head.underruns == 0, "it was over, it did not run dry"


def test_a_reply_that_runs_dry_is_counted_and_fills_its_buffer_again() -> None:
    head = PlayHead(prebuffer_ms=60)
    head.push("a", bytes(80 * BYTES_PER_MS))
    head.pull(100 * BYTES_PER_MS)
    assert head.underruns == 1
    assert head.pull(480) == b""
    assert head.underruns == 1, "one silence is one underrun"
    head.push("a", bytes(40 * BYTES_PER_MS))
    assert head.pull(480) == b""
    head.push("a", bytes(40 * BYTES_PER_MS))
    assert len(head.pull(480)) == 480
