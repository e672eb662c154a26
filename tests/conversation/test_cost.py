from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_helpers.conversation import (
    PRICES,
    TRANSCRIPTION_PRICES,
    CostSplit,
    Prices,
    Usage,
    cost_usd,
    lost_cache_usd,
    read_usage,
    split_cost,
    summary_usd,
    transcription_usd,
)
from realtime_helpers.errors import SettingsError

RECORDED = {  # reference §4.2, verbatim
    "total_tokens": 320, "input_tokens": 132, "output_tokens": 188,
    "input_token_details": {"text_tokens": 59, "audio_tokens": 73, "image_tokens": 0, "cached_tokens": 64,
                            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 64, "image_tokens": 0}},
    "output_token_details": {"text_tokens": 41, "audio_tokens": 147},
}  # fmt: skip


def test_a_recorded_usage_is_read_whole() -> None:
    usage = Usage.from_wire(RECORDED)
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (132, 188, 64)


def test_absent_usage_counts_as_nothing() -> None:
    assert Usage.from_wire(None) == Usage.from_wire({}) == Usage()


def test_a_minute_of_fresh_speech_costs_what_the_price_list_says() -> None:
    # reference §5.1: a user minute is 600 tokens, about $0.019 and $0.006; an assistant minute about $0.077 and $0.024
    for model, listen, speak in (("gpt-realtime-2.1", 0.0192, 0.0768), ("gpt-realtime-2.1-mini", 0.006, 0.024)):
        assert cost_usd(Usage(input_audio=600), PRICES[model]) == pytest.approx(listen)
        assert cost_usd(Usage(output_audio=1200), PRICES[model]) == pytest.approx(speak)


@pytest.mark.parametrize(("model", "ratio"), [("gpt-realtime-2.1", 80), ("gpt-realtime-2.1-mini", 100 / 3)])
def test_cached_audio_is_many_times_cheaper(model: str, ratio: float) -> None:
    fresh = cost_usd(Usage(input_audio=1000), PRICES[model])
    cached = cost_usd(Usage(input_audio=1000, cached_audio=1000), PRICES[model])
    assert fresh / cached == pytest.approx(ratio)


EVERYTHING = Usage(
    input_text=3_000_000, input_audio=5_000_000, input_image=7_000_000,
    cached_text=1_000_000, cached_audio=2_000_000, cached_image=3_000_000,
    output_text=11_000_000, output_audio=13_000_000,
)  # fmt: skip


def test_a_split_by_hand() -> None:
    split = split_cost(EVERYTHING, Prices(1, 0.1, 2, 10, 1, 20, 5, 0.5))
    assert split == CostSplit(
        text_fresh=2.0, text_cached=0.1, audio_fresh=30.0, audio_cached=2.0, image_fresh=20.0, image_cached=1.5,
        text_out=22.0, audio_out=260.0,
    )  # fmt: skip
    assert split.input == pytest.approx(55.6)
    assert split.total == pytest.approx(337.6) == cost_usd(EVERYTHING, Prices(1, 0.1, 2, 10, 1, 20, 5, 0.5))


def test_splits_add_up_and_scale_to_an_hour() -> None:
    split = split_cost(EVERYTHING, PRICES["gpt-realtime-2.1"])
    assert (split + split).total == pytest.approx(2 * split.total)
    assert split.per_hour(600).audio_out == pytest.approx(6 * split.audio_out)
    for wrong in (0, -1, float("nan")):
        with pytest.raises(SettingsError, match="duration"):
            split.per_hour(wrong)


tokens = st.integers(0, 10**6)


@given(*[tokens] * 8, st.sampled_from(sorted(PRICES)))
def test_a_split_is_the_whole_cost(
    text: int, audio: int, image: int, c_text: int, c_audio: int, c_image: int, out: int, said: int, model: str
) -> None:
    usage = Usage(text + c_text, audio + c_audio, image + c_image, c_text, c_audio, c_image, out, said)
    split, prices = split_cost(usage, PRICES[model]), PRICES[model]
    parts = [getattr(split, field.name) for field in fields(split)]
    assert all(part >= 0 for part in parts)
    assert sum(parts) == pytest.approx(cost_usd(usage, prices))
    by_hand = text * prices.text_in + c_text * prices.text_cached + audio * prices.audio_in
    by_hand += c_audio * prices.audio_cached + image * prices.image_in + c_image * prices.image_cached
    assert cost_usd(usage, prices) == pytest.approx((by_hand + out * prices.text_out + said * prices.audio_out) / 1e6)


def test_a_lost_cache_by_hand() -> None:
    before = Usage(input_text=100, input_audio=1000, output_text=20, output_audio=200)
    prices = PRICES["gpt-realtime-2.1"]
    kept = Usage(input_text=150, input_audio=1300, cached_text=120, cached_audio=1200)
    assert lost_cache_usd(before, kept, prices) == 0
    lost = Usage(input_text=150, input_audio=1300, cached_text=100)
    assert lost_cache_usd(before, lost, prices) == pytest.approx((20 * 3.6 + 1200 * 31.6) / 1e6)
    spliced = Usage(input_text=300, input_audio=500, cached_text=64)
    assert lost_cache_usd(before, spliced, prices) == pytest.approx((56 * 3.6 + 500 * 31.6) / 1e6)


def test_a_summary_costs_what_its_writer_takes() -> None:
    usage = Usage(input_text=1_000_000, cached_text=400_000, output_text=100_000)
    assert summary_usd(usage, "gpt-6-luna") == pytest.approx(0.06 + 0.004 + 0.05)
    assert summary_usd(usage, "gpt-realtime-2.1-mini") == pytest.approx(0.36 + 0.024 + 0.24)
    assert summary_usd(usage, None) == 0
    assert summary_usd(usage, "qwen3:8b") is None


def test_transcription_is_billed_by_tokens_or_by_minutes() -> None:
    recorded = {"type": "tokens", "total_tokens": 24, "input_tokens": 16, "output_tokens": 8}  # reference §3.8
    prices = TRANSCRIPTION_PRICES
    assert transcription_usd(recorded, prices["gpt-4o-mini-transcribe"]) == pytest.approx((16 * 1.25 + 8 * 5) / 1e6)
    assert transcription_usd({"type": "duration", "seconds": 120}, prices["whisper-1"]) == pytest.approx(0.012)
    with pytest.raises(SettingsError, match="tokens"):
        transcription_usd(recorded, prices["whisper-1"])
    with pytest.raises(SettingsError, match="nothing known"):
        transcription_usd({}, prices["whisper-1"])


def test_real_usage_can_be_pasted_in() -> None:
    usage = Usage.from_wire(RECORDED)
    response = {"id": "resp_1", "object": "realtime.response", "status": "completed", "usage": RECORDED}
    event = {"type": "response.done", "event_id": "event_1", "response": response}
    for pasted in (RECORDED, response, event, json.dumps(event), json.dumps(RECORDED).encode(), [RECORDED]):
        assert read_usage(pasted) == usage
    assert read_usage([event, RECORDED]) == read_usage(json.dumps([event, RECORDED])) == usage + usage
    assert read_usage({"type": "response.done", "response": {"status": "failed", "usage": None}}) == Usage()


def changed(**details: object) -> dict[str, object]:
    return {**RECORDED, "input_token_details": {**RECORDED["input_token_details"], **details}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "usage: 12",
        "[]",
        "7",
        None,
        [RECORDED, "no"],
        {},
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "session.updated", "session": {}},
        {"prompt_tokens": 10, "completion_tokens": 5},
        {"type": "tokens", "input_tokens": 16, "output_tokens": 8},
        {**RECORDED, "output_token_details": None},
        {**RECORDED, "output_token_details": [1]},
        changed(text_tokens="59"),
        changed(text_tokens=-59),
        changed(text_tokens=True),
        changed(audio_tokens=0),
        changed(text_tokens=9),
        changed(cached_tokens_details=None),
        changed(cached_tokens_details={"audio_tokens": 74}),
    ],
)
def test_what_is_no_usage_is_refused_in_words(pasted: object) -> None:
    with pytest.raises(SettingsError, match=r"Paste the whole `response\.done` event"):
        read_usage(pasted)
