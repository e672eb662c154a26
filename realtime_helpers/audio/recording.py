"""Record both sides of a conversation as one stereo WAV: user left, assistant right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from .formats import RATE_HZ, samples_from_pcm
from .playback import PlayHead
from .sinks import Sink
from .sources import Source, TappedSource

_SAMPLE_BYTES = 2


class StereoRecorder:
    """Lays what both sides say on one time line, each utterance where the conversation stood.

    A conversation may be carried out faster than real time, so the recording does not use the clock: a side
    that begins to speak begins after everything recorded so far.
    """

    def __init__(self) -> None:
        self._sides = (bytearray(), bytearray())
        self._speaking: int | None = None

    def _record(self, side: int, pcm: bytes) -> None:
        if self._speaking != side:
            self._speaking = side
            behind = len(self._sides[1 - side]) - len(self._sides[side])
            self._sides[side].extend(bytes(max(0, behind)))
        self._sides[side].extend(pcm)

    def user(self, source: Source) -> Source:
        """The same source, recorded on the left."""
        return TappedSource(source, partial(self._record, 0))

    def assistant(self, sink: Sink) -> Sink:
        """The same sink, recorded on the right."""
        return _RecordedSink(sink, self)

    @property
    def duration_s(self) -> float:
        """Length of the recording in seconds."""
        return max(map(len, self._sides)) / _SAMPLE_BYTES / RATE_HZ

    def save(self, path: Path) -> None:
        """Write the recording as a WAV file."""
        import numpy as np
        import soundfile

        length = max(map(len, self._sides)) // _SAMPLE_BYTES
        stereo = np.zeros((length, 2), np.float32)
        for channel, pcm in enumerate(self._sides):
            samples = samples_from_pcm(bytes(pcm))
            stereo[: len(samples), channel] = samples
        soundfile.write(path, stereo, RATE_HZ, subtype="PCM_16")


class _RecordedSink:
    def __init__(self, sink: Sink, recorder: StereoRecorder) -> None:
        self._sink = sink
        self._recorder = recorder

    @property
    def head(self) -> PlayHead:
        return self._sink.head

    def open(self) -> None:
        self._sink.open()

    def play(self, item_id: str, pcm: bytes) -> None:
        self._recorder._record(1, pcm)  # noqa: SLF001 - one room, two halves
        self._sink.play(item_id, pcm)

    def end(self, item_id: str) -> None:
        self._sink.end(item_id)

    def flush(self, settled: Callable[[], None]) -> None:
        self._sink.flush(settled)

    def close(self) -> None:
        self._sink.close()
