"""Lesson 01: a sound to hear in a cell, what a telephone leaves of one, and the check of its exercise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..audio.files import WavWriter
from ..audio.formats import CHUNK_BYTES, RATE_HZ, samples_from_pcm, silence
from ..errors import AudioError
from .verdict import Verdict

if TYPE_CHECKING:
    from IPython.display import Audio


def listen(pcm: bytes, path: Path | str) -> Audio:
    """Write a WAV file, and show a player for it. The notebook holds its name only, not the sound.

    Args:
        pcm: PCM16, 24 kHz, mono.
        path: In the notebook's own folder.

    Raises:
        AudioError: The file cannot be written.
    """
    from IPython.display import Audio

    writer = WavWriter(Path(path), channels=1)
    writer.write(pcm)
    writer.close()
    return Audio(url=f"{path}")  # type: ignore[no-untyped-call]


def share_above(pcm: bytes, hertz: float) -> float:
    """Share of a sound's power at frequencies from `hertz` up, 0 to 1.

    Raises:
        AudioError: There is no sound in it.
    """
    import numpy as np

    samples = samples_from_pcm(pcm)
    power = np.abs(np.fft.rfft(samples)) ** 2 if len(samples) else np.zeros(1)
    if not power.sum():
        raise AudioError("There is no sound in it.", "Use one that is not silent.")
    return float(power[np.fft.rfftfreq(len(samples), 1 / RATE_HZ) >= hertz].sum() / power.sum())


def check_chunks(cut: Callable[[bytes], Iterable[bytes]]) -> Verdict:
    """Whether it cuts sound into pieces of 40 ms, and loses nothing."""
    sounds = {
        "100 ms of sound": _unlike_chunks(4_800),
        "exactly 80 ms": _unlike_chunks(2 * CHUNK_BYTES),
        "10 ms of sound": silence(10),
        "no sound at all": b"",
    }
    for name, pcm in sounds.items():
        try:
            chunks = list(islice(cut(pcm), len(pcm) + 1))  # a generator may never end
        except Exception as error:  # noqa: BLE001 - a learner's function may raise anything
            return Verdict(False, f"for {name}, your function raised {type(error).__name__}: {error}")
        if problem := _problem(chunks, pcm):
            return Verdict(False, f"for {name}, {problem}")
    return Verdict(True, f"whole pieces of {CHUNK_BYTES:,} bytes, the rest at the end, and no sample lost.")


def _unlike_chunks(size: int) -> bytes:
    return bytes(place % 251 for place in range(size))


def _problem(chunks: list[bytes], pcm: bytes) -> str:
    wanted = -(-len(pcm) // CHUNK_BYTES)
    for chunk in chunks:
        if not isinstance(chunk, bytes):
            return f"the pieces must be bytes, and one is of the kind {type(chunk).__name__}. Slice: pcm[begin:end]."
    sizes = [len(chunk) for chunk in chunks]
    if 0 in sizes:
        return "one piece is empty. Where does your last piece begin?"
    if b"".join(chunks) != pcm:
        return f"the pieces make {sum(sizes):,} bytes of {len(pcm):,}, or in another order. Is the last one there?"
    if any(size % 2 for size in sizes):
        return f"a piece of {next(size for size in sizes if size % 2)} bytes ends in the middle of a sample."
    if len(chunks) != wanted or any(size != CHUNK_BYTES for size in sizes[:-1]):
        return f"there are pieces of {sizes[:4]} bytes. 40 ms at 24,000 samples a second, 2 bytes each: how many bytes?"
    return ""
