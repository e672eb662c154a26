from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_helpers import AudioError, SilentSink, SpeechSource, StereoRecorder, read_sound_file
from realtime_helpers.audio.formats import (
    CHUNK_BYTES,
    chunks_of,
    duration_ms,
    pcm_from_samples,
    resample,
    samples_from_pcm,
    silence,
)
from realtime_helpers.runtime import background_loop
from realtime_helpers.speech import Speech


def test_pcm_survives_the_way_there_and_back() -> None:
    pcm = np.arange(-32768, 32768, 7, dtype="<i2").tobytes()
    assert pcm_from_samples(samples_from_pcm(pcm)) == pcm


def test_too_loud_is_clipped_not_wrapped() -> None:
    loud = samples_from_pcm(pcm_from_samples(np.array([2.0, -2.0], np.float32)))
    assert loud.tolist() == [32767 / 32768, -1.0]


def test_chunks_are_forty_milliseconds_and_lose_nothing() -> None:
    pcm = bytes(range(256)) * 100
    chunks = list(chunks_of(pcm))
    assert b"".join(chunks) == pcm
    assert {len(chunk) for chunk in chunks[:-1]} == {CHUNK_BYTES}
    assert duration_ms(chunks[0]) == 40


def test_resampling_keeps_the_tone() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(resample(tone, 22050, 24000)))
    assert abs(int(spectrum.argmax()) - 1000) <= 1


@pytest.mark.parametrize("rate_hz", [8000, 24000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_sound_file_becomes_24_khz_mono(tmp_path: Path, rate_hz: int, channels: int) -> None:
    file = tmp_path / "tone.wav"
    soundfile.write(file, np.zeros((rate_hz, channels)) + 0.25, rate_hz)
    pcm = read_sound_file(file)
    assert duration_ms(pcm) == pytest.approx(1000, abs=2)
    assert samples_from_pcm(pcm)[5000] == pytest.approx(0.25, abs=0.01)


def test_a_file_that_is_no_sound_is_one_sentence_with_a_command(tmp_path: Path) -> None:
    broken = tmp_path / "01.wav"
    broken.write_bytes(b"not a sound")
    with pytest.raises(AudioError, match=r"01\.wav.*ffmpeg"):
        read_sound_file(broken)
    with pytest.raises(AudioError, match="no sound file"):
        read_sound_file(tmp_path / "02.wav")


class TwoClips:
    is_live = False

    async def chunks(self) -> AsyncIterator[bytes]:
        yield b"\1\0" * 100
        yield b"\2\0" * 100


async def test_a_recording_has_the_user_left_and_the_assistant_right_one_after_the_other(tmp_path: Path) -> None:
    recorder = StereoRecorder()
    sink = recorder.assistant(SilentSink())
    clips = recorder.user(TwoClips()).chunks()
    await anext(clips)
    sink.play("a", b"\3\0" * 50)
    await anext(clips)
    sink.play("b", b"\4\0" * 50)
    file = tmp_path / "talk.wav"
    recorder.save(file)
    samples, rate_hz = soundfile.read(file, dtype="int16")
    assert rate_hz == 24_000
    assert [set(samples[a:b, 0]) for a, b in ((0, 100), (100, 150), (150, 250), (250, 300))] == [{1}, {0}, {2}, {0}]
    assert [set(samples[a:b, 1]) for a, b in ((0, 100), (100, 150), (150, 250), (250, 300))] == [{0}, {3}, {0}, {4}]
    assert sink.head.heard_ms("a") == 50 * 2 // 48


def test_silence_is_silent() -> None:
    assert silence(10) == bytes(480)


async def test_what_is_said_first_is_heard_first_however_long_it_takes_to_make() -> None:
    release = threading.Event()

    class SlowVoice:
        def speak(self, text: str, _voice: str) -> Speech:
            if text == "slow":
                release.wait(10)
            return Speech(text, text.encode() * 48, ())

    user = SpeechSource(engine=SlowVoice(), pause_ms=0)  # type: ignore[arg-type]

    async def first_two() -> bytes:
        heard = b""
        async for chunk in user.chunks():
            heard += chunk
            if b"fast" in heard:
                return heard
        return heard

    hearing = background_loop().submit(first_two())
    user.say("slow")
    user.say("fast")
    release.set()
    heard = await hearing
    assert heard.index(b"slow") < heard.index(b"fast")
