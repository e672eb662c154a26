"""Try the microphone and the speaker of this machine for a moment, and say how they are."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ..errors import AudioError, WorkshopError
from ..runtime import background_loop
from .device_list import Kind, SoundDevice
from .device_process import too_slow
from .devices import Microphone, Speaker, silence_step
from .formats import duration_ms
from .levels import QUIETEST_DBFS, LevelMeter

LISTEN_MS = 400
LIMIT_S = 4.0
_GRACE_S = 1.0
"""A loop that is kept from its work, by a callback that computes, is given up too."""


@dataclass(frozen=True)
class Probe:
    """What became of a try.

    Attributes:
        works: Whether the device could be opened, and moved.
        detail: How it is.
        repair: The next step, where there is one.
    """

    works: bool
    detail: str
    repair: str = ""


def probe_microphone(device: int | str | SoundDevice | None = None, *, limit_s: float = LIMIT_S) -> Probe:
    """Listen for 0.4 s. Waits, but never longer than `limit_s`; not for the background loop."""
    refuse_on_the_background_loop("probe_microphone")
    return _run(_hear(Microphone(device)), "microphone", limit_s)


def probe_speaker(device: int | str | SoundDevice | None = None, *, limit_s: float = LIMIT_S) -> Probe:
    """Open and close it; nothing is played. Waits, but never longer than `limit_s`; not for the background loop."""
    refuse_on_the_background_loop("probe_speaker")
    return _run(_open(Speaker(device)), "speaker", limit_s)


def refuse_on_the_background_loop(what: str) -> None:
    """Called where the background loop would wait for itself.

    Raises:
        AudioError: This is its thread.
    """
    if background_loop().is_current:
        raise AudioError(
            f"{what}() cannot be called on the loop that sessions live on, as tools do: it would wait for itself.",
            f"Call it in a cell, or: await asyncio.to_thread({what})",
        )


def _run(work: Coroutine[Any, Any, Probe], kind: Kind, limit_s: float) -> Probe:
    async def within_limit() -> Probe:
        try:
            async with asyncio.timeout(limit_s):
                return await work
        except TimeoutError:
            raise too_slow(kind, limit_s) from None

    try:
        return background_loop().submit(within_limit()).result(limit_s + _GRACE_S)
    except TimeoutError:
        late = too_slow(kind, limit_s)
        return Probe(False, late.what, late.next_step)
    except WorkshopError as error:
        return Probe(False, error.what, error.next_step)


async def _hear(microphone: Microphone) -> Probe:
    meter, heard_ms, peak_dbfs = LevelMeter(), 0.0, QUIETEST_DBFS
    async with aclosing(microphone.chunks()) as chunks:
        while heard_ms < LISTEN_MS:
            pcm = await anext(chunks)
            peak_dbfs = max(peak_dbfs, meter.add(pcm).peak_dbfs)
            heard_ms += duration_ms(pcm)
    name = f"{microphone.device_name!r} records"
    if peak_dbfs > QUIETEST_DBFS:
        return Probe(True, f"{name}, up to {peak_dbfs:.0f} dBFS")
    return Probe(True, f"{name} nothing but digital silence", silence_step())


async def _open(speaker: Speaker) -> Probe:
    speaker.open()
    try:
        await speaker.opened()
        return Probe(True, f"{speaker.device_name!r} plays, {speaker.output_latency_ms:.0f} ms after it is told to")
    finally:
        speaker.close()
