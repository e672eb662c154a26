"""Microphone and speaker of this machine, through sounddevice. Nothing here is imported until one is asked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

from ..errors import AudioError, MissingPartError
from .formats import CHUNK_MS, RATE_HZ
from .playback import PlayHead
from .sinks import QueueSink

_BLOCK_FRAMES = RATE_HZ * CHUNK_MS // 1000
_WAITING_CHUNKS = 50
PREBUFFER_MS = 60


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except ModuleNotFoundError:
        raise MissingPartError(
            "The package 'sounddevice' is not installed.",
            "In the workshop's folder: pip install -e '.[audio]'",
        ) from None
    except OSError:
        raise MissingPartError(
            "The sound library PortAudio is not installed.",
            "Install it with: sudo apt-get install libportaudio2 (Debian, Ubuntu), or: conda install portaudio",
        ) from None
    module: ModuleType = sounddevice
    return module


def has_speaker() -> bool:
    """Whether this machine can play sound now."""
    try:
        module = _sounddevice()
        module.check_output_settings(samplerate=RATE_HZ, channels=1, dtype="int16")
    except Exception:  # noqa: BLE001 - whatever is wrong, the answer is no; the doctor names it
        return False
    return True


class Speaker(QueueSink):
    """Streams replies to a sound device. The device thread pulls from the play-head; nothing else runs there.

    Args:
        device: Name or number of an output device; `None` takes the system's default.
    """

    def __init__(self, device: int | str | None = None) -> None:
        super().__init__(PlayHead(PREBUFFER_MS))
        self._device = device
        self._stream: Any = None

    def open(self) -> None:
        """See `Sink.open`."""
        module = _sounddevice()
        try:
            self._stream = module.RawOutputStream(
                samplerate=RATE_HZ,
                channels=1,
                dtype="int16",
                device=self._device,
                latency="low",
                callback=self._fill,
            )
            self._stream.start()
        except (module.PortAudioError, ValueError) as error:
            raise _no_device("speaker", error) from None

    def _fill(self, out: Any, _frames: int, _time: object, _status: object) -> None:
        pcm = self.head.pull(len(out))
        out[: len(pcm)] = pcm
        out[len(pcm) :] = bytes(len(out) - len(pcm))

    def close(self) -> None:
        """See `Sink.close`."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            with contextlib.suppress(Exception):  # a device that was unplugged is closed already
                stream.close()


class Microphone:
    """Records from a sound device in 40 ms chunks.

    Args:
        device: Name or number of an input device; `None` takes the system's default.
    """

    def __init__(self, device: int | str | None = None) -> None:
        self.is_live = True
        self.dropped_chunks = 0
        """Chunks that the device or a slow reader lost."""
        self._device = device

    async def chunks(self) -> AsyncIterator[bytes]:
        """See `Source.chunks`."""
        module = _sounddevice()
        loop = asyncio.get_running_loop()
        waiting: deque[bytes] = deque(maxlen=_WAITING_CHUNKS)
        ready = asyncio.Event()

        def accept(chunk: bytes, overflowed: bool) -> None:
            self.dropped_chunks += overflowed or len(waiting) == waiting.maxlen
            waiting.append(chunk)
            ready.set()

        def hear(data: Any, _frames: int, _time: object, status: Any) -> None:
            # the device's thread: only the thread-safe call may touch the loop
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(accept, bytes(data), bool(status.input_overflow))

        try:
            stream = module.RawInputStream(
                samplerate=RATE_HZ, channels=1, dtype="int16", blocksize=_BLOCK_FRAMES, device=self._device,
                latency="low", callback=hear,
            )  # fmt: skip
            stream.start()
        except (module.PortAudioError, ValueError) as error:
            raise _no_device("microphone", error) from None
        with stream:
            while True:
                await ready.wait()
                ready.clear()
                while waiting:
                    yield waiting.popleft()


def microphone(device: int | str | None = None) -> Microphone:
    """The microphone of this machine."""
    return Microphone(device)


def speaker(device: int | str | None = None) -> Speaker:
    """The speaker of this machine."""
    return Speaker(device)


def _no_device(kind: str, error: Exception) -> AudioError:
    return AudioError(
        f"No {kind} can be used here ({str(error).splitlines()[0]}).",
        "Check it with: realtime-workshop doctor, or go on without: SpeechSource() speaks and SilentSink() listens.",
    )
