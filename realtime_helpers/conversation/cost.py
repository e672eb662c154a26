"""What usage costs, from a dated price table. A model for learning, not an invoice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .usage import Usage

PRICES_AS_OF = date(2026, 10, 9)
"""The day the prices of the reference (§5.1) were read."""


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per million tokens."""

    text_in: float
    text_cached: float
    text_out: float
    audio_in: float
    audio_cached: float
    audio_out: float
    image_in: float
    image_cached: float


_FULL = Prices(4.00, 0.40, 24.00, 32.00, 0.40, 64.00, 5.00, 0.50)
_FIRST = Prices(4.00, 0.40, 16.00, 32.00, 0.40, 64.00, 5.00, 0.50)
_MINI = Prices(0.60, 0.06, 2.40, 10.00, 0.30, 20.00, 0.80, 0.08)
PRICES: dict[str, Prices] = {
    "gpt-realtime": _FIRST,
    "gpt-realtime-1.5": _FIRST,
    "gpt-realtime-2": _FULL,
    "gpt-realtime-2.1": _FULL,
    "gpt-realtime-mini": _MINI,
    "gpt-realtime-2.1-mini": _MINI,
}


def cost_usd(usage: Usage, prices: Prices) -> float:
    """The price of a response or of a whole session (reference §5.1)."""
    fresh_text = usage.input_text - usage.cached_text
    fresh_audio = usage.input_audio - usage.cached_audio
    fresh_image = usage.input_image - usage.cached_image
    return (
        fresh_text * prices.text_in
        + usage.cached_text * prices.text_cached
        + usage.output_text * prices.text_out
        + fresh_audio * prices.audio_in
        + usage.cached_audio * prices.audio_cached
        + usage.output_audio * prices.audio_out
        + fresh_image * prices.image_in
        + usage.cached_image * prices.image_cached
    ) / 1_000_000
