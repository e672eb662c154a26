"""Microphone and speaker of this machine, through sounddevice, each in a process of its own.

Nothing of it runs until one is asked for. A process, because the thread of a sound device must be in time: in the
notebook's own process it waits for the interpreter behind every cell that computes.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import subprocess
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..errors import WorkshopError
from ..speech.worker import read_block, write_block
from . import device_process
from .captured import Captured
from .device_list import DeviceList, SoundDevice, named
from .device_process import DeviceProcess
from .formats import CHUNK_MS, duration_ms
from .portaudio import PRIVACY
from .process_sink import ProcessSink

PREBUFFER_MS = 60
SPEAKER_LATENCY_MS = 60
"""Measured (docs/devices.md): less has gaps on a machine whose cores are all taken, more only keeps talking longer."""
_LIST_S = 4.0
_MOST_WAITING = 30_000 // CHUNK_MS
_SUSPICIOUS_MS = 5_000
"""A microphone that is allowed and not muted records some noise long before."""


def audio_devices() -> DeviceList:
    """The sound devices of this machine, as they are now: plain data that shows itself as a table. Takes 0.4 s.

    Raises:
        MissingPartError: sounddevice or PortAudio is not installed.
        AudioError: The sound system does not answer.
    """
    request = io.BytesIO()
    write_block(request, {"do": "list"})
    process = device_process.start(device_process.WORKER)
    try:
        answer, _ = process.communicate(request.getvalue(), timeout=_LIST_S)
    except subprocess.TimeoutExpired:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # what it left behind may hold the pipe
            process.communicate(timeout=1)
        raise device_process.too_slow("sound system", _LIST_S) from None
    try:
        header, _ = read_block(io.BytesIO(answer))
    except (EOFError, ValueError):
        raise device_process.died("sound system") from None
    if header["kind"] == "error":
        raise device_process.error_of(header)
    return DeviceList(SoundDevice(**entry) for entry in header["devices"])


@dataclass(frozen=True)
class _Flush:
    """A flush that the device's process has not answered."""

    settled: Callable[[], None]


class Speaker(ProcessSink):
    """Streams replies to a sound device.

    The queue that the device plays from lives in its process. `head` follows it within some 20 ms, and knows exactly
    when a flush has settled. Once the device is gone, `play`, `end` and `flush` raise.

    Args:
        device: Number, name or part of the name of an output device, or one of `audio_devices()`; `None` takes the
            system's default.
        prebuffer_ms: See `PlayHead`.
        latency_ms: How much audio the device may hold.

    Raises:
        AudioError: `device` is something else.
    """

    def __init__(
        self,
        device: int | str | SoundDevice | None = None,
        prebuffer_ms: int = PREBUFFER_MS,
        latency_ms: int = SPEAKER_LATENCY_MS,
    ) -> None:
        request = {
            "do": "speaker",
            "device": named("speaker", device),
            "prebuffer_ms": prebuffer_ms,
            "latency_ms": latency_ms,
        }
        super().__init__(request)
        self.device_gaps = 0
        """How often the device itself ran dry."""
        self._played_bytes = 0
        self._unsettled: deque[_Flush | Callable[[], None]] = deque()
        """From the first flush without an answer on: what the head must be told after it."""

    def open(self) -> None:
        """See `ProcessSink.open`."""
        super().open()
        self._played_bytes = 0
        self._head.flush()  # the new process has nothing of what one that was lost had still to play

    def close(self) -> None:
        """See `Sink.close`. What was not played is forgotten."""
        super().close()
        self._head.flush()

    def play(self, item_id: str, pcm: bytes) -> None:
        """See `Sink.play`.

        Raises:
            AudioError: The device is gone.
        """
        self._order({"do": "play", "item": item_id}, pcm)
        self._tell_head(partial(self._head.push, item_id, pcm))

    def end(self, item_id: str) -> None:
        """See `Sink.end`.

        Raises:
            AudioError: The device is gone.
        """
        self._order({"do": "end", "item": item_id})
        self._tell_head(partial(self._head.end, item_id))

    def flush(self, settled: Callable[[], None]) -> None:
        """See `Sink.flush`.

        Raises:
            AudioError: The device is gone.
        """
        self._order({"do": "flush"})
        self._unsettled.append(_Flush(settled))

    def _tell_head(self, action: Callable[[], None]) -> None:
        if self._unsettled:
            self._unsettled.append(action)
        else:
            action()

    def _take(self, header: dict[str, Any]) -> None:
        self._head.pull(max(0, header["total"] - self._played_bytes))
        self._played_bytes = max(header["total"], self._played_bytes)
        self._head.underruns, self.device_gaps = header["underruns"], header["gaps"]
        if header["kind"] == "flushed":
            self._settle()

    def _settle(self) -> None:
        flush = self._unsettled.popleft()
        assert isinstance(flush, _Flush)
        self._head.flush()
        while self._unsettled and not isinstance(action := self._unsettled[0], _Flush):
            self._unsettled.popleft()
            action()
        flush.settled()

    def _is_over(self) -> None:
        while self._unsettled:
            self._settle()


class Microphone:
    """Records from a sound device in chunks of about 40 ms.

    Args:
        device: Number, name or part of the name of an input device, or one of `audio_devices()`; `None` takes the
            system's default.

    Raises:
        AudioError: `device` is something else.
    """

    def __init__(self, device: int | str | SoundDevice | None = None) -> None:
        self.is_live = True
        self.tell: Callable[[str], None] | None = None
        """Told what is wrong without ending the microphone; set by the session."""
        self.device_name = ""
        """What was opened."""
        self.input_latency_ms = 0.0
        """How old a chunk's last sample is when the device hands it over."""
        self.dropped_chunks = 0
        """Chunks that were lost: the device ran over, or nobody read for half a minute."""
        self._device = named("microphone", device)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """See `Source.chunks`.

        Raises:
            MissingPartError: sounddevice or PortAudio is not installed.
            AudioError: The device cannot be used, or is gone.
        """
        waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        ready = asyncio.Event()
        gone: list[WorkshopError] = []
        dropped_here = 0

        def take(header: dict[str, Any], pcm: bytes) -> None:
            nonlocal dropped_here
            if header["kind"] == "open":
                self.device_name, self.input_latency_ms = header["device"], header["latency_ms"]
                return
            dropped_here += len(waiting) == waiting.maxlen
            self.dropped_chunks = header["lost"] + dropped_here
            waiting.append(Captured.now(pcm, header["at_s"]))  # the system's clock, which the loop goes by too
            ready.set()

        def lose(error: WorkshopError) -> None:
            gone.append(error)
            ready.set()

        silent_ms: float | None = 0.0
        process = DeviceProcess({"do": "microphone", "device": self._device}, take, lose)
        try:
            while True:
                await ready.wait()
                ready.clear()
                while waiting:
                    pcm = waiting.popleft()
                    if silent_ms is not None:
                        silent_ms = self._note_silence(silent_ms, pcm)
                    yield pcm
                    await asyncio.sleep(0)  # many may have waited for the interpreter: whoever sends them keeps step
                if gone:
                    raise gone[0]
        finally:
            process.close()

    def _note_silence(self, silent_ms: float, pcm: bytes) -> float | None:
        """Tell of a microphone that never records anything at all, not even noise; `None` when that is settled."""
        if pcm.count(0) < len(pcm):
            return None
        silent_ms += duration_ms(pcm)
        if silent_ms < _SUSPICIOUS_MS:
            return silent_ms
        if self.tell is not None:
            self.tell(f"The microphone {self.device_name!r} records nothing but digital silence. {silence_step()}")
        return None


def silence_step(platform: str = sys.platform) -> str:
    """What to do about a microphone that records nothing at all."""
    if platform in {"darwin", "win32"}:
        return f"Is it muted? If not, it may not be allowed: {PRIVACY[platform]}"
    return "Is it muted, or the wrong one? See the system's sound settings, or name another of audio_devices()."


def microphone(device: int | str | SoundDevice | None = None) -> Microphone:
    """The microphone of this machine.

    Args:
        device: Number, name or part of the name of one of `audio_devices()`, or one itself; `None` takes the system's
            default.
    """
    return Microphone(device)


def speaker(
    device: int | str | SoundDevice | None = None,
    *,
    prebuffer_ms: int = PREBUFFER_MS,
    latency_ms: int = SPEAKER_LATENCY_MS,
) -> Speaker:
    """The speaker of this machine.

    Args:
        device: Number, name or part of the name of one of `audio_devices()`, or one itself; `None` takes the system's
            default.
        prebuffer_ms: How much of a reply must be here before it sounds: more for an unsteady network.
        latency_ms: How much audio the device may hold: less falls silent sooner, more survives a crowded machine.
    """
    return Speaker(device, prebuffer_ms, latency_ms)
