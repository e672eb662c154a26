"""How long the simulator takes. `fast` waits for nothing; `realtime` imitates recorded latencies (reference §3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PaceName = Literal["fast", "realtime"]


@dataclass(frozen=True)
class Pace:
    """Waiting times in milliseconds.

    Attributes:
        before_item_ms: From `response.created` to the first output item.
        before_audio_ms: From there to the first audio.
        audio_speed: How many times faster than real time audio is sent; `None` sends it at once.
        summary_ms: What writing a text completion takes.
    """

    before_item_ms: float = 0
    before_audio_ms: float = 0
    audio_speed: float | None = None
    summary_ms: float = 0


PACES: dict[PaceName, Pace] = {
    "fast": Pace(),
    # 303 and 121 ms: the recorded idle response of reference §3.3. The speed is lower than the recorded burst
    # (0.8 s in 27 ms), so that an interruption finds a reply in progress as in the recording of §3.5.
    "realtime": Pace(before_item_ms=303, before_audio_ms=121, audio_speed=8.0, summary_ms=1200),
}
