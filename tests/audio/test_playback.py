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
