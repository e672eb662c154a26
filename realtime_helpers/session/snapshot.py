"""What a session looks like at one moment: immutable, for cells, panels and tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ..conversation import Caption, Item, LedgerEntry, Turn, Usage
from ..errors import WorkshopError
from ..memory import SummaryPolicy, SummaryRecord, SummaryStyle
from ..options import SessionOptions
from .calls import Call
from .latency import Latency
from .restore import Restoration


class State(Enum):
    """What the session is doing, in words."""

    NEW = "not started"
    CONNECTING = "connecting"
    LISTENING = "listening"
    HEARING = "hearing you"
    THINKING = "thinking"
    SPEAKING = "speaking"
    RECONNECTING = "connecting again"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Snapshot:
    """A session at one moment.

    Attributes:
        version: Grows with every change.
        state: What it is doing.
        is_quiet: Nobody speaks, no response is due, and every reply was heard to its end. A tool may still run.
        is_summarising: A summary is being written or spliced in.
        turns: Every turn so far, also those that only a summary stands for now.
        items: Items on the server now, in order.
        summaries: Summaries so far, oldest first.
        responses: The account, one entry a response.
        total: Tokens of all responses.
        window_tokens: Conversation tokens that the latest response read.
        cache_hit_rate: Share of what could have come from the cache that did, 0 to 1; `None` before it is measured.
        cost_usd: Price of all responses; `None` for a model without a listed price.
        summaries_usd: Price of the summaries that text models wrote; `None` when one of them has no listed price.
        captions: What both sides said, a line each, in an order that never changes.
        latency: How quickly things went.
        dropped_chunks: Microphone audio that could not be sent in time.
        problems: What went wrong without ending the session, oldest first.
        restorations: What came back after each lost connection, oldest first.
        options: What is in force on the server, in its own words; `None` before it has said so.
        error: What ended the session; `None` while it lives or after a normal stop.
        calls: Calls of functions so far, oldest first.
        has_unread: The user said something that no response has read, or was asked to read.
        is_muted: Silence is sent instead of what a microphone records.
        memory: When old turns are summarised; `None`: only when asked.
        style: How the next summary will look.
    """

    version: int
    state: State
    is_quiet: bool
    is_summarising: bool
    turns: Sequence[Turn]
    items: tuple[Item, ...]
    summaries: Sequence[SummaryRecord]
    responses: Sequence[LedgerEntry]
    total: Usage
    window_tokens: int
    cache_hit_rate: float | None
    cost_usd: float | None
    summaries_usd: float | None
    captions: Sequence[Caption]
    latency: Latency
    dropped_chunks: int
    problems: Sequence[str]
    restorations: Sequence[Restoration]
    options: SessionOptions | None
    error: WorkshopError | None
    calls: Sequence[Call] = ()
    has_unread: bool = False
    is_muted: bool = False
    memory: SummaryPolicy | None = None
    style: SummaryStyle | None = None

    def has_answered(self, number: int) -> bool:
        """Whether turn `number` (from 1) was understood, answered, and its answer heard to the end.

        An answer that is over counts, also when it was cut off before its first word, or failed.
        """
        if len(self.turns) < number:
            return False
        turn = self.turns[number - 1]
        said, open_calls = turn.assistant_text, turn.open_calls
        if open_calls or (not said and turn.answered_calls):  # the user went on speaking: the reply is in a later turn
            later = Turn(tuple(item for other in self.turns[number:] for item in other.items))
            said, open_calls = said or later.assistant_text, open_calls - later.answered_calls
        is_over = bool(said) or not self.has_unread
        return is_over and not open_calls and not turn.is_growing and not turn.pending and self.is_quiet
