"""How long the simulator takes: `fast` waits for nothing, `realtime` imitates recorded latencies (reference §3.3)."""

from __future__ import annotations

import random
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
        transcript_ms: From the commit of user audio to its finished transcript, where replies are given.
        lone_transcript_ms: The same in a transcription session.
        rate_limits_ms: From `response.done` to `rate_limits.updated`.
        summary_ms: What writing a text completion takes.
        jitter: How much each waiting time varies, as a fraction.
        is_lockstep: Whether everything that a client event causes is finished before the next event is read. The
            stream then depends on nothing but what the client sends, and in which order.
    """

    before_item_ms: float = 0
    before_audio_ms: float = 0
    audio_speed: float | None = None
    transcript_ms: float = 0
    lone_transcript_ms: float = 0
    rate_limits_ms: float = 0
    summary_ms: float = 0
    jitter: float = 0
    is_lockstep: bool = False

    def draw(self, wait_ms: float, rng: random.Random) -> float:
        """One waiting time around `wait_ms`, in milliseconds."""
        return wait_ms * rng.uniform(1 - self.jitter, 1 + self.jitter) if self.jitter else wait_ms


PACES: dict[PaceName, Pace] = {
    "fast": Pace(is_lockstep=True),
    # 303, 121, 1410 and 36 ms as recorded (reference §3.2, §3.3, §3.8). 450 lands in mid-reply, where transcripts
    # usually came. The speed is lower than the recorded burst (0.8 s in 27 ms), so that an interruption finds a reply
    # in progress, as in §3.5. The spread is a guess.
    "realtime": Pace(
        before_item_ms=303, before_audio_ms=121, audio_speed=8.0, transcript_ms=450, lone_transcript_ms=1410,
        rate_limits_ms=36, summary_ms=1200, jitter=0.15,
    ),
}  # fmt: skip
