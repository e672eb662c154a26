"""The virtual card with the face of sounddevice, for the processes that hold our devices: first on their path."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from card import MARK_MS, RATE_HZ, Card, Stream

journal = Path(os.environ["CARD_JOURNALS"], str(os.getpid())).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
card = Card(journal=journal)
default = SimpleNamespace(device=(0, 0))
good = SimpleNamespace(input_overflow=False, output_underflow=False)


class PortAudioError(Exception):
    pass


def query_hostapis() -> list[dict[str, object]]:
    return [{"name": "virtual"}]


def query_devices() -> list[dict[str, object]]:
    channels = {"max_input_channels": 1, "max_output_channels": 1}
    return [{"name": "card", "hostapi": 0, "default_samplerate": RATE_HZ, **channels}]


class RawInputStream:
    latency = MARK_MS / 1000

    def __init__(self, *, blocksize: int, callback: Callable[..., object], **_: object) -> None:
        self._stream: Stream = card.microphone(
            blocksize * 1000 // RATE_HZ, lambda pcm: callback(pcm, len(pcm) // 2, None, good)
        )
        self.start, self.close = self._stream.start, self._stream.stop


class RawOutputStream:
    latency = MARK_MS / 1000

    def __init__(self, *, callback: Callable[..., object], **_: object) -> None:
        self._stream: Stream = card.speaker(lambda block: callback(memoryview(block), len(block) // 2, None, good))
        self.start, self.close = self._stream.start, self._stream.stop
