"""Memory: decide what to summarise, have it written, and splice it into the live conversation."""

from .cache_aware import CacheAwareTrigger
from .careful import CarefulSummariser
from .checks import SIZE_TOLERANCE, check_summary
from .compactor import (
    Assume,
    Compactor,
    Effect,
    Hear,
    Phase,
    Problem,
    Send,
    Write,
)
from .failures import SummaryError, SummaryRefusedError
from .policy import Plan, Standing, SummaryPolicy, estimate_item_tokens
from .provenance import Occasion, SummaryRecord, covered_by, lost_items
from .styles import BULLETS, JSON_RECORD, PARAGRAPH, Form, SummaryStyle
from .summariser import NOTHING_UNDERSTOOD, AskOutOfBand, Summariser, SummaryRequest, Written
from .triggers import (
    AtCost,
    AtShareOfWindow,
    AtTokens,
    AtTurns,
    Trigger,
    all_of,
    any_of,
)
from .writers import ChatSummariser, OutOfBandSummariser, ResponsesSummariser, hear

__all__ = [
    "BULLETS",
    "JSON_RECORD",
    "NOTHING_UNDERSTOOD",
    "PARAGRAPH",
    "SIZE_TOLERANCE",
    "AskOutOfBand",
    "Assume",
    "AtCost",
    "AtShareOfWindow",
    "AtTokens",
    "AtTurns",
    "CacheAwareTrigger",
    "CarefulSummariser",
    "ChatSummariser",
    "Compactor",
    "Effect",
    "Form",
    "Hear",
    "Occasion",
    "OutOfBandSummariser",
    "Phase",
    "Plan",
    "Problem",
    "ResponsesSummariser",
    "Send",
    "Standing",
    "Summariser",
    "SummaryError",
    "SummaryPolicy",
    "SummaryRecord",
    "SummaryRefusedError",
    "SummaryRequest",
    "SummaryStyle",
    "Trigger",
    "Write",
    "Written",
    "all_of",
    "any_of",
    "check_summary",
    "covered_by",
    "estimate_item_tokens",
    "hear",
    "lost_items",
]
