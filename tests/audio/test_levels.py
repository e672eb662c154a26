from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_helpers.audio.formats import CHUNK_BYTES, chunks_of, pcm_from_samples, silence
from realtime_helpers.audio.levels import QUIETEST_DBFS, Level, LevelMeter, metered

FORTY_MS = 960


def tone(amplitude: float, length: int = FORTY_MS) -> bytes:
    return pcm_from_samples((amplitude * np.sin(2 * np.pi * np.arange(length) / 24)).astype(np.float32))


def pcm(*samples: int) -> bytes:
    return np.array(samples, "<i2").tobytes()


@pytest.mark.parametrize(("amplitude", "peak_dbfs"), [(0.999, 0.0), (0.5, -6.02), (0.1, -20.0), (0.001, -60.0)])
def test_a_sine_has_three_decibels_less_than_its_peak(amplitude: float, peak_dbfs: float) -> None:
    level = LevelMeter().add(tone(amplitude))
    assert level.peak_dbfs == pytest.approx(peak_dbfs, abs=0.3)
    assert level.rms_dbfs == pytest.approx(level.peak_dbfs - 3.01, abs=0.3)
    assert level.held_dbfs == level.peak_dbfs
    assert not level.is_clipped


def test_nothing_is_silent_and_has_a_number_all_the_same() -> None:
    meter = LevelMeter()
    assert meter.add(silence(40)) == Level(QUIETEST_DBFS, QUIETEST_DBFS, QUIETEST_DBFS, is_clipped=False)
    assert meter.level.is_silent
    assert meter.add(b"") == meter.add(b"\1") == meter.level, "no sample, no news"
    assert meter.silent_ms == 40
    assert meter.add(pcm(1, -1)).peak_dbfs == pytest.approx(-90.3, abs=0.1)
    assert meter.add(pcm(1, *[0] * 959)).rms_dbfs == QUIETEST_DBFS
    assert not meter.add(tone(0.1)).is_silent
    assert meter.silent_ms == 0


def test_the_lowest_sample_is_full_scale_and_no_overflow() -> None:
    level = LevelMeter().add(pcm(*[-32768] * 4))
    assert (level.rms_dbfs, level.peak_dbfs, level.is_clipped) == (0, 0, True)


def test_clipping_is_three_samples_at_full_scale_in_a_row() -> None:
    meter = LevelMeter()
    assert not meter.add(pcm(0, 32767, 32767, 0, 32767, 0)).is_clipped
    assert meter.add(pcm(0, 32767, -32768, 32767, 0)).is_clipped
    assert meter.clippings == 1
    assert meter.add(pcm(32767, 32767, 32767, 32767, 5, -32768, -32768, -32768)).is_clipped
    assert meter.clippings == 3
    assert not meter.add(tone(0.5)).is_clipped


@settings(deadline=None)
@given(st.lists(st.sampled_from([0, 32767]), max_size=60), st.integers(1, 7))
def test_a_clipping_is_counted_once_wherever_chunks_are_cut(samples: list[int], size: int) -> None:
    meter = LevelMeter()
    shown = [meter.add(part).is_clipped for part in chunks_of(pcm(*samples), size * 2)]
    runs = "".join("x" if sample else " " for sample in samples).split()
    assert meter.clippings == sum(len(run) >= 3 for run in runs)
    assert any(shown) == (meter.clippings > 0)


def test_a_peak_is_held_and_falls_by_the_time_of_the_audio() -> None:
    meter = LevelMeter(hold_ms=200, fall_db_per_s=20)
    peak = meter.add(tone(0.5)).peak_dbfs
    assert [meter.add(silence(40)).held_dbfs for _ in range(5)] == [peak] * 5
    assert meter.add(silence(40)).held_dbfs == pytest.approx(peak - 0.8)
    assert meter.add(silence(1_000)).held_dbfs == pytest.approx(peak - 20.8)
    louder = meter.add(tone(0.2))
    assert louder.held_dbfs == louder.peak_dbfs
    assert meter.add(silence(20_000)).held_dbfs == QUIETEST_DBFS


@settings(deadline=None)
@given(st.lists(st.integers(1, 100), min_size=1, max_size=20))
def test_the_size_of_chunks_does_not_change_how_a_peak_falls(lengths_ms: list[int]) -> None:
    fine, coarse = LevelMeter(hold_ms=100), LevelMeter(hold_ms=100)
    for meter in (fine, coarse):
        meter.add(tone(0.5))
    for length_ms in lengths_ms:
        fine.add(silence(length_ms))
    coarse.add(silence(sum(lengths_ms)))
    assert fine.level.held_dbfs == pytest.approx(coarse.level.held_dbfs)


class Talk:
    is_live = True
    is_closed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            for amplitude in (0.1, 0.5, 0.2):
                yield tone(amplitude)
        finally:
            self.is_closed = True


async def test_a_source_is_measured_as_it_is_read() -> None:
    talk, meter = Talk(), LevelMeter()
    source = metered(talk, meter)
    assert source.is_live
    chunks = source.chunks()
    assert isinstance(chunks, AsyncGenerator)
    assert await anext(chunks) == tone(0.1)
    assert len(tone(0.1)) == CHUNK_BYTES
    assert meter.level.peak_dbfs == pytest.approx(-20, abs=0.1)
    await anext(chunks)
    assert meter.level.peak_dbfs == pytest.approx(-6, abs=0.1)
    await chunks.aclose()
    assert talk.is_closed, "the microphone behind it is let go with it"
