"""Live audio at another rate or in another format of the wire, chunk by chunk, without clicks where chunks meet.

The conversions of `formats` are for whole clips; these keep what the next chunk needs. `end()` gives the last few
milliseconds that a filter still holds: without it the tail of every utterance is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from . import g711
from .formats import RATE_HZ, AudioFormat, pcm_from_samples, samples_from_pcm

if TYPE_CHECKING:
    from .formats import Samples

_SAMPLE_BYTES = 2
_LEAST_PULL_BYTES = 5 * RATE_HZ * _SAMPLE_BYTES // 1000


class Converter(Protocol):
    """Turns a stream of bytes into another. Chunks may have any size, odd ones too."""

    def convert(self, data: bytes) -> bytes:
        """What can be given out after this chunk: sometimes nothing, never too much."""
        ...

    def end(self) -> bytes:
        """The rest. What comes next is a new stream."""
        ...


class Resampler:
    """PCM16 from one rate to another; several channels become one.

    Over a whole stream it gives out exactly as many milliseconds as went in. It holds back at most 30 ms (G.711),
    at most 10 ms between 24 kHz and the 44.1 or 48 kHz of devices. One mono stream at the same rate passes as it is.

    Args:
        from_hz: Sample rate of what comes in.
        to_hz: Sample rate of what goes out.
        channels: How many of them, interleaved, come in.
    """

    def __init__(self, from_hz: int, to_hz: int, channels: int = 1) -> None:
        self._rates = (from_hz, to_hz)
        self._channels = channels
        self._passes = from_hz == to_hz and channels == 1
        self._broken = b""  # part of a frame
        self._stream: Any = None

    def convert(self, data: bytes) -> bytes:
        """See `Converter.convert`."""
        if self._passes:
            return data
        data = self._broken + data
        whole = len(data) - len(data) % (self._channels * _SAMPLE_BYTES)
        self._broken = data[whole:]
        return self._resample(downmix(data[:whole], self._channels))

    def _resample(self, samples: Samples, *, is_last: bool = False) -> bytes:
        from_hz, to_hz = self._rates
        if from_hz == to_hz:
            return pcm_from_samples(samples)
        if self._stream is None:
            import soxr

            # at a fixed rate soxr works through blocks of up to 73 ms; this engine has the same filter, and short ones
            self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ", vr=True)
        return pcm_from_samples(self._stream.resample_chunk(samples, last=is_last))

    def end(self) -> bytes:
        """See `Converter.end`."""
        self._broken = b""
        if self._stream is None:
            return b""
        rest = self._resample(samples_from_pcm(b""), is_last=True)
        self._stream = None
        return rest


def downmix(pcm: bytes, channels: int) -> Samples:
    """Floats from -1 to 1: the mean of interleaved PCM16 channels."""
    samples = samples_from_pcm(pcm)
    if channels == 1:
        return samples
    mono: Samples = samples.reshape(-1, channels).mean(axis=1)
    return mono


def decoder(wire: AudioFormat) -> Converter:
    """From a format of the wire to PCM16, 24 kHz. PCM16 passes as it is."""
    resampler = Resampler(wire.rate_hz, RATE_HZ)
    return resampler if wire.law is None else _FromG711(wire.law, resampler)


def encoder(wire: AudioFormat) -> Converter:
    """From PCM16, 24 kHz, to a format of the wire. PCM16 passes as it is."""
    resampler = Resampler(RATE_HZ, wire.rate_hz)
    return resampler if wire.law is None else _ToG711(wire.law, resampler)


class _FromG711:
    def __init__(self, law: g711.Law, resampler: Resampler) -> None:
        self._law = law
        self._resampler = resampler

    def convert(self, data: bytes) -> bytes:
        return self._resampler.convert(g711.decode(data, self._law))

    def end(self) -> bytes:
        return self._resampler.end()


class _ToG711:
    def __init__(self, law: g711.Law, resampler: Resampler) -> None:
        self._law = law
        self._resampler = resampler

    def convert(self, data: bytes) -> bytes:
        return g711.encode(self._resampler.convert(data), self._law)

    def end(self) -> bytes:
        return g711.encode(self._resampler.end(), self._law)


class ResampledPull:
    """For a speaker that does not do 24 kHz: pull from this as you would from the play-head.

    It reads the play-head at most 15 ms ahead of the device, so a reply falls silent that much after a flush.

    Args:
        pull: `PlayHead.pull`.
        to_hz: The device's sample rate; mono.
    """

    def __init__(self, pull: Callable[[int], bytes], to_hz: int) -> None:
        self._pull = pull
        self._to_hz = to_hz
        self._resampler = Resampler(RATE_HZ, to_hz)
        self._ready = bytearray()

    def pull(self, size: int) -> bytes:
        """Up to `size` bytes to play now; fewer when the play-head has no more."""
        while (missing := size - len(self._ready)) > 0:
            wanted = max(_LEAST_PULL_BYTES, missing // _SAMPLE_BYTES * RATE_HZ // self._to_hz * _SAMPLE_BYTES)
            pcm = self._pull(wanted)
            self._ready += self._resampler.convert(pcm)
            if len(pcm) < wanted:
                self._ready += self._resampler.end()
                break
        taken = bytes(self._ready[:size])
        del self._ready[:size]
        return taken
