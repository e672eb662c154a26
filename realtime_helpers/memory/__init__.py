"""Memory: decide what to summarise, have it written, and splice it into the live conversation."""

from .cache_aware import CacheAwareTrigger
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
from .policy import Plan, SummaryPolicy, Trigger, estimate_item_tokens
from .provenance import covered_by, lost_items
from .summariser import AskOutOfBand, ChatSummariser, Summariser, SummaryRequest, SummaryStyle, Written

__all__ = [
    "AskOutOfBand",
    "Assume",
    "CacheAwareTrigger",
    "ChatSummariser",
    "Compactor",
    "Effect",
    "Phase",
    "Plan",
    "Problem",
    "Send",
    "Summariser",
    "SummaryPolicy",
    "SummaryRecord",
    "SummaryRequest",
    "SummaryStyle",
    "Trigger",
    "Write",
    "Written",
    "covered_by",
    "estimate_item_tokens",
    "lost_items",
]
