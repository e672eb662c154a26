"""What was said, by whom, and what it cost: pure values built from server events."""

from .cost import PRICES, PRICES_AS_OF, Prices, cost_usd
from .frozen_view import FrozenView
from .items import SUMMARY_ID_PREFIX, Item, Transcript, Turn, group_turns
from .reducer import Conversation
from .usage import Ledger, LedgerEntry, Usage, estimate_prefix_tokens, estimate_text_tokens

__all__ = [
    "PRICES",
    "PRICES_AS_OF",
    "SUMMARY_ID_PREFIX",
    "Conversation",
    "FrozenView",
    "Item",
    "Ledger",
    "LedgerEntry",
    "Prices",
    "Transcript",
    "Turn",
    "Usage",
    "cost_usd",
    "estimate_prefix_tokens",
    "estimate_text_tokens",
    "group_turns",
]
