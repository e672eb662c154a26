"""The plot of turns: a bar for each turn where it lies, and the same in words."""

from __future__ import annotations

from realtime_helpers.audio.formats import silence
from realtime_helpers.plots import plot_turns

PCM = silence(500) + b"\x00\x40" * 12_000 + silence(1_000)
TURNS = {"200 ms": [(0.0, 900.0), (900.0, 1_500.0)], "deaf": []}


def test_each_turn_is_a_bar_where_it_lies() -> None:
    sound, rows = plot_turns(PCM, TURNS).figure.axes
    assert [(bar.get_x(), bar.get_width()) for bar in rows.patches] == [(0, 0.9), (0.9, 0.6)]
    assert [text.get_text() for text in rows.texts] == ["1", "2"]
    assert [label.get_text() for label in rows.get_yticklabels()] == ["200 ms", "deaf"]
    top, bottom = rows.get_ylim()
    assert top > bottom, "the first setting stands on top"
    outline = sound.collections[0].get_paths()[0].vertices
    loud = outline[outline[:, 1] > 0.4]
    assert 0.49 < loud[:, 0].min() < 0.52
    assert 0.98 < loud[:, 0].max() < 1.01


def test_the_sentence_counts_them() -> None:
    assert plot_turns(PCM, TURNS).sentence == (
        "A recording of 2.0 s; 200 ms: 2 turns, the last over at 1.5 s; deaf: no turn."
    )
    assert plot_turns(PCM, {"one": [(0.0, 1_000.0)]}).sentence.endswith("one: 1 turn, the last over at 1.0 s.")
