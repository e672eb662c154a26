"""The wire's audio formats."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from realtime_helpers.audio import g711
from realtime_helpers.audio.formats import AUDIO_FORMATS, pcm_from_samples, samples_from_pcm

EVERY_SAMPLE = np.arange(-32768, 32768).astype("<i2").tobytes()
EVERY_CODE = bytes(range(256))


@pytest.mark.parametrize(
    ("law", "encoded", "decoded"),
    # digests of the tables that Python 3.11's audioop makes of every sample and every code
    [("mu", "81d633c9e6972a18", "3dab54339e520bb2"), ("a", "38488f6fd710f468", "e04788d110e58ff8")],
)
def test_g711_is_bit_exact(law: g711.Law, encoded: str, decoded: str) -> None:
    assert hashlib.sha256(g711.encode(EVERY_SAMPLE, law)).hexdigest()[:16] == encoded
    assert hashlib.sha256(g711.decode(EVERY_CODE, law)).hexdigest()[:16] == decoded


@pytest.mark.parametrize("name", AUDIO_FORMATS)
def test_a_tone_survives_every_format(name: str) -> None:
    chosen = AUDIO_FORMATS[name]
    tone = pcm_from_samples((0.5 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype(np.float32))
    data = chosen.from_pcm24k(tone)
    assert chosen.duration_ms(data) == 1000
    error = samples_from_pcm(chosen.to_pcm24k(data)) - samples_from_pcm(tone)
    assert np.sqrt(np.mean(error[1200:-1200] ** 2)) < 0.01
