"""Token counts and usage, by the rules of the reference §4. Pure.

Audio is exact arithmetic. Text is counted with the real o200k vocabulary; the framing around it, the control
tokens of spoken replies and the share of the cache are estimates fitted to recordings; images are an estimate.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

USER_AUDIO_MS_PER_TOKEN = 100
ASSISTANT_AUDIO_MS_PER_TOKEN = 50
MESSAGE_FRAMING_TOKENS = 4
SPOKEN_REPLY_CONTROL_TOKENS = 9
TEXT_REPLY_CONTROL_TOKENS = 2
CACHE_STEP_TOKENS = 64
RATE_LIMIT_TOKENS = 200_000
_PIECE_CHARACTERS = 500_000  # the tokenizer refuses a million
_REMEMBERED_LENGTH = 1000  # a cache that kept thousands of texts of any length would be a leak
_IMAGE_BASE_TOKENS = 85
_IMAGE_TILE_TOKENS = 170


@lru_cache(maxsize=1)
def _o200k() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it reads its own data the old way
        import bpe_openai  # 0.7 s: loaded on first use

    return bpe_openai.get_encoding("o200k_base")


def count_text(text: str) -> int:
    """Tokens of a text in the o200k vocabulary, without framing."""
    return _remembered_count(text) if len(text) <= _REMEMBERED_LENGTH else _count(text)


def _count(text: str) -> int:
    pieces = (text[at : at + _PIECE_CHARACTERS] for at in range(0, len(text), _PIECE_CHARACTERS))
    return sum(len(_o200k().encode(piece, disallowed_special=())) for piece in pieces)


_remembered_count = lru_cache(maxsize=4096)(_count)


def user_audio_tokens(length_ms: float) -> int:
    """10 tokens per second, rounded down (reference §4.1)."""
    return int(length_ms // USER_AUDIO_MS_PER_TOKEN)


def assistant_audio_tokens(length_ms: float) -> int:
    """20 tokens per second, rounded down (reference §4.1)."""
    return int(length_ms // ASSISTANT_AUDIO_MS_PER_TOKEN)


def control_tokens(*, spoken: bool) -> int:
    """Text tokens that recordings show around the words of a reply."""
    return SPOKEN_REPLY_CONTROL_TOKENS if spoken else TEXT_REPLY_CONTROL_TOKENS


def reply_text_tokens(text: str, *, spoken: bool) -> int:
    """Text tokens of a reply: its words and the control tokens around them."""
    return count_text(text) + control_tokens(spoken=spoken)


def image_tokens(width: int, height: int, detail: str) -> int:
    """Tokens of an image. An estimate: the tiles of 512 pixels that OpenAI documents for its GPT-4o models.

    Args:
        width: Pixels.
        height: Pixels.
        detail: `low` costs the base amount; `high` and `auto` add the tiles.
    """
    if detail == "low":
        return _IMAGE_BASE_TOKENS
    fit = min(1.0, 2048 / max(width, height))
    fit *= min(1.0, 768 / (min(width, height) * fit))
    tiles = math.ceil(width * fit / 512) * math.ceil(height * fit / 512)
    return _IMAGE_BASE_TOKENS + _IMAGE_TILE_TOKENS * tiles


Modality = Literal["text", "audio", "image"]
MODALITIES: tuple[Modality, ...] = ("text", "audio", "image")


@dataclass(frozen=True)
class Span:
    """A piece of a request that is cached as a whole.

    Attributes:
        key: Identity of its content; two spans with the same key hold the same tokens.
    """

    modality: Modality
    tokens: int
    key: str


@dataclass(frozen=True)
class InputCount:
    """Input tokens of one request, by modality: all of them, and those the cache saves."""

    read: Mapping[Modality, int]
    cached: Mapping[Modality, int]


NOTHING_READ = InputCount(dict.fromkeys(MODALITIES, 0), dict.fromkeys(MODALITIES, 0))


def count_input(spans: Sequence[Span], previous: Sequence[Span]) -> InputCount:
    """Count a request, and what of it the longest common prefix with the previous one saves.

    Each modality is rounded down to steps of 64: the reading that fits the recordings of reference §4.3, §4.4.
    """
    common = dict.fromkeys(MODALITIES, 0)
    for now, before in zip(spans, previous, strict=False):
        if now != before:
            break
        common[now.modality] += now.tokens
    read = dict.fromkeys(MODALITIES, 0)
    for span in spans:
        read[span.modality] += span.tokens
    return InputCount(read, {name: tokens - tokens % CACHE_STEP_TOKENS for name, tokens in common.items()})


def usage(counted: InputCount, output_text: int, output_audio: int) -> dict[str, Any]:
    """The `usage` object of `response.done` (reference §4.2)."""
    input_tokens = sum(counted.read.values())
    output_tokens = output_text + output_audio
    return {
        "total_tokens": input_tokens + output_tokens,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "input_token_details": {
            **_details(counted.read),
            "cached_tokens": sum(counted.cached.values()),
            "cached_tokens_details": _details(counted.cached),
        },
        "output_token_details": {"text_tokens": output_text, "audio_tokens": output_audio},
    }


def _details(tokens: Mapping[Modality, int]) -> dict[str, int]:
    return {f"{name}_tokens": tokens[name] for name in MODALITIES}


class RateLimit:
    """The numbers of `rate_limits.updated`: a bucket of tokens that fills in a minute. Shown, never enforced.

    Args:
        now_s: Seconds on the clock that later calls use.
    """

    def __init__(self, now_s: float) -> None:
        self._used = 0.0
        self._at_s = now_s

    def spend(self, tokens: int, now_s: float) -> dict[str, Any]:
        """Take tokens out and describe the bucket (reference §3.1: tokens only)."""
        per_s = RATE_LIMIT_TOKENS / 60
        self._used = max(0.0, self._used - (now_s - self._at_s) * per_s)
        self._at_s = now_s
        self._used = min(float(RATE_LIMIT_TOKENS), self._used + tokens)
        remaining = int(RATE_LIMIT_TOKENS - self._used)
        return {
            "name": "tokens",
            "limit": RATE_LIMIT_TOKENS,
            "remaining": remaining,
            "reset_seconds": round(self._used / per_s, 3),
        }
