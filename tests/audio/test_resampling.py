"""Sample rates and formats of a stream: what comes out must not show where the chunks were cut."""

from __future__ import annotations

import subprocess
import sys
from itertools import cycle

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_helpers.audio.formats import AUDIO_FORMATS, duration_ms, pcm_from_samples, resample, samples_from_pcm
from realtime_helpers.audio.playback import PlayHead
from realtime_helpers.audio.resampling import Converter, ResampledPull, Resampler, decoder, downmix, encoder

DEVICE_RATES = [8_000, 16_000, 44_100, 48_000]


def tone(rate_hz: int, frequency_hz: float = 1_000, seconds: float = 1.0) -> bytes:
    n = np.arange(round(rate_hz * seconds))
    return pcm_from_samples((0.5 * np.sin(2 * np.pi * frequency_hz * n / rate_hz)).astype(np.float32))


def streamed(converter: Converter, data: bytes, sizes: list[int]) -> bytes:
    converted, position = b"", 0
    for size in cycle(sizes):
        converted += converter.convert(data[position : position + size])
        position += size
        if position >= len(data):
            return converted + converter.end()
    raise AssertionError


def loudest_besides_db(pcm: bytes, rate_hz: int, frequency_hz: float) -> float:
    """The loudest part of the spectrum that is not the tone, relative to it: a click at each chunk edge is one."""
    samples = samples_from_pcm(pcm)[rate_hz // 4 : -rate_hz // 4]
    spectrum = np.abs(np.fft.rfft(samples * np.blackman(len(samples))))
    centre = round(frequency_hz * len(samples) / rate_hz)
    peak = spectrum[centre - 3 : centre + 4].max()
    assert peak == spectrum.max()
    spectrum[centre - 8 : centre + 9] = 0
    return float(20 * np.log10(spectrum.max() / peak))


@pytest.mark.parametrize("device_hz", DEVICE_RATES)
@pytest.mark.parametrize("is_microphone", [True, False])
def test_a_tone_has_no_clicks_and_keeps_its_length(device_hz: int, is_microphone: bool) -> None:
    from_hz, to_hz = (device_hz, 24_000) if is_microphone else (24_000, device_hz)
    forty_ms = from_hz * 2 * 40 // 1000
    converted = streamed(Resampler(from_hz, to_hz), tone(from_hz), [forty_ms])
    assert len(converted) == to_hz * 2
    assert loudest_besides_db(converted, to_hz, 1_000) < -85


def test_clips_put_one_after_the_other_do_click() -> None:
    """The measure above can fail: this is what it must not find."""
    clip = tone(8_000)
    pieces = b"".join(
        pcm_from_samples(resample(samples_from_pcm(clip[at : at + 640]), 8_000, 24_000))
        for at in range(0, len(clip), 640)
    )
    assert loudest_besides_db(pieces, 24_000, 1_000) > -60


@pytest.mark.parametrize("from_hz", DEVICE_RATES)
@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 5_000), min_size=1, max_size=5))
def test_where_it_is_cut_does_not_matter(from_hz: int, sizes: list[int]) -> None:
    clip = tone(from_hz, seconds=0.1)
    assert streamed(Resampler(from_hz, 24_000), clip, sizes) == streamed(Resampler(from_hz, 24_000), clip, [len(clip)])


def spoken_like(rate_hz: int) -> bytes:
    """Loud and soft, with everything up to 3 kHz in it."""
    n = np.arange(rate_hz) / rate_hz
    voice = sum(np.sin(2 * np.pi * 187 * harmonic * n + harmonic) / harmonic for harmonic in range(1, 17))
    samples: npt.NDArray[np.float32] = (0.25 * voice * np.sin(2 * np.pi * 3 * n) ** 2).astype(np.float32)
    return pcm_from_samples(samples)


@pytest.mark.parametrize("from_hz", DEVICE_RATES)
def test_a_stream_sounds_like_the_clip_converted_at_once(from_hz: int) -> None:
    clip = spoken_like(from_hz)
    expected = resample(samples_from_pcm(clip), from_hz, 24_000)
    converted = samples_from_pcm(streamed(Resampler(from_hz, 24_000), clip, [from_hz // 25]))
    # the live filter is up to a fifth of a millisecond late; no ear can tell, a comparison of samples can
    lag = int(np.correlate(converted, expected[50:-50]).argmax()) - 50
    assert abs(lag) <= 5
    spectra = [np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) for samples in (converted, expected)]
    voiced = spectra[1] > spectra[1].max() / 100
    assert np.abs(20 * np.log10(spectra[0][voiced] / spectra[1][voiced])).max() < 0.1


@pytest.mark.parametrize("name", ["audio/pcmu", "audio/pcma"])
@pytest.mark.parametrize("size", [1, 160, 321])
def test_telephone_audio_streams_both_ways(name: str, size: int) -> None:
    wire = AUDIO_FORMATS[name]
    sent = streamed(encoder(wire), tone(24_000), [size])
    assert wire.duration_ms(sent) == 1_000
    assert loudest_besides_db(wire.pcm16(sent), 8_000, 1_000) < -38, "what eight bits are good for"
    heard = streamed(decoder(wire), sent, [size])
    assert duration_ms(heard) == 1_000
    assert loudest_besides_db(heard, 24_000, 1_000) < -38


@settings(deadline=None)
@given(parts=st.lists(st.binary(max_size=700), max_size=10))
def test_heard_milliseconds_never_exceed_what_came(parts: list[bytes]) -> None:
    """An interruption may only name milliseconds that the server sent (reference §3.5)."""
    wire = AUDIO_FORMATS["audio/pcmu"]
    live, received, given_out = decoder(wire), 0, 0
    for part in parts:
        received += len(part)
        given_out += len(live.convert(part))
        assert given_out / 48 <= received / 8
        assert given_out / 48 >= received / 8 - 30, "a reply must not wait for its end"
    assert given_out + len(live.end()) == received * 6


def test_pcm16_passes_as_it_is() -> None:
    delta = b"\1\2\3"
    for converter in (encoder(AUDIO_FORMATS["audio/pcm"]), decoder(AUDIO_FORMATS["audio/pcm"])):
        assert converter.convert(delta) is delta
        assert converter.end() == b""


def test_after_the_end_a_new_stream_begins() -> None:
    converter = Resampler(8_000, 24_000)
    first = streamed(converter, tone(8_000), [640])
    converter.convert(b"\1")
    converter.end()
    assert streamed(converter, tone(8_000), [640]) == first


def test_stereo_becomes_mono_wherever_it_is_cut() -> None:
    left, right = np.full(2_400, 0.5), np.full(2_400, -0.25)
    stereo = pcm_from_samples(np.stack([left, right], axis=1).astype(np.float32).reshape(-1))
    assert downmix(stereo, 2).tolist() == [0.125] * 2_400
    for size in (1, 3, 1_920):
        mono = samples_from_pcm(streamed(Resampler(24_000, 24_000, channels=2), stereo, [size]))
        assert mono.tolist() == [0.125] * 2_400
    at_48k = streamed(Resampler(48_000, 24_000, channels=2), stereo, [1_001])
    assert duration_ms(at_48k) == 50
    assert samples_from_pcm(at_48k)[600] == pytest.approx(0.125, abs=0.001)


@pytest.mark.parametrize("device_hz", [44_100, 48_000])
def test_a_speaker_with_another_rate_plays_everything_and_counts_right(device_hz: int) -> None:
    head = PlayHead()
    device = ResampledPull(head.pull, device_hz)
    block = device_hz // 100 * 2
    played = b""
    for at in range(0, 48_000, 9_600):
        head.push("a", tone(24_000)[at : at + 9_600])
        for _ in range(10):
            played += device.pull(block)
            assert 0 <= head.heard_ms("a") - len(played) / 2 / device_hz * 1000 <= 15
        assert head.underruns == 0
        played += b"".join(device.pull(block) for _ in range(8))
    head.end("a")
    played += b"".join(device.pull(block) for _ in range(30))
    assert len(played) == device_hz * 2
    assert head.heard_ms("a") == 1_000
    assert loudest_besides_db(played, device_hz, 1_000) < -80
    assert device.pull(block) == b""


def test_importing_needs_neither_numpy_nor_soxr() -> None:
    code = "import sys; sys.modules['soxr'] = sys.modules['numpy'] = None; import realtime_helpers.audio.resampling"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
