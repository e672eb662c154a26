"""How loud both sides are, and the last seconds of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..audio.formats import BYTES_PER_MS
from ..audio.levels import QUIETEST_DBFS, Level, LevelMeter
from ..options import PushToTalk
from ..session import RealtimeSession, Snapshot, State
from ..session.ears import Side
from .drawing import Soon
from .in_words import counted
from .panel import Panel, script

SHOWN_S = 6
_STEP_MS = 50
_FLOOR_DBFS = -60.0
_QUIET_DBFS, _LOUD_DBFS = -40.0, -10.0
_MOST_WAITING = 4_000  # chunks: minutes, if nobody draws

SIDES: tuple[Side, ...] = ("user", "assistant")


@dataclass(frozen=True)
class SideLevel:
    """How loud one side is.

    Attributes:
        level: Of its newest sound.
        clippings: How often it was cut off at full scale.
        silent_ms: How long it has been silent without a break.
        heard_ms: How much there was of it.
        peaks: Its last seconds: the root of the greatest amplitude of each 50 ms, 0 to 100.
    """

    level: Level = field(default_factory=Level)
    clippings: int = 0
    silent_ms: float = 0.0
    heard_ms: float = 0.0
    peaks: tuple[int, ...] = ()


@dataclass
class SideMeter:
    """Measures one side. Its time is that of the audio."""

    _meter: LevelMeter = field(default_factory=LevelMeter)
    _peaks: deque[int] = field(default_factory=lambda: deque(maxlen=SHOWN_S * 1000 // _STEP_MS))
    _rest: bytes = b""
    _heard_bytes: int = 0

    def add(self, pcm: bytes) -> None:
        """Measure what comes next: PCM16, 24 kHz, mono."""
        self._heard_bytes += len(pcm)
        step = _STEP_MS * BYTES_PER_MS
        waiting = self._rest + pcm
        whole = len(waiting) - len(waiting) % step
        for start in range(0, whole, step):
            peak_dbfs = self._meter.add(waiting[start : start + step]).peak_dbfs
            self._peaks.append(round(100 * 10 ** (peak_dbfs / 40)))  # the root of the amplitude: whispers are seen, too
        self._rest = waiting[whole:]

    @property
    def now(self) -> SideLevel:
        """How loud it is."""
        meter = self._meter
        return SideLevel(
            meter.level, meter.clippings, meter.silent_ms, self._heard_bytes / BYTES_PER_MS, tuple(self._peaks)
        )


def levels_picture(now: Snapshot, levels: Mapping[Side, SideLevel]) -> dict[str, Any]:
    """What level meters show.

    Args:
        now: The session.
        levels: How loud each side is.
    """
    sides = [_side(side, levels[side], now) for side in SIDES]
    return {"sides": sides, "seconds": SHOWN_S, "sentence": " ".join(side["words"] for side in sides)}


def _side(side: Side, heard: SideLevel, now: Snapshot) -> dict[str, Any]:
    is_user = side == "user"
    is_on = _is_sent(now) if is_user else now.state is State.SPEAKING
    rms = heard.level.rms_dbfs if is_on and heard.heard_ms else QUIETEST_DBFS
    return {
        "who": "You" if is_user else "Bot",
        "note": "what is sent" if is_user else "as it comes, which is faster than it sounds",
        "height": _height(rms),
        "held": _height(heard.level.held_dbfs) if is_on and heard.heard_ms else 0,
        "dbfs": round(rms),
        "peaks": list(heard.peaks),
        "is_clipped": heard.clippings > 0,
        "words": f"{'You' if is_user else 'Bot'}: {_in_words(heard, now, is_user=is_user)}.",
    }


def _in_words(heard: SideLevel, now: Snapshot, *, is_user: bool) -> str:
    clipped = (
        f"; clipped {counted(heard.clippings, 'time')}, {'move back or lower the gain' if is_user else 'too loud'}"
    )
    end = clipped if heard.clippings else ""
    if is_user and now.is_muted:
        return f"muted, silence is sent{end}"
    if not heard.heard_ms:
        return "nothing heard yet"
    if is_user and not _is_sent(now):
        return f"not listened to{end}"
    if not is_user and now.state is not State.SPEAKING:
        return f"not speaking{end}"
    if heard.silent_ms >= 1_000:
        return f"silent for {heard.silent_ms / 1000:.0f} s{end}"
    if heard.level.is_silent:
        return f"silent{end}"
    rms = heard.level.rms_dbfs
    loudness = "quiet" if rms < _QUIET_DBFS else "loud" if rms > _LOUD_DBFS else "well audible"
    return f"{loudness}, {round(rms)} dBFS{end}"


def _is_sent(now: Snapshot) -> bool:
    """Whether what the user says goes anywhere: no more sound comes otherwise, not even silence."""
    by_button = now.options is not None and isinstance(now.options.turn_detection, PushToTalk | None)
    return now.state is State.HEARING if by_button else now.state not in {State.STOPPED, State.FAILED}


def _height(dbfs: float) -> int:
    return round(100 * (1 - min(0.0, max(_FLOOR_DBFS, dbfs)) / _FLOOR_DBFS))


class LevelMeters(Panel):
    """A meter and the last seconds of both sides; clipping and silence are told in words.

    Args:
        session: Whose sound is shown.
    """

    _esm = script("panel.js", "views.js", "level_meters.js")
    _css = script("panel.css", "views.css")

    def __init__(self, session: RealtimeSession) -> None:
        self._meters: dict[Side, SideMeter] = {side: SideMeter() for side in SIDES}
        self._waiting: deque[tuple[Side, bytes]] = deque(maxlen=_MOST_WAITING)
        super().__init__(session)
        self._now = session.snapshot
        self._measure_soon = Soon(self._measure)
        self._stop_listening = session.listen_in(self._hear)

    def draw(self, now: Snapshot) -> dict[str, Any]:
        """See `Panel.draw`."""
        return levels_picture(now, {side: meter.now for side, meter in self._meters.items()})

    def _look(self, now: Snapshot) -> None:
        self._now = now
        super()._look(now)

    def _hear(self, side: Side, pcm: bytes) -> None:
        self._waiting.append((side, pcm))  # the session's loop has other things to do than to measure it
        self._measure_soon()

    def _measure(self) -> None:
        while self._waiting:
            side, pcm = self._waiting.popleft()
            self._meters[side].add(pcm)
        super()._look(self._now)

    def close(self) -> None:
        """See `Panel.close`."""
        self._stop_listening()
        self._measure_soon.end()
        self._waiting.clear()  # sound that came just before is measured no more
        super().close()
