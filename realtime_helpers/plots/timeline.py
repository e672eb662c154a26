"""When which event went which way: one lane a kind, one tick an event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..tracing import Logged
from .plot import BLACK, BLUE, FONT, VERMILION, Plot, new_figure

_WIDTH_IN, _LANE_IN = 12, 0.5
_SOUND_UP, _SOUND_DOWN = "input_audio_buffer.append", "response.output_audio.delta"
_LANES: tuple[tuple[str, str, tuple[str, ...]], ...] = (  # the first that fits
    ("sent", "you send: sound", (_SOUND_UP,)),
    ("sent", "you send: the rest", ("",)),
    ("received", "server: the words of your turn", ("conversation.item.input_audio_transcription.",)),
    ("received", "server: your turn", ("input_audio_buffer.",)),
    ("received", "server: items", ("conversation.",)),
    ("received", "server: words of the reply", ("response.output_audio_transcript.", "response.output_text.")),
    ("received", "server: sound of the reply", ("response.output_audio.",)),
    ("received", "server: frame of the reply", ("response.",)),
    ("received", "server: the rest", ("",)),
)
_MOMENTS = (
    ("input_audio_buffer.speech_started", "you begin"),
    ("input_audio_buffer.speech_stopped", "you end"),
    (_SOUND_DOWN, "first sound"),
    ("response.done", "done"),
)


def plot_timeline(log: Sequence[Logged]) -> Plot:
    """Lanes of the client above, of the server below, against the time; what counts most is named.

    Args:
        log: Events in order, such as `read_log(path)` gives. What a session only noted is left out.

    Raises:
        MissingPartError: matplotlib is not installed.
    """
    events = [logged for logged in log if logged.direction != "noted"]
    events = [replace(logged, at_ms=logged.at_ms - events[0].at_ms) for logged in events]
    times: dict[int, list[float]] = {}
    for logged in events:
        times.setdefault(_lane_of(logged), []).append(logged.at_ms / 1000)
    figure = new_figure(_WIDTH_IN, max(2.0, 1.8 + _LANE_IN * len(times)))
    if not events:
        figure.text(0.5, 0.5, "No event was logged yet.", ha="center", fontsize=FONT)
        return Plot(figure, "No event was logged yet.")
    panel = figure.subplots()
    lanes = sorted(times)
    for row, lane in enumerate(lanes):
        is_ours = _LANES[lane][0] == "sent"
        panel.plot(
            times[lane], [row] * len(times[lane]), "|", color=VERMILION if is_ours else BLUE, markersize=18,
            markeredgewidth=2,
        )  # fmt: skip
    panel.set_yticks(range(len(lanes)), [f"{_LANES[lane][1]} ({len(times[lane])})" for lane in lanes])
    panel.set_ylim(len(lanes) - 0.5, -0.5)
    ours = sum(_LANES[lane][0] == "sent" for lane in lanes)
    if 0 < ours < len(lanes):
        panel.axhline(ours - 0.5, color=BLACK, linewidth=1)
    for number, (at_s, name) in enumerate(_moments(events)):
        panel.axvline(at_s, color=BLACK, linestyle=":", linewidth=1.5)
        panel.annotate(
            name, (at_s, 1), xytext=(0, 4 + 20 * (number % 2)), xycoords=("data", "axes fraction"),
            textcoords="offset points", fontsize=FONT, ha="center",
        )  # fmt: skip
    panel.set_xlabel("seconds", fontsize=FONT)
    panel.tick_params(labelsize=FONT)
    panel.spines[["top", "right"]].set_visible(False)
    return Plot(figure, _in_words(events))


def _lane_of(logged: Logged) -> int:
    return next(
        lane
        for lane, (direction, _, beginnings) in enumerate(_LANES)
        if direction == logged.direction and logged.type.startswith(beginnings)
    )


def _first_s(events: Sequence[Logged], kind: str) -> float | None:
    return next((logged.at_ms / 1000 for logged in events if logged.type == kind), None)


def _moments(events: Sequence[Logged]) -> list[tuple[float, str]]:
    found = [(_first_s(events, kind), name) for kind, name in _MOMENTS]
    return [(at_s, name) for at_s, name in found if at_s is not None]


def _in_words(events: Sequence[Logged]) -> str:
    up = [logged for logged in events if logged.direction == "sent"]
    sound_up = sum(logged.type == _SOUND_UP for logged in up)
    sound_down = [logged.at_ms / 1000 for logged in events if logged.type == _SOUND_DOWN]
    up_words = f"{len(up)} events went up, {sound_up} of them sound"
    down_words = f"{len(events) - len(up)} came down, {len(sound_down)} of them sound"
    parts = [f"In {events[-1].at_ms / 1000:.1f} s {up_words}, and {down_words}."]
    begin, end = (_first_s(events, f"input_audio_buffer.speech_{what}") for what in ("started", "stopped"))
    if begin is not None and end is not None:
        parts.append(f"The server heard speech begin at {begin:.1f} s and end at {end:.1f} s.")
        if sound_down:
            parts.append(f"The first sound of the reply came {sound_down[0] - end:.2f} s later.")
    done = _first_s(events, "response.done")
    if sound_down and done is not None and sound_down[0] < done:
        parts.append(f"All of its sound was here {done - sound_down[0]:.2f} s after that.")
    return " ".join(parts)
