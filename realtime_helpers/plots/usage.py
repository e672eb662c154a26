"""What each response read: text and audio, fresh and from the cache."""

from __future__ import annotations

from collections.abc import Sequence

from ..conversation import LedgerEntry, Usage
from .plot import BLACK, BLUE, FONT, VERMILION, Plot, new_figure

_WIDTH_IN, _HEIGHT_IN = 12, 5.5
_CACHED = "//"
_LOOKS = (
    ("text from the cache", VERMILION, _CACHED),
    ("text, read fresh", VERMILION, ""),
    ("audio from the cache", BLUE, _CACHED),
    ("audio, read fresh", BLUE, ""),
)
_MOST_NUMBERS = 20


def plot_usage(responses: Sequence[LedgerEntry]) -> Plot:
    """One bar a response: the tokens it read, by modality, and which of them came from the cache (hatched).

    Images count with the text.

    Args:
        responses: Such as `session.snapshot.responses`.

    Raises:
        MissingPartError: matplotlib is not installed.
    """
    usages = [entry.usage for entry in responses]
    figure = new_figure(_WIDTH_IN, _HEIGHT_IN)
    if not usages:
        figure.text(0.5, 0.5, "There was no response yet.", ha="center", fontsize=FONT)
        return Plot(figure, "There was no response yet.")
    panel = figure.subplots()
    numbers = range(1, len(usages) + 1)
    below = [0] * len(usages)
    for (name, colour, hatch), heights in zip(_LOOKS, zip(*map(_parts, usages), strict=True), strict=True):
        panel.bar(
            numbers, heights, bottom=below, label=name, color=colour, hatch=hatch, edgecolor="white", linewidth=0.5,
            alpha=0.55 if hatch else 1.0,
        )  # fmt: skip
        below = [low + height for low, height in zip(below, heights, strict=True)]
    if len(usages) <= _MOST_NUMBERS:
        for number, top in zip(numbers, below, strict=True):
            panel.annotate(f"{top:,}", (number, top), ha="center", va="bottom", fontsize=FONT, color=BLACK)
    panel.set_xlabel("response", fontsize=FONT)
    panel.set_ylabel("tokens read", fontsize=FONT)
    panel.locator_params(axis="x", integer=True)
    panel.margins(y=0.12)
    panel.tick_params(labelsize=FONT)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(fontsize=FONT, frameon=False, loc="upper left", reverse=True)
    return Plot(figure, _in_words(usages))


def _parts(usage: Usage) -> tuple[int, int, int, int]:
    """Tokens of a response, in the order in which they are stacked."""
    cached_text = usage.cached_text + usage.cached_image
    return (
        cached_text,
        usage.input_text + usage.input_image - cached_text,
        usage.cached_audio,
        usage.input_audio - usage.cached_audio,
    )


def _in_words(usages: Sequence[Usage]) -> str:
    total = sum(usages, Usage())
    one = len(usages) == 1
    read = f"{len(usages)} response{'' if one else 's'} read {total.input_tokens:,} tokens"
    first, last = usages[0].input_tokens, usages[-1].input_tokens
    grown = "" if one else f": the first {first:,}, the last {last:,}"
    if not total.input_tokens:
        return f"{read}{grown}."
    return (
        f"{read}{grown}. {_share(total.input_audio, total)} of them were audio, "
        f"{_share(total.cached_tokens, total)} came from the cache."
    )


def _share(tokens: int, total: Usage) -> str:
    return f"{tokens / total.input_tokens:.0%}"
