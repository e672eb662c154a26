"""Token usage: one response's, and the running account of a session. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import ceil
from typing import Any

import orjson

_CHARACTERS_PER_TOKEN = 4


def estimate_text_tokens(text: str) -> int:
    """A rough count for English, without a tokenizer: four characters a token. An estimate, never a bill."""
    return ceil(len(text) / _CHARACTERS_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one response (reference §4.2). Cached tokens are part of the input, not added to it."""

    input_text: int = 0
    input_audio: int = 0
    input_image: int = 0
    cached_text: int = 0
    cached_audio: int = 0
    cached_image: int = 0
    output_text: int = 0
    output_audio: int = 0

    @classmethod
    def from_wire(cls, usage: Mapping[str, Any] | None) -> Usage:
        """Read the `usage` of `response.done`; absent parts count as zero."""
        usage = usage or {}
        read = usage.get("input_token_details") or {}
        cached = read.get("cached_tokens_details") or {}
        written = usage.get("output_token_details") or {}
        return cls(
            input_text=read.get("text_tokens") or 0,
            input_audio=read.get("audio_tokens") or 0,
            input_image=read.get("image_tokens") or 0,
            cached_text=cached.get("text_tokens") or 0,
            cached_audio=cached.get("audio_tokens") or 0,
            cached_image=cached.get("image_tokens") or 0,
            output_text=written.get("text_tokens") or 0,
            output_audio=written.get("audio_tokens") or 0,
        )

    @property
    def input_tokens(self) -> int:
        """Everything that was read."""
        return self.input_text + self.input_audio + self.input_image

    @property
    def cached_tokens(self) -> int:
        """The part of the input that came from the cache."""
        return self.cached_text + self.cached_audio + self.cached_image

    @property
    def output_tokens(self) -> int:
        """Everything that was generated."""
        return self.output_text + self.output_audio

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One response in the account.

    Attributes:
        status: `completed`, `cancelled`, `incomplete` or `failed`: all of them bill what they used.
        out_of_band: Whether it stood outside the conversation.
        conversation_tokens: Input without instructions and tools; the prefix is estimated.
    """

    response_id: str
    status: str
    usage: Usage
    out_of_band: bool
    conversation_tokens: int


@dataclass
class Ledger:
    """The account of a session. Append only, and as cheap for the ten-thousandth response as for the first.

    How well the cache works is measured on responses whose prefix nobody disturbed. Each of them could at most have
    taken from the cache what the response before it, in the same conversation, had read and written; responses out of
    band, and those that read nothing, are no part of it. A response that reads *less* than the one before shows that
    something was taken out (a splice of ours, a deletion, the server's own truncation): its broken prefix says nothing
    of the cache, so it is left out. An edit that takes out less than the turn adds stays unseen, and counts.

    Attributes:
        entries: Every response, in order.
        total: Usage of all of them.
        window_tokens: Conversation tokens that the latest response read: the size of the window now.
        cacheable_tokens: The most that could have come from the cache, over all undisturbed responses.
        cached_tokens: What of it did.
        measured_responses: How many responses that is.
    """

    entries: list[LedgerEntry] = field(default_factory=list)
    total: Usage = field(default_factory=Usage)
    window_tokens: int = 0
    cacheable_tokens: int = 0
    cached_tokens: int = 0
    measured_responses: int = 0
    _previous: Usage | None = None

    @property
    def hit_rate(self) -> float | None:
        """Share of the tokens that could have come from the cache that did, 0 to 1; `None` before the second response.

        Real caches hand out steps of 64 tokens, so a short conversation never reaches 1.
        """
        return self.cached_tokens / self.cacheable_tokens if self.cacheable_tokens else None

    def record(self, entry: LedgerEntry) -> None:
        """Add a response. One that read nothing (cancelled early) or stood outside does not move the window."""
        self.entries.append(entry)
        self.total += entry.usage
        if not entry.out_of_band and entry.usage.input_tokens:
            self.window_tokens = entry.conversation_tokens
            self._measure(entry.usage)

    def _measure(self, usage: Usage) -> None:
        before, self._previous = self._previous, usage
        if before is None or usage.input_tokens < before.input_tokens:
            return
        cacheable = min(usage.input_tokens, before.input_tokens + before.output_tokens)
        self.cacheable_tokens += cacheable
        self.cached_tokens += min(usage.cached_tokens, cacheable)
        self.measured_responses += 1


def estimate_prefix_tokens(session: Mapping[str, Any]) -> int:
    """Tokens of instructions and tools, which every response reads before the conversation. An estimate."""
    tools = session.get("tools") or []
    text = str(session.get("instructions") or "") + (orjson.dumps(tools).decode() if tools else "")
    return estimate_text_tokens(text)
