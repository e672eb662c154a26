"""Lesson 02: what a talk added per turn, and the check of a price worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..conversation import PRICES, Prices, Usage, cost_usd, read_usage
from .verdict import Verdict

RECORDED: tuple[dict[str, Any], ...] = (
    # the layout of a real response, as the reference has it (§4.2)
    {"total_tokens": 320, "input_tokens": 132, "output_tokens": 188,
     "input_token_details": {"text_tokens": 59, "audio_tokens": 73, "image_tokens": 0, "cached_tokens": 64,
                             "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 64, "image_tokens": 0}},
     "output_token_details": {"text_tokens": 41, "audio_tokens": 147}},
    # three of the simulator: a first turn, a later one, one that was written
    {"total_tokens": 333, "input_tokens": 91, "output_tokens": 242,
     "input_token_details": {"text_tokens": 71, "audio_tokens": 20, "image_tokens": 0, "cached_tokens": 0,
                             "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0}},
     "output_token_details": {"text_tokens": 50, "audio_tokens": 192}},
    {"total_tokens": 704, "input_tokens": 590, "output_tokens": 114,
     "input_token_details": {"text_tokens": 195, "audio_tokens": 395, "image_tokens": 0, "cached_tokens": 448,
                             "cached_tokens_details": {"text_tokens": 128, "audio_tokens": 320, "image_tokens": 0}},
     "output_token_details": {"text_tokens": 27, "audio_tokens": 87}},
    {"total_tokens": 212, "input_tokens": 192, "output_tokens": 20,
     "input_token_details": {"text_tokens": 192, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 128,
                             "cached_tokens_details": {"text_tokens": 128, "audio_tokens": 0, "image_tokens": 0}},
     "output_token_details": {"text_tokens": 20, "audio_tokens": 0}},
)  # fmt: skip
"""`usage` of four responses, as `response.done` carries it."""

_MODELS = ("gpt-realtime-2.1-mini", "gpt-realtime-2.1")
_TINY = 1e-9


def check_price(price_usd: Callable[[Mapping[str, Any], Prices], Any]) -> Verdict:
    """Whether a price worked out by hand is the account's, for every recorded response and two models."""
    for model in _MODELS:
        prices = PRICES[model]
        for number, usage in enumerate(RECORDED, start=1):
            right = cost_usd(read_usage(usage), prices)
            try:
                mine = price_usd(usage, prices)
            except Exception as error:  # noqa: BLE001 - whatever a learner writes, the notebook goes on
                return Verdict(False, f"your function raised {type(error).__name__}: {error}, at response {number}.")
            if not isinstance(mine, int | float):
                return Verdict(False, f"price_usd() returned {type(mine).__name__}: return a number of US dollars.")
            if not abs(mine - right) <= _TINY:  # so that nan is wrong, too
                return Verdict(False, _explain(number, model, mine, right, read_usage(usage), prices))
    return Verdict(True, f"{len(RECORDED)} responses on {len(_MODELS)} models, to the billionth of a dollar.")


def _explain(number: int, model: str, mine: float, right: float, usage: Usage, prices: Prices) -> str:
    found = f"response {number} on {model} costs ${right:.6f}, and yours says ${mine:.6f}. "
    fresh = cost_usd(Usage(usage.input_text, usage.input_audio, output_text=usage.output_text,
                           output_audio=usage.output_audio), prices)  # fmt: skip
    cached = (usage.cached_text * prices.text_cached + usage.cached_audio * prices.audio_cached) / 1e6
    output = (usage.output_text * prices.text_out + usage.output_audio * prices.audio_out) / 1e6
    guesses = (
        (0.0, "Write down what was read first: text tokens times the price of text."),
        (right * 1e6, "Prices are for a million tokens."),
        (fresh, "You charge everything that was read as fresh, but part of it came from the cache."),
        (fresh + cached, "Cached tokens are part of the input, so take them off it before you charge the rest."),
        (right - output, "What was generated is missing: output_token_details."),
        (right - cached, "What came from the cache is cheap, but it is not free."),
    )
    return found + next(
        (why for guess, why in guesses if abs(mine - guess) <= _TINY * max(1.0, guess)),
        "Go through the six kinds one by one: text and audio, each fresh, cached and generated.",
    )


def added_tokens(before: Usage | None, now: Usage) -> Usage:
    """What a response read that the one before it had neither read nor written: the new turn, and its framing.

    Holds while nothing leaves the conversation.

    Args:
        before: Usage of the response before; `None` for the first, whose instructions then count as new, too.
        now: Usage of this one.
    """
    was = before or Usage()
    return Usage(
        input_text=now.input_text - was.input_text - was.output_text,
        input_audio=now.input_audio - was.input_audio - was.output_audio,
    )
