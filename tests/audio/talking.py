"""A person and a clock for conversations through real devices, and what their recordings must show."""

from __future__ import annotations

import base64
import sys
import threading
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_helpers.audio.formats import RATE_HZ, pcm_from_samples, samples_from_pcm, silence
from realtime_helpers.speech import Transcriber, Voice

from .virtual_sound import Recording

Samples = npt.NDArray[np.float32]

LATE_MS = 15
"""A sound process that waits so long for its turn on a free machine is unheard of."""


class Events:
    """Every event both ways with the moment it came or went, in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, str, dict[str, Any]]] = []

    def __call__(self, direction: str, event: dict[str, Any], _time_s: float) -> None:
        self.seen.append((time.monotonic(), direction, event))

    def moments(self, kind: str) -> list[float]:
        """When events of a kind came."""
        return [moment_s for moment_s, _, event in self.seen if event["type"] == kind]

    @property
    def replies(self) -> list[str]:
        """Ids of spoken replies, in order."""
        kind = "response.output_audio.delta"
        return list(dict.fromkeys(event["item_id"] for _, _, event in self.seen if event["type"] == kind))

    def reply(self, number: int = 1) -> Samples:
        """The audio of a reply (from 1), as it was received."""
        item_id = self.replies[number - 1]
        deltas = (event["delta"] for _, _, event in self.seen if event.get("item_id") == item_id and "delta" in event
                  and event["type"] == "response.output_audio.delta")  # fmt: skip
        return samples_from_pcm(b"".join(map(base64.b64decode, deltas)))


_voice = Voice()


def clip(text: str) -> bytes:
    """A sentence, and the silence that ends a turn."""
    return silence(300) + _voice.speak(text).pcm + silence(900)


def share_of_words(reply: Samples, recording: Recording) -> float:
    """How much of what a stranger understands of a reply is also understood in a recording of it, 0 to 1."""
    transcriber = Transcriber()
    try:
        said, heard = (
            set(transcriber.transcribe(silence(300) + pcm_from_samples(samples) + silence(300)).text.split())
            for samples in (reply, recording.samples[_place(reply, recording.samples) :][: len(reply)])
        )
    finally:
        transcriber.close()
    assert len(said) > 4
    return len(said & heard) / len(said)


def _place(reply: Samples, played: Samples) -> int:
    """Where a reply begins in a recording."""
    size = 1 << (len(played) + len(reply)).bit_length()
    together = np.fft.irfft(np.fft.rfft(played, size) * np.conj(np.fft.rfft(reply, size)), size)
    return int(np.argmax(together[: len(played)]))


def silent_after_ms(recording: Recording, moment_s: float) -> float:
    """From a moment on: when the last sound before half a second of silence was."""
    sounds = np.flatnonzero(np.abs(recording.after(moment_s)) > 0.005)
    sounds = np.concatenate(([0], sounds, [sys.maxsize]))
    last = sounds[np.flatnonzero(np.diff(sounds) > RATE_HZ // 2)[0]]
    return float(last) / RATE_HZ * 1000


def was_loud(recording: Recording, moment_s: float) -> bool:
    """Whether something sounded in the half second before a moment."""
    samples = recording.after(moment_s - 0.5)[: RATE_HZ // 2]
    return bool(np.abs(samples).max() > 0.02)


def worst_gap_ms(reply: Samples, recording: Recording, seams: int = 0) -> float:
    """How far a recording runs away from the reply that it holds: every gap and every skip moves it.

    Infinite where a piece of the reply is not found near its place at all; so many `seams` may hide one.
    """
    reply, played = (np.convolve(samples, np.ones(8) / 8, "same") for samples in (reply, recording.samples))
    # without its hiss, which half a sample of delay turns upside down
    begin, piece, reach = _place(reply, played), RATE_HZ // 5, RATE_HZ // 10
    shifts = []
    for start in range(0, len(reply) - piece, piece):
        wanted = reply[start : start + piece]
        around = played[max(0, begin + start - reach) : begin + start + piece + reach]
        if np.abs(wanted).max() > 0.05 and len(around) == piece + 2 * reach:
            power = np.convolve(around**2, np.ones(piece), "valid") * np.sum(wanted**2)
            likeness = np.correlate(around, wanted, "valid") / np.sqrt(power + 1e-9)
            shifts.append(np.argmax(likeness) - reach if likeness.max() > 0.7 else np.inf)
    assert len(shifts) > 10, "the reply is long enough to be compared"
    found = [shift for shift in shifts if shift != np.inf]
    return float(max(found) - min(found)) / RATE_HZ * 1000 if len(shifts) - len(found) <= seams else np.inf


def assert_whole(
    reply: Samples, recording: Recording, device_gaps: int = 0, *, seams: int = 0, at_most_ms: float = 5
) -> None:
    """Nothing is missing in a recording, unless the machine kept sound processes waiting: then a little may be.

    Args:
        reply: What should sound.
        recording: What did.
        device_gaps: How often the device says that it was fed too late.
        seams: See `worst_gap_ms`.
        at_most_ms: How far it may run away on a machine that is in time.
    """
    if device_gaps or recording.late_ms > LATE_MS:
        seams, at_most_ms = seams + 2, at_most_ms + 100
    gap_ms = worst_gap_ms(reply, recording, seams)
    assert gap_ms < at_most_ms, (gap_ms, recording.late_ms, device_gaps)


_HUM_HZ = 410
"""No whole number of periods in a chunk: a chunk that is missing is a jump."""


def hum(seconds: float) -> bytes:
    """A continuous sound that nobody takes for a voice."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return pcm_from_samples((0.003 * np.sin(2 * np.pi * _HUM_HZ * time_s)).astype(np.float32))


def breaks_in_hum(pcm: bytes) -> int:
    """Samples at which a hum breaks off or jumps: they do not follow from the two before."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    sounds = np.flatnonzero(np.abs(samples) > 50)
    samples = samples[sounds[0] + 2_400 : sounds[-1] - 2_400]
    expected = 2 * np.cos(2 * np.pi * _HUM_HZ / RATE_HZ) * samples[1:-1] - samples[:-2]
    return int(np.count_nonzero(np.abs(samples[2:] - expected) > 15))


def compute(seconds: float) -> int:
    """A cell that computes without ever yielding. Returns how often it went round."""
    rounds, end_s = 0, time.monotonic() + seconds
    while time.monotonic() < end_s:
        rounds += 1
    return rounds


def later(seconds: float, action: Any) -> threading.Thread:
    """Do something in another thread in the middle of a computation."""
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer
