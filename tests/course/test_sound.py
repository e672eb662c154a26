"""Lesson 01: what a cell plays is what was given, and each wrong way to cut is named."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from realtime_helpers.audio.files import read_sound_file
from realtime_helpers.audio.formats import AUDIO_FORMATS, RATE_HZ, chunks_of, pcm_from_samples
from realtime_helpers.course.sound import check_chunks, listen, share_above
from realtime_helpers.errors import AudioError


def tone(hertz: float, seconds: float = 0.5) -> bytes:
    at_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return pcm_from_samples((0.5 * np.sin(2 * np.pi * hertz * at_s)).astype(np.float32))


def test_the_player_names_a_file_with_the_sound_in_it(tmp_path: Path) -> None:
    pcm = tone(440)
    player = listen(pcm, tmp_path / "tone.wav")
    assert read_sound_file(tmp_path / "tone.wav") == pcm
    html = player._repr_html_()
    assert "tone.wav" in html
    assert len(html) < 1_000


def test_power_is_found_where_the_tone_is_and_a_telephone_takes_it_away() -> None:
    both = pcm_from_samples(
        (np.frombuffer(tone(1_000), "<i2") / 65_536 + np.frombuffer(tone(6_000), "<i2") / 65_536).astype(np.float32)
    )
    assert share_above(both, 4_000) == pytest.approx(0.5, abs=0.01)
    telephone = AUDIO_FORMATS["audio/pcmu"]
    assert share_above(telephone.to_pcm24k(telephone.from_pcm24k(both)), 4_000) < 0.01
    with pytest.raises(AudioError, match="no sound in it"):
        share_above(bytes(4_800), 4_000)


def raises(pcm: bytes) -> list[bytes]:
    raise IndexError("list index out of range")


@pytest.mark.parametrize(
    ("cut", "why"),
    [
        (chunks_of, "Passed: "),
        (lambda pcm: [pcm], "Not yet: for 100 ms of sound, there are pieces of [4800] bytes"),
        (lambda pcm: list(chunks_of(pcm, 960)), "there are pieces of [960, 960, 960, 960] bytes"),
        (lambda pcm: list(chunks_of(pcm, 1_921)), "ends in the middle of a sample"),
        (lambda pcm: [pcm[at : at + 1_920] for at in range(0, len(pcm) - 1_919, 1_920)], "Is the last one there?"),
        (lambda pcm: [*chunks_of(pcm), b""], "one piece is empty"),
        (lambda pcm: [list(chunk) for chunk in chunks_of(pcm)], "one is of the kind list"),
        (lambda pcm: list(chunks_of(pcm))[::-1], "or in another order"),
        (raises, "your function raised IndexError"),
        (lambda pcm: None, "your function raised TypeError"),
        (lambda pcm: [pcm[:1_920], "the rest"], "one is of the kind str"),
        (lambda pcm: itertools.repeat(pcm[:2]), "make 9,602 bytes of 4,800"),
    ],
)
def test_each_way_to_cut_is_judged(cut: Callable[[bytes], list[bytes]], why: str) -> None:
    verdict = repr(check_chunks(cut))
    assert why in verdict
    assert verdict.startswith("Passed") == (cut is chunks_of)
