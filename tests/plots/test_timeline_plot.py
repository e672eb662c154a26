"""The timeline: every event is a tick in the lane it belongs to, and the sentence says when what happened."""

from __future__ import annotations

from typing import Literal

from realtime_helpers.plots import plot_timeline
from realtime_helpers.tracing import Logged


def at(at_ms: float, direction: Literal["sent", "received", "noted"], kind: str) -> Logged:
    return Logged(at_ms, direction, {"type": kind})


TURN = [
    at(0, "noted", "session.started"),
    at(500, "received", "session.created"),
    at(600, "sent", "session.update"),
    *(at(700 + 40 * number, "sent", "input_audio_buffer.append") for number in range(20)),
    at(1_000, "received", "input_audio_buffer.speech_started"),
    at(1_500, "received", "input_audio_buffer.speech_stopped"),
    at(1_510, "received", "conversation.item.added"),
    at(1_900, "received", "conversation.item.input_audio_transcription.completed"),
    at(2_000, "received", "response.created"),
    at(2_300, "received", "response.output_audio_transcript.delta"),
    at(2_310, "received", "response.output_audio.delta"),
    at(2_340, "received", "response.output_audio.delta"),
    at(2_400, "received", "response.done"),
    at(2_450, "received", "server.surprise"),
]


def lanes(plot: object) -> dict[str, list[float]]:
    panel = plot.figure.axes[0]  # type: ignore[attr-defined]
    ticks = [line.get_xdata().tolist() for line in panel.lines if line.get_marker() == "|"]
    return dict(zip([label.get_text() for label in panel.get_yticklabels()], ticks, strict=True))


def test_every_event_is_a_tick_in_its_lane_at_its_time() -> None:
    drawn = lanes(plot_timeline(TURN))
    assert sum(len(ticks) for ticks in drawn.values()) == len(TURN) - 1, "what is only noted went over no line"
    assert drawn["server: your turn (2)"] == [0.5, 1.0], "the time begins with the first event on the line"
    assert drawn["server: the words of your turn (1)"] == [1.4]
    assert drawn["server: sound of the reply (2)"] == [1.81, 1.84]
    assert drawn["server: the rest (2)"] == [0.0, 1.95], "unknown events have their place"
    assert list(drawn)[:2] == ["you send: sound (20)", "you send: the rest (1)"]


def test_what_counts_most_is_named_once() -> None:
    names = [text.get_text() for text in plot_timeline([*TURN, *TURN[3:]]).figure.axes[0].texts]
    assert names == ["you begin", "you end", "first sound", "done"]


def test_the_sentence_is_computed_from_the_same_events() -> None:
    assert plot_timeline(TURN).sentence == (
        "In 1.9 s 21 events went up, 20 of them sound, and 11 came down, 2 of them sound. "
        "The server heard speech begin at 0.5 s and end at 1.0 s. The first sound of the reply came 0.81 s later. "
        "All of its sound was here 0.09 s after that."
    )
    typed = [at(0, "sent", "response.create"), at(800, "received", "response.done")]
    assert plot_timeline(typed).sentence == (
        "In 0.8 s 1 events went up, 0 of them sound, and 1 came down, 0 of them sound."
    )


def test_without_events_the_figure_says_so() -> None:
    for log in ([], [at(0, "noted", "session.started")]):
        plot = plot_timeline(log)
        assert not plot.figure.axes
        assert plot.sentence == "No event was logged yet."


def test_letters_can_be_read_in_a_lecture_room() -> None:
    panel = plot_timeline(TURN).figure.axes[0]
    assert min(label.get_fontsize() for label in (*panel.texts, *panel.get_yticklabels())) >= 12
