"""What differs from model to model (reference §1.5, §4.5). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SWITCHED_OFF = ("gpt-realtime-mini-2025-10-06",)


@dataclass(frozen=True)
class Model:
    """Facts of one speech-to-speech model.

    Attributes:
        voice: Default voice.
        silence_ms: Default `silence_duration_ms` of server VAD.
        window_tokens: Context window.
        max_output_tokens: Most that one response may write.
        replies_kept_as_audio: How many of the newest replies recordings show to be re-read as audio (reference §4.3).
        reasons: Whether it belongs to the reasoning family, which knows `reasoning` and `phase`.
    """

    voice: str
    silence_ms: int
    window_tokens: int
    max_output_tokens: int
    replies_kept_as_audio: int
    reasons: bool

    @property
    def usable_input_tokens(self) -> int:
        """What a request may read: the window less the longest reply."""
        return self.window_tokens - self.max_output_tokens


_FIRST = Model("alloy", 200, 32_768, 4_096, 1, reasons=False)
_SECOND = Model("marin", 500, 128_000, 32_000, 0, reasons=True)


KNOWN_MODELS = (
    "gpt-realtime", "gpt-realtime-mini", "gpt-realtime-1.5", "gpt-realtime-2", "gpt-realtime-2.1",
    "gpt-realtime-2.1-mini",
)  # fmt: skip
_NAME = re.compile(r"gpt-realtime(-1\.5|-2|-2\.1)?(-mini)?(-\d{4}-\d{2}-\d{2})?")


def find_model(name: str) -> Model | None:
    """Facts of a model by name, or `None` when there is none of that name, or none any more (reference §5.4)."""
    match = _NAME.fullmatch(name)
    if match is None or name in _SWITCHED_OFF:
        return None
    return _FIRST if match[1] in (None, "-1.5") else _SECOND
