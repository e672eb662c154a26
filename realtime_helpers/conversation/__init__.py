"""What was said, by whom, and what it cost: pure values built from server events."""

from .captions import Caption, Captions, CaptionState, captions_text
from .cost import (
    CostSplit,
    cost_usd,
    lost_cache_usd,
    split_cost,
    summary_usd,
    text_cost_usd,
    transcription_usd,
)
from .forecast import Forecast, Outlook, ServerTruncation, SpeechRates, Strategy, forecast_cost
from .frozen_view import FrozenView
from .items import SUMMARY_ID_PREFIX, Item, Transcript, Turn, group_turns
from .models import MODELS, RealtimeModel, find_model
from .pasted import read_usage
from .prices import (
    PRICES,
    PRICES_AS_OF,
    TEXT_PRICES,
    TRANSCRIPTION_PRICES,
    Prices,
    TextPrices,
    TranscriptionPrices,
    find_prices,
    find_text_prices,
)
from .reducer import Conversation
from .triggers import TriggerChoice, best_trigger
from .usage import Ledger, LedgerEntry, Usage, estimate_prefix_tokens, estimate_text_tokens

__all__ = [
    "MODELS",
    "PRICES",
    "PRICES_AS_OF",
    "SUMMARY_ID_PREFIX",
    "TEXT_PRICES",
    "TRANSCRIPTION_PRICES",
    "Caption",
    "CaptionState",
    "Captions",
    "Conversation",
    "CostSplit",
    "Forecast",
    "FrozenView",
    "Item",
    "Ledger",
    "LedgerEntry",
    "Outlook",
    "Prices",
    "RealtimeModel",
    "ServerTruncation",
    "SpeechRates",
    "Strategy",
    "TextPrices",
    "Transcript",
    "TranscriptionPrices",
    "TriggerChoice",
    "Turn",
    "Usage",
    "best_trigger",
    "captions_text",
    "cost_usd",
    "estimate_prefix_tokens",
    "estimate_text_tokens",
    "find_model",
    "find_prices",
    "find_text_prices",
    "forecast_cost",
    "group_turns",
    "lost_cache_usd",
    "read_usage",
    "split_cost",
    "summary_usd",
    "text_cost_usd",
    "transcription_usd",
]
