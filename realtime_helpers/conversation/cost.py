"""What usage costs at list prices. A model for learning, not an invoice. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..errors import SettingsError
from .prices import PRICES, PRICES_AS_OF, Prices, TextPrices, TranscriptionPrices, find_prices, find_text_prices
from .usage import Usage

__all__ = [
    "PRICES",
    "PRICES_AS_OF",
    "CostSplit",
    "Prices",
    "cost_usd",
    "lost_cache_usd",
    "split_cost",
    "summary_usd",
    "transcription_usd",
]

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class CostSplit:
    """USD by what was paid for: input read fresh, input from the cache, output."""

    text_fresh: float = 0.0
    text_cached: float = 0.0
    audio_fresh: float = 0.0
    audio_cached: float = 0.0
    image_fresh: float = 0.0
    image_cached: float = 0.0
    text_out: float = 0.0
    audio_out: float = 0.0

    @property
    def total(self) -> float:
        """Everything together, in USD."""
        return self.input + self.text_out + self.audio_out

    @property
    def input(self) -> float:
        """What reading cost, in USD: the part that grows with the conversation."""
        return (
            self.text_fresh
            + self.text_cached
            + self.audio_fresh
            + self.audio_cached
            + self.image_fresh
            + self.image_cached
        )

    def __add__(self, other: CostSplit) -> CostSplit:
        return CostSplit(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def per_hour(self, duration_s: float) -> CostSplit:
        """The same conversation at this rate for an hour, in USD.

        Conversations grow, so an hour of a short one costs less than a long hour.

        Args:
            duration_s: How long the conversation took.

        Raises:
            SettingsError: The duration is not above zero.
        """
        if not duration_s > 0:
            raise SettingsError(f"A cost per hour needs a duration, and it is {duration_s} s.", "Give seconds above 0.")
        return CostSplit(*(getattr(self, f.name) * 3600 / duration_s for f in fields(self)))


def split_cost(usage: Usage, prices: Prices) -> CostSplit:
    """The price of a response or of a whole session, by what was paid for (reference §5.1)."""
    return CostSplit(
        text_fresh=(usage.input_text - usage.cached_text) * prices.text_in / _MILLION,
        text_cached=usage.cached_text * prices.text_cached / _MILLION,
        audio_fresh=(usage.input_audio - usage.cached_audio) * prices.audio_in / _MILLION,
        audio_cached=usage.cached_audio * prices.audio_cached / _MILLION,
        image_fresh=(usage.input_image - usage.cached_image) * prices.image_in / _MILLION,
        image_cached=usage.cached_image * prices.image_cached / _MILLION,
        text_out=usage.output_text * prices.text_out / _MILLION,
        audio_out=usage.output_audio * prices.audio_out / _MILLION,
    )


def cost_usd(usage: Usage, prices: Prices) -> float:
    """The price of a response or of a whole session, in USD (reference §5.1)."""
    return split_cost(usage, prices).total


def text_cost_usd(usage: Usage, prices: TextPrices) -> float:
    """What a text model takes for usage, in USD."""
    fresh = usage.input_text - usage.cached_text
    cached = usage.cached_text * prices.text_cached
    return (fresh * prices.text_in + cached + usage.output_text * prices.text_out) / _MILLION


def summary_usd(usage: Usage, model: str | None) -> float | None:
    """What writing a summary cost, in USD; `None` when the model's prices are not known.

    A summary that the session's own model wrote, out of band, is in the session's ledger already: do not add it twice.

    Args:
        usage: Tokens of the writer.
        model: A text or a realtime model, dated or not; `None` for a writer that costs nothing.
    """
    if model is None:
        return 0.0
    if (text := find_text_prices(model)) is not None:
        return text_cost_usd(usage, text)
    realtime = find_prices(model)
    return None if realtime is None else cost_usd(usage, realtime)


def transcription_usd(usage: Mapping[str, Any], prices: TranscriptionPrices) -> float:
    """What the words of one user turn cost, in USD.

    Args:
        usage: As `…input_audio_transcription.completed` carries it: tokens, or seconds (reference §3.1).
        prices: Of the transcription model, which need not be the session's.

    Raises:
        SettingsError: Tokens, and a model that is billed by the minute; or neither tokens nor seconds.
    """
    if usage.get("type") == "duration":
        return float(usage["seconds"]) / 60 * prices.per_minute
    if usage.get("type") == "tokens" and prices.tokens_in is not None and prices.tokens_out is not None:
        read, written = float(usage["input_tokens"]), float(usage["output_tokens"])
        return (read * prices.tokens_in + written * prices.tokens_out) / _MILLION
    raise SettingsError(
        f"This transcription counts {usage.get('type') or 'nothing known'}, which these prices do not cover.",
        "Use TRANSCRIPTION_PRICES[model] of the model that wrote it.",
    )


def lost_cache_usd(previous: Usage, current: Usage, prices: Prices) -> float:
    """What `current` cost for tokens that might have come from the cache and did not, in USD. An estimate, at most.

    In each modality at most what the previous response read and wrote can come from the cache; what of that was read
    fresh cost more by the difference of the two prices. The cause is not in the numbers: an edit of an early item, new
    instructions, the server's own truncation, or a cache that simply missed all look alike. After a deletion some of
    the tokens counted here are new (a summary, say), so the true loss is smaller, never larger.

    Args:
        previous: Usage of the response before, in the same conversation.
        current: Usage of the response looked at.
        prices: Of the session's model.
    """
    text = min(current.input_text, previous.input_text + previous.output_text) - current.cached_text
    audio = min(current.input_audio, previous.input_audio + previous.output_audio) - current.cached_audio
    image = min(current.input_image, previous.input_image) - current.cached_image
    return (
        max(0, text) * (prices.text_in - prices.text_cached)
        + max(0, audio) * (prices.audio_in - prices.audio_cached)
        + max(0, image) * (prices.image_in - prices.image_cached)
    ) / _MILLION
