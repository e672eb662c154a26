"""Memory: decide what to summarise, have it written, and splice it into the live conversation."""

from .cache_aware import CacheAwareTrigger
from .careful import CarefulSummariser
from .checks import SIZE_TOLERANCE, check_summary
from .compactor import (
    Assume,
    Compactor,
    Effect,
    Phase,
    Problem,
    Send,
    SummaryRecord,
    Write,
)
from .failures import SummaryError, SummaryRefusedError
from .policy import Plan, SummaryPolicy, Trigger, estimate_item_tokens
from .provenance import covered_by, lost_items
from .styles import BULLETS, JSON_RECORD, PARAGRAPH, Form, SummaryStyle
from .summariser import AskOutOfBand, Summariser, SummaryRequest, Written
from .writers import ChatSummariser, OutOfBandSummariser, ResponsesSummariser, hear

__all__ = [
    "BULLETS",
    "JSON_RECORD",
    "PARAGRAPH",
    "SIZE_TOLERANCE",
    "AskOutOfBand",
    "Assume",
    "CacheAwareTrigger",
    "CarefulSummariser",
    "ChatSummariser",
    "Compactor",
    "Effect",
    "Form",
    "OutOfBandSummariser",
    "Phase",
    "Plan",
    "Problem",
    "ResponsesSummariser",
    "Send",
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
    "check_summary",
    "covered_by",
    "estimate_item_tokens",
    "hear",
    "lost_items",
]
