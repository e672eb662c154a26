"""Token counts and usage, by the rules of the reference §4. Pure.

Audio is exact arithmetic. Text is counted with the real o200k vocabulary; the framing around it, the control
tokens of spoken replies and the share of the cache are estimates fitted to recordings, and labelled so.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

USER_AUDIO_MS_PER_TOKEN = 100
ASSISTANT_AUDIO_MS_PER_TOKEN = 50
MESSAGE_FRAMING_TOKENS = 4
SPOKEN_REPLY_CONTROL_TOKENS = 9
TEXT_REPLY_CONTROL_TOKENS = 2
CACHE_STEP_TOKENS = 64


@lru_cache(maxsize=1)
def _o200k() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it reads its own data the old way
        import bpe_openai  # 0.7 s: loaded on first use

    return bpe_openai.get_encoding("o200k_base")


@lru_cache(maxsize=4096)
def count_text(text: str) -> int:
    """Tokens of a text in the o200k vocabulary, without framing."""
    return len(_o200k().encode(text, disallowed_special=())) if text else 0


def user_audio_tokens(length_ms: float) -> int:
    """10 tokens per second, rounded down (reference §4.1)."""
    return int(length_ms // USER_AUDIO_MS_PER_TOKEN)


def assistant_audio_tokens(length_ms: float) -> int:
    """20 tokens per second, rounded down (reference §4.1)."""
    return int(length_ms // ASSISTANT_AUDIO_MS_PER_TOKEN)


def reply_text_tokens(text: str, *, spoken: bool) -> int:
    """Text tokens of a reply: its words and the control tokens that recordings show around them."""
    return count_text(text) + (SPOKEN_REPLY_CONTROL_TOKENS if spoken else TEXT_REPLY_CONTROL_TOKENS)


@dataclass(frozen=True)
class Span:
    """A piece of a request that is cached as a whole.

    Attributes:
        key: Identity of its content; two spans with the same key hold the same tokens.
    """

    modality: Literal["text", "audio"]
    tokens: int
    key: str


@dataclass(frozen=True)
class InputCount:
    """Input tokens of one request."""

    text: int
    audio: int
    cached_text: int
    cached_audio: int


def count_input(spans: Sequence[Span], previous: Sequence[Span]) -> InputCount:
    """Count a request, and what of it the longest common prefix with the previous one saves.

    Each modality is rounded down to steps of 64: the reading that fits the recordings of reference §4.3, §4.4.
    """
    common = {"text": 0, "audio": 0}
    for now, before in zip(spans, previous, strict=False):
        if now != before:
            break
        common[now.modality] += now.tokens
    total = {"text": 0, "audio": 0}
    for span in spans:
        total[span.modality] += span.tokens
    cached = {name: tokens - tokens % CACHE_STEP_TOKENS for name, tokens in common.items()}
    return InputCount(total["text"], total["audio"], cached["text"], cached["audio"])


def usage(counted: InputCount, output_text: int, output_audio: int) -> dict[str, Any]:
    """The `usage` object of `response.done` (reference §4.2)."""
    input_tokens = counted.text + counted.audio
    output_tokens = output_text + output_audio
    return {
        "total_tokens": input_tokens + output_tokens,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "input_token_details": {
            "text_tokens": counted.text,
            "audio_tokens": counted.audio,
            "image_tokens": 0,
            "cached_tokens": counted.cached_text + counted.cached_audio,
            "cached_tokens_details": {
                "text_tokens": counted.cached_text,
                "audio_tokens": counted.cached_audio,
                "image_tokens": 0,
            },
        },
        "output_token_details": {"text_tokens": output_text, "audio_tokens": output_audio},
    }
