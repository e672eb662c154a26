"""What differs from model to model (reference §1.5, §4.5). Pure."""

from __future__ import annotations

from dataclasses import dataclass

_OTHER_KINDS = ("gpt-realtime-whisper", "gpt-realtime-translate")


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


def find_model(name: str) -> Model | None:
    """Facts of a model by name, or `None` when it has no realtime mode.

    The previews called `gpt-4o-…` were switched off on 2026-05-07 (reference §5.4), so they are unknown here too.
    """
    if not name.startswith("gpt-realtime") or name.startswith(_OTHER_KINDS):
        return None
    version = name.removeprefix("gpt-realtime").removeprefix("-")
    is_first = not version or version.startswith(("mini", "1.5", "2025"))
    return _FIRST if is_first else _SECOND
