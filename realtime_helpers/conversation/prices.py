"""List prices, dated: realtime models, text models that write summaries, transcription. Pure.

Read by people, on the days named; nothing here asks a server. Later changes are unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .models import without_date

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
"""Realtime models by name (reference §5.1).

From OpenAI's pricing page as read on 2026-10-09; the mini rows on 2026-09-23; both compared with mirrors of the model
pages of 2026-08-06.
"""


@dataclass(frozen=True, slots=True)
class TextPrices:
    """USD per million tokens of a text model; the day it is switched off, where one is announced."""

    text_in: float
    text_cached: float
    text_out: float
    shutdown: date | None = None


_END_OF_GPT_4 = date(2027, 1, 14)
_END_OF_GPT_5 = date(2026, 12, 11)
TEXT_PRICES: dict[str, TextPrices] = {
    "gpt-6-luna": TextPrices(0.10, 0.01, 0.50),
    "gpt-5.6-luna": TextPrices(0.20, 0.02, 1.20),
    "gpt-5.4-mini": TextPrices(0.75, 0.075, 4.50),
    "gpt-5.4-nano": TextPrices(0.20, 0.20, 1.25),  # UNSURE: its cached price is not known; full price stands in
    "gpt-5-mini": TextPrices(0.25, 0.025, 2.00, _END_OF_GPT_5),
    "gpt-5-nano": TextPrices(0.05, 0.005, 0.40, _END_OF_GPT_5),
    "gpt-4.1-mini": TextPrices(0.40, 0.10, 1.60, _END_OF_GPT_4),
    "gpt-4.1-nano": TextPrices(0.10, 0.025, 0.40, date(2026, 10, 23)),
    "gpt-4o-mini": TextPrices(0.15, 0.075, 0.60, _END_OF_GPT_4),
}
"""Small text models that can write summaries (reference §5.3, §5.4; read as `PRICES`)."""


@dataclass(frozen=True, slots=True)
class TranscriptionPrices:
    """What the words of the user's audio cost: they are written by a model of their own, and billed apart.

    Attributes:
        per_minute: USD per minute of audio. Where tokens are billed, OpenAI's own estimate of it.
        tokens_in: USD per million tokens, `None` where minutes are billed.
        tokens_out: The same.
        shutdown: The day the model is switched off, where one is announced.
    """

    per_minute: float
    tokens_in: float | None = None
    tokens_out: float | None = None
    shutdown: date | None = None


_END_OF_TRANSCRIBERS = date(2027, 2, 26)
TRANSCRIPTION_PRICES: dict[str, TranscriptionPrices] = {
    "gpt-transcribe": TranscriptionPrices(0.0045),
    "gpt-realtime-whisper": TranscriptionPrices(0.017),
    "gpt-live-transcribe": TranscriptionPrices(0.017),
    "gpt-4o-transcribe": TranscriptionPrices(0.006, 2.50, 10.00, _END_OF_TRANSCRIBERS),
    "gpt-4o-mini-transcribe": TranscriptionPrices(0.003, 1.25, 5.00, _END_OF_TRANSCRIBERS),
    "whisper-1": TranscriptionPrices(0.006, shutdown=_END_OF_TRANSCRIBERS),
}
"""Models that transcribe the user's audio (reference §5.2, §5.4; read as `PRICES`)."""


def find_prices(model: str) -> Prices | None:
    """Prices of a realtime model by its name, dated or not; `None` for an unknown one."""
    return PRICES.get(without_date(model))


def find_text_prices(model: str) -> TextPrices | None:
    """Prices of a text model by its name, dated or not; `None` for an unknown one."""
    return TEXT_PRICES.get(without_date(model))
