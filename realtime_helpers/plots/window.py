"""How much of a talk each response read: the picture of a memory that grows, and of summaries that cut it back."""

from __future__ import annotations

from collections.abc import Mapping

from ..session import Snapshot
from .plot import BLACK, BLUE, FONT, GREEN, PURPLE, VERMILION, Plot, new_figure

_STYLES = ((BLUE, "o", "-"), (VERMILION, "s", "--"), (GREEN, "D", "-."), (PURPLE, "^", ":"))


def plot_windows(talks: Mapping[str, Snapshot]) -> Plot:
    """The conversation tokens of each response, a line for each talk; a ring where a summary had come before.

    Args:
        talks: Snapshots by name, at most four.

    Raises:
        MissingPartError: matplotlib is not installed.
        ValueError: More talks than can be told apart.
    """
    if len(talks) > len(_STYLES):
        raise ValueError(f"{len(talks)} talks are too many for one figure; compare at most {len(_STYLES)}.")
    figure = new_figure(12, 5)
    panel = figure.subplots()
    words = []
    for (name, snapshot), (colour, marker, line) in zip(talks.items(), _STYLES, strict=False):
        windows = [entry.conversation_tokens for entry in snapshot.responses if not entry.out_of_band]
        numbers = range(1, len(windows) + 1)
        panel.plot(numbers, windows, line, marker=marker, color=colour, linewidth=2.5, markersize=9, label=name)
        cut = _after_summaries(windows, snapshot)
        panel.plot(cut, [windows[number - 1] for number in cut], "o", color=BLACK, markersize=20, fillstyle="none")
        words.append(_in_words(name, windows, sum(record.is_summary for record in snapshot.summaries)))
    panel.set_title("tokens of conversation that each response read (ring: a summary came before)", fontsize=FONT)
    panel.set_xlabel("response", fontsize=FONT)
    panel.set_ylim(bottom=0)
    panel.locator_params(axis="x", integer=True)
    panel.tick_params(labelsize=FONT)
    panel.spines[["top", "right"]].set_visible(False)
    if talks:
        panel.legend(fontsize=FONT)
    return Plot(figure, f"{'; '.join(words)}." if words else "There is no talk to show.")


def _after_summaries(windows: list[int], snapshot: Snapshot) -> list[int]:
    """Numbers of the responses that were the first after a summary."""
    found: list[int] = []
    for record in snapshot.summaries:
        later = range(found[-1] if found else 1, len(windows))
        found += next(
            ([n + 1] for n in later if (windows[n - 1], windows[n]) == (record.window_before, record.window_after)), []
        )
    return found


def _in_words(name: str, windows: list[int], summaries: int) -> str:
    count = {0: "never summarised", 1: "summarised once", 2: "summarised twice"}
    how = count.get(summaries, f"summarised {summaries} times")
    if not windows:
        return f"{name}: nothing was read yet"
    return f"{name}: {how}, at most {max(windows):,} tokens read at once, {windows[-1]:,} at the end"
