from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from realtime_helpers.simulator.accounting import (
    Span,
    assistant_audio_tokens,
    count_input,
    count_text,
    usage,
    user_audio_tokens,
)


def test_audio_follows_the_recorded_figures() -> None:
    # reference §4.1: 2796 ms -> 27, 2668 -> 26, 5120 -> 51, 1630 -> 16; 7.30 s of reply -> 146
    assert [user_audio_tokens(ms) for ms in (2796, 2668, 5120, 1630)] == [27, 26, 51, 16]
    assert assistant_audio_tokens(7300) == 146


def test_text_is_counted_with_the_o200k_vocabulary() -> None:
    # published ids: "Hello world" is 13225 2375
    assert count_text("Hello world") == 2
    assert count_text("") == 0


def test_more_text_than_the_tokenizer_takes_at_once_is_counted_too() -> None:
    assert count_text(" word" * 300_000) == 300_000


def test_the_recorded_cache_figures_come_out() -> None:
    # reference §4.3, turns 1 and 2: 15 text and 27 + 42 audio tokens in common; cached were 0 text and 64 audio
    first = [Span("text", 15, "instructions"), Span("audio", 27, "user"), Span("audio", 42, "reply")]
    second = [*first, Span("text", 28, "rest"), Span("audio", 27, "user 2")]
    counted = count_input(second, first)
    assert (counted.read, counted.cached) == (
        {"text": 43, "audio": 96, "image": 0},
        {"text": 0, "audio": 64, "image": 0},
    )


spans = st.lists(
    st.builds(Span, st.sampled_from(["text", "audio", "image"]), st.integers(0, 500), st.sampled_from("abcdef")),
    max_size=12,
)


@given(spans, spans)
def test_the_cache_never_holds_more_than_was_read_and_sums_are_right(now: list[Span], before: list[Span]) -> None:
    counted = count_input(now, before)
    assert sum(counted.read.values()) == sum(span.tokens for span in now)
    for modality, cached in counted.cached.items():
        assert cached <= counted.read[modality]
        assert cached % 64 == 0
    whole = usage(counted, 7, 11)
    assert whole["total_tokens"] == whole["input_tokens"] + 18


@given(spans, st.data())
def test_an_early_edit_throws_the_cache_away_from_there_on(items: list[Span], data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, len(items))) if items else 0
    counted = count_input(items[:gone] + items[gone + 1 :], items)
    same = 0
    for now, before in zip(items[:gone] + items[gone + 1 :], items, strict=False):
        if now != before:
            break
        same += now.tokens
    assert sum(counted.cached.values()) <= same
