"""What the dials of turn detection cost: how long a reply is waited for, and how often a pause is taken for the end.

The figures of docs/options.md. Virtual time: the waits are those of the protocol and of the recorded latencies that the
simulator imitates (420 ms from the end of the turn to the first sound), not of this machine.
"""

from __future__ import annotations

import asyncio

from rich.console import Console
from rich.table import Table

from realtime_helpers import SemanticVAD, ServerVAD, SessionOptions, SilentSink
from realtime_helpers.audio.formats import duration_ms, silence
from realtime_helpers.experiments.lab import LabParts, LabUser, MemoryService, lab_config, lab_parts, lab_session
from realtime_helpers.experiments.virtual_time import VirtualTimeLoop
from realtime_helpers.options import TurnDetection

PAUSES_MS = (320, 640, 960)
WHOLE, UNFINISHED = ("My dog is called Biscuit.", "I live in Lisbon."), ("I live in", "Lisbon.")
DETECTIONS: tuple[TurnDetection, ...] = (
    *(ServerVAD(silence_duration_ms=length_ms) for length_ms in (200, 300, 500, 700, 900, 1_200)),
    *(SemanticVAD(eagerness=eagerness) for eagerness in ("high", "medium", "low")),
)


async def wait_ms(detection: TurnDetection, parts: LabParts) -> float:
    """From the last sound of a question to the first sound of the reply."""
    service, user = MemoryService(lab_config(parts)), LabUser()
    first_sound = asyncio.get_running_loop().create_future()
    session = lab_session(
        service, options=SessionOptions(turn_detection=detection),
        trace=lambda _way, event, at_s: (
            first_sound.set_result(at_s)
            if event["type"] == "response.output_audio.delta" and not first_sound.done() else None
        ),
    )  # fmt: skip
    session.start(user, SilentSink())
    await session.wait_for(lambda now: now.is_quiet)
    question = await parts.voice.clip("What can you do?")
    began_s = asyncio.get_running_loop().time()
    await play_in_real_time(user, silence(200) + question + silence(9_000))
    waited_s = await first_sound - began_s
    await session.stop()
    return waited_s * 1000 - 200 - sounding_ms(question)


def sounding_ms(pcm: bytes) -> float:
    """Length up to the last sound."""
    return duration_ms(pcm.rstrip(b"\0"))


async def play_in_real_time(user: LabUser, pcm: bytes) -> None:
    """At the speed of speech, 32 ms at a time."""
    for at in range(0, len(pcm), 1_536):
        user.play_on(pcm[at : at + 1_536], pause_ms=0)
        await asyncio.sleep(0.032)


async def turns(detection: TurnDetection, clips: tuple[bytes, ...], pause_ms: int, parts: LabParts) -> int:
    """Into how many turns the server divides a sentence with a pause."""
    service, user = MemoryService(lab_config(parts)), LabUser()
    session = lab_session(service, options=SessionOptions(turn_detection=detection))
    session.start(user, SilentSink())
    user.play(silence(pause_ms).join(clips), pause_ms=9_000)
    await session.wait_for(lambda now: bool(now.turns) and now.is_quiet and bool(now.turns[-1].assistant_text))
    spoken = sum(item.role == "user" for item in session.snapshot().items)
    await session.stop()
    return spoken


async def measure(parts: LabParts) -> Table:
    """All detections."""
    pauses = [f"{pause_ms} ms pause" for pause_ms in PAUSES_MS]
    table = Table("turn detection", "wait for the reply", *pauses, "unfinished, 960 ms")
    for detection in DETECTIONS:
        whole = [await parts.voice.clip(words) for words in WHOLE]
        unfinished = [await parts.voice.clip(words) for words in UNFINISHED]
        counts = [await turns(detection, tuple(whole), pause, parts) for pause in PAUSES_MS]
        counts.append(await turns(detection, tuple(unfinished), 960, parts))
        table.add_row(repr(detection), f"{await wait_ms(detection, parts):,.0f} ms", *map(str, counts))
    return table


def main() -> None:
    parts = lab_parts()
    try:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            Console(width=160).print(runner.run(measure(parts)))
    finally:
        parts.close()


if __name__ == "__main__":
    main()
