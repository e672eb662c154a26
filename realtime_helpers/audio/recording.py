"""Record both sides of a conversation as one stereo WAV: user left, assistant right."""

from __future__ import annotations

import tempfile
import threading
import weakref
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import AudioError, WorkshopError
from .files import WavWriter
from .formats import BYTES_PER_MS, RATE_HZ
from .playback import PlayHead
from .sinks import DeviceSink, Sink, Telling
from .sources import Source, TappedSource

_SAMPLE_BYTES = 2
_FRAME_BYTES = 2 * _SAMPLE_BYTES
_BLOCK_BYTES = 1_000_000
_SETTLING_BYTES = 100 * BYTES_PER_MS
"""A device takes sound in pieces. Where the pieces of a reply meet, the recording waits this long for the next."""


class StereoRecorder:
    """Lays what both sides say on one time line. What is long goes to a temporary file, not into memory.

    With a source that is live, such as a microphone, its audio is the clock: the left side is all that it heard, and
    on the right stands what the sink played, to within 0.1 s where it sounded; an interrupted reply ends where it was
    cut. Use a sink that takes its time then: a speaker, or `SilentSink(realtime=True)`.

    With any other source the conversation may go faster than real time, so the recording does not use the clock: a
    side that begins to speak begins after everything recorded so far, and a reply is recorded as it was received.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frames = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - as long as the recorder lives
        weakref.finalize(self, self._frames.close)
        self._written = 0
        self._is_live = False
        self._left, self._right = bytearray(), bytearray()  # what was not written yet
        self._quiet = _SETTLING_BYTES  # silence written on the right since the last sound there
        self._halves = [b"", b""]  # of samples, by side
        self._replies: dict[str, _Reply] = {}
        self._failure = ""

    def user(self, source: Source) -> Source:
        """The same source, recorded on the left."""
        self._is_live = source.is_live
        return TappedSource(source, self._take_user)

    def assistant(self, sink: Sink) -> Sink:
        """The same sink, recorded on the right."""
        return _RecordedSink(sink, self)

    @property
    def duration_s(self) -> float:
        """Length of the recording in seconds."""
        with self._lock:
            longer = max(len(self._left), len(self._right))
            return (self._written / _FRAME_BYTES + longer / _SAMPLE_BYTES) / RATE_HZ

    def save(self, path: Path | str) -> None:
        """Write what was recorded so far as a WAV file.

        Raises:
            AudioError: The file cannot be written; or the recording broke off because there was no room for it. What
                there is of it is saved then.
        """
        with self._lock:
            self._place_what_sounded()
            position, end, rest = 0, self._written, _interleaved(self._left, self._right)
        writer = WavWriter(Path(path), channels=2)
        while position < end:
            with self._lock:  # not longer: somebody may still be talking
                self._frames.seek(position)
                block = self._frames.read(min(_BLOCK_BYTES, end - position))
                self._frames.seek(self._written)
            writer.write(block)
            position += len(block)
        writer.write(rest)
        writer.close()
        if self._failure:
            raise AudioError(
                f"The recording broke off after {self.duration_s:.0f} s: {self._failure}.",
                f"What there is of it is in {path}. Make room in {tempfile.gettempdir()} for the next one.",
            )

    # -- one side after the other ---------------------------------------------------------------------

    def _take_user(self, pcm: bytes) -> None:
        with self._lock:
            pcm = self._whole_samples(0, pcm)
            if not self._is_live:
                self._write(_interleaved(pcm, b""))
                return
            self._left += pcm
            self._place_what_sounded()
            self._settle(len(self._left) - _SETTLING_BYTES)

    def _take_reply(self, sink: Sink, item_id: str, pcm: bytes) -> None:
        with self._lock:
            if self._is_live:
                if item_id not in self._replies:
                    self._replies[item_id] = _Reply(sink, sink.head.heard_ms(item_id))
                self._replies[item_id].waiting += pcm
            else:
                self._write(_interleaved(b"", self._whole_samples(1, pcm)))

    def _whole_samples(self, side: int, pcm: bytes) -> bytes:
        pcm = self._halves[side] + pcm
        whole = len(pcm) - len(pcm) % _SAMPLE_BYTES
        self._halves[side] = pcm[whole:]
        return pcm[:whole]

    def _write(self, frames: bytes) -> None:
        if self._failure:
            return
        try:
            count = self._frames.write(frames)
        except OSError as error:  # told when it is saved: a full disk must not end the talk
            self._failure = error.strerror or "unknown error"
            return
        if count == len(frames):
            self._written += count
        else:
            self._failure = "no space left on device"

    # -- one time line --------------------------------------------------------------------------------

    def _place_what_sounded(self) -> None:
        """Put what was heard since the last look where it sounded: just before now, and close to what it goes on."""
        sound = bytearray()
        for item_id, reply in list(self._replies.items()):
            sound += reply.take(reply.sink.head.heard_ms(item_id))
            if reply.is_over:
                del self._replies[item_id]
        if not sound:
            return
        if not self._written and len(self._left) < len(sound):
            self._left[:0] = bytes(len(sound) - len(self._left))  # it sounded before the microphone was there
        began_at = len(self._left) - len(sound)
        gap = began_at - len(self._right)
        if gap + self._quiet > _SETTLING_BYTES:
            self._right += bytes(max(0, gap))
        self._right += sound
        self._quiet = 0

    def _settle(self, size: int) -> None:
        """Write the oldest part of both sides."""
        if size > 0:
            self._write(_interleaved(self._left[:size], self._right[:size]))
            self._quiet += max(0, size - len(self._right))
            del self._left[:size], self._right[:size]

    def _ended(self, item_id: str) -> None:
        with self._lock:
            if (reply := self._replies.get(item_id)) is not None:
                reply.has_ended = True

    @property
    def _unheard(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._replies)

    def _cut(self, item_ids: tuple[str, ...]) -> None:
        """The sink has fallen silent, and knows what was heard: the rest of these never sounds."""
        with self._lock:
            self._place_what_sounded()
            for item_id in item_ids:
                self._replies.pop(item_id, None)


@dataclass
class _Reply:
    """Audio of a reply that was received, and not yet heard."""

    sink: Sink
    heard_ms: int
    waiting: bytearray = field(default_factory=bytearray)
    has_ended: bool = False

    def take(self, heard_ms: int) -> bytes:
        """What sounded since it was last asked."""
        size = max(0, heard_ms - self.heard_ms) * BYTES_PER_MS
        self.heard_ms = heard_ms
        sound = bytes(self.waiting[:size])
        del self.waiting[:size]
        return sound

    @property
    def is_over(self) -> bool:
        return self.has_ended and len(self.waiting) < BYTES_PER_MS


def _interleaved(left: bytes | bytearray, right: bytes | bytearray) -> bytes:
    """Frames of two channels; the shorter is silent at its end."""
    frames = array("h", bytes(2 * max(len(left), len(right))))
    for side, pcm in enumerate((left, right)):
        frames[side : len(pcm) + side : 2] = array("h", bytes(pcm))
    return frames.tobytes()


class _RecordedSink:
    def __init__(self, sink: Sink, recorder: StereoRecorder) -> None:
        self._sink = sink
        self._recorder = recorder

    @property
    def head(self) -> PlayHead:
        return self._sink.head

    @property
    def tell(self) -> Callable[[str], None] | None:
        return self._sink.tell if isinstance(self._sink, Telling) else None

    @tell.setter
    def tell(self, tell: Callable[[str], None] | None) -> None:
        if isinstance(self._sink, Telling):
            self._sink.tell = tell

    def open(self) -> None:
        self._sink.open()

    async def opened(self) -> None:
        if isinstance(self._sink, DeviceSink):
            await self._sink.opened()

    def watch(self, lost: Callable[[WorkshopError], None]) -> None:
        if isinstance(self._sink, DeviceSink):
            self._sink.watch(lost)

    def play(self, item_id: str, pcm: bytes) -> None:
        self._recorder._take_reply(self._sink, item_id, pcm)  # noqa: SLF001 - one room, two halves
        self._sink.play(item_id, pcm)

    def end(self, item_id: str) -> None:
        self._recorder._ended(item_id)  # noqa: SLF001 - one room, two halves
        self._sink.end(item_id)

    def flush(self, settled: Callable[[], None]) -> None:
        unheard = self._recorder._unheard  # noqa: SLF001 - one room, two halves

        def settle() -> None:
            self._recorder._cut(unheard)  # noqa: SLF001 - one room, two halves
            settled()

        self._sink.flush(settle)

    def close(self) -> None:
        self._sink.close()
