"""What is known of each realtime model: its window, its longest reply, the day it is switched off. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class RealtimeModel:
    """Facts of one speech-to-speech model (reference §4.5, §5.4).

    Attributes:
        name: Its name, with the date when it was looked up by a dated one.
        window_tokens: Context window: input and output of one response together.
        max_output_tokens: Most that one response may write. UNSURE for the 2.x family: its model pages say 32,000,
            the API's specification accepts at most 4,096 or "inf".
        replies_kept_as_audio: How many of the newest replies recordings show to be re-read as audio, older ones as
            text only. UNSURE: a few recordings, documented nowhere (reference §4.3).
        reasons: Whether it belongs to the reasoning family (reference §1.5, §1.6).
        shutdown: The day it is switched off; `None` when none is announced.
        replacement: What OpenAI names in its place.
    """

    name: str
    window_tokens: int
    max_output_tokens: int
    replies_kept_as_audio: int
    reasons: bool = False
    shutdown: date | None = None
    replacement: str | None = None

    @property
    def usable_input_tokens(self) -> int:
        """What a request may read: the window less the longest reply.

        For the 32k models the documents print 28,224 where this arithmetic gives 28,672. UNSURE for the 2.x family:
        the same arithmetic, printed nowhere.
        """
        return self.window_tokens - self.max_output_tokens


def _first(name: str, shutdown: date | None = None, replacement: str | None = None) -> RealtimeModel:
    return RealtimeModel(name, 32_768, 4_096, 1, shutdown=shutdown, replacement=replacement)


def _second(name: str) -> RealtimeModel:
    return RealtimeModel(name, 128_000, 32_000, 0, reasons=True)


MODELS: dict[str, RealtimeModel] = {
    model.name: model
    for model in (
        _first("gpt-realtime", date(2027, 1, 20), "gpt-realtime-2.1"),
        # UNSURE: its model page says 32k, some third parties say 128k; the smaller one is the safe one
        _first("gpt-realtime-mini", date(2027, 1, 20), "gpt-realtime-2.1-mini"),
        _first("gpt-realtime-1.5"),
        _second("gpt-realtime-2"),
        _second("gpt-realtime-2.1"),
        _second("gpt-realtime-2.1-mini"),
    )
}
"""Models by name; those of the beta interface are gone since 2026-05-07."""

_DATED_SHUTDOWNS = {"gpt-realtime-mini-2025-10-06": date(2026, 7, 23)}


def without_date(name: str) -> str:
    """A model's name without the date of its snapshot: `gpt-realtime-2025-08-28` is `gpt-realtime`."""
    return _DATE.sub("", name)


def find_model(name: str) -> RealtimeModel | None:
    """Facts of a model by its name, dated or not; `None` for an unknown one.

    A dated name is taken to share the facts of the undated one, unless a shutdown of its own is announced.
    """
    model = MODELS.get(without_date(name))
    if model is None:
        return None
    return replace(model, name=name, shutdown=_DATED_SHUTDOWNS.get(name, model.shutdown))
