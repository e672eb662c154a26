"""The ears of the device tests hear what they are there for."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_helpers.audio.formats import pcm_from_samples, samples_from_pcm

from .talking import breaks_in_hum, clip, hum, silent_after_ms, worst_gap_ms
from .virtual_sound import Recording

SPEECH = samples_from_pcm(clip("I am fine, thank you. A simulator never gets tired. How was your day?"))
ROOM = np.zeros(24_000, np.float32)


def recorded(*parts: np.ndarray) -> Recording:
    return Recording(pcm_from_samples(np.concatenate([ROOM, *parts, ROOM])), 100.0)


def test_a_reply_that_was_played_whole_has_no_gap() -> None:
    assert worst_gap_ms(SPEECH, recorded(SPEECH)) == 0


@pytest.mark.parametrize("gap_ms", [-80, -20, 20, 80])
def test_a_gap_or_a_skip_is_heard(gap_ms: int) -> None:
    cut, gap = 40_000, abs(gap_ms) * 24
    broken = (SPEECH[:cut], np.zeros(gap, np.float32), SPEECH[cut:])
    assert worst_gap_ms(SPEECH, recorded(*(broken if gap_ms > 0 else (SPEECH[:cut], SPEECH[cut + gap :])))) > 5


def test_a_hum_that_breaks_off_is_heard() -> None:
    whole = hum(2)
    assert breaks_in_hum(bytes(48_000) + whole) == 0
    assert breaks_in_hum(whole[:40_000] + bytes(1_920) + whole[40_000:]) > 0
    assert breaks_in_hum(whole[:40_000] + whole[40_090:]) > 0


def test_silence_begins_where_the_last_sound_was() -> None:
    recording = recorded(np.full(2_400, 0.5, np.float32), ROOM, SPEECH)
    assert silent_after_ms(recording, 101.05) == pytest.approx(50, abs=1)
    assert silent_after_ms(recording, 101.2) == 0
