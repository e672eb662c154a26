"""The plot of what responses read: bars as high as the tokens, and a sentence that says the same."""

from __future__ import annotations

from realtime_helpers.conversation import LedgerEntry, Usage
from realtime_helpers.plots import plot_usage


def entry(usage: Usage) -> LedgerEntry:
    return LedgerEntry("resp_1", "completed", usage, False, usage.input_tokens)


TALK = [
    entry(Usage(input_text=70, input_audio=20, output_text=50, output_audio=192)),
    entry(Usage(input_text=130, input_audio=230, cached_text=64, cached_audio=192, output_text=26, output_audio=70)),
    entry(Usage(input_text=160, input_image=10, input_audio=380, cached_text=128, cached_audio=256)),
]


def test_each_bar_is_stacked_of_what_was_read() -> None:
    panel = plot_usage(TALK).figure.axes[0]
    names = [text.get_text() for text in panel.get_legend().get_texts()][::-1]  # as they are stacked
    heights = {name: [bar.get_height() for bar in bars] for name, bars in zip(names, panel.containers, strict=True)}
    assert heights == {
        "text from the cache": [0, 64, 128],
        "text, read fresh": [70, 66, 42],
        "audio from the cache": [0, 192, 256],
        "audio, read fresh": [20, 38, 124],
    }
    tops = [bar.get_y() + bar.get_height() for bar in panel.containers[-1]]
    assert tops == [entry.usage.input_tokens for entry in TALK]
    assert [text.get_text() for text in panel.texts] == ["90", "360", "550"]


def test_the_sentence_is_computed_from_the_same_numbers() -> None:
    assert plot_usage(TALK).sentence == (
        "3 responses read 1,000 tokens: the first 90, the last 550. 63% of them were audio, 64% came from the cache."
    )
    assert plot_usage(TALK[:1]).sentence == (
        "1 response read 90 tokens. 22% of them were audio, 0% came from the cache."
    )


def test_the_cache_is_told_by_hatching_and_not_by_colour_alone() -> None:
    panel = plot_usage(TALK).figure.axes[0]
    assert [bars[0].get_hatch() for bars in panel.containers] == ["//", "", "//", ""]


def test_without_a_response_the_figure_says_so() -> None:
    plot = plot_usage([])
    assert not plot.figure.axes
    assert plot.sentence == "There was no response yet."
    assert plot_usage([entry(Usage())]).sentence == "1 response read 0 tokens."


def test_a_long_talk_is_drawn_without_a_number_on_every_bar() -> None:
    assert not plot_usage(TALK * 10).figure.axes[0].texts
