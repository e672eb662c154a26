from __future__ import annotations

import pytest

from realtime_helpers.conversation import PRICES, Usage, cost_usd

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
