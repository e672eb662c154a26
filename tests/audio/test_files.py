"""Sound files as sources and sinks, at the speed of sound and as fast as it goes. Time is virtual."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_helpers import AudioError, FileSink, SilentSink, SpeechSource, read_sound_file, sound_file
from realtime_helpers.audio.formats import BYTES_PER_MS, CHUNK_BYTES, duration_ms, samples_from_pcm, silence
from realtime_helpers.audio.sources import Source
from realtime_helpers.experiments.virtual_time import VirtualTimeLoop
from realtime_helpers.speech import Speech


def in_virtual_time(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await test()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run())


def now_ms() -> int:
    return round(asyncio.get_running_loop().time() * 1000)


def generator(source: Source) -> AsyncGenerator[bytes, None]:
    chunks = source.chunks()
    assert isinstance(chunks, AsyncGenerator)
    return chunks


def write_tone(path: Path, seconds: float = 1.0, rate_hz: int = 44_100, channels: int = 2, **options: str) -> Path:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate_hz)) / rate_hz)
    soundfile.write(path, np.stack([tone] * channels, axis=1), rate_hz, **options)
    return path


@pytest.mark.parametrize("name", ["talk.wav", "talk.flac", "talk.ogg", "talk.mp3"])
@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 2), (24_000, 1), (8_000, 1)])
async def test_a_file_is_speech_between_silences(tmp_path: Path, name: str, rate_hz: int, channels: int) -> None:
    path = write_tone(tmp_path / name, rate_hz=rate_hz, channels=channels)
    source = sound_file(path, pause_ms=500)
    chunks = [chunk async for chunk in source.chunks()]
    assert {len(chunk) for chunk in chunks[:-1]} == {CHUNK_BYTES}
    heard = b"".join(chunks)
    length_ms = source.duration_s * 1000
    assert length_ms == pytest.approx(1_000, abs=100), "an MP3 is padded"
    assert duration_ms(heard) == pytest.approx(200 + length_ms + 500, abs=1)
    at_once = samples_from_pcm(read_sound_file(path))
    in_pieces = samples_from_pcm(heard)[200 * 24 : 200 * 24 + len(at_once)]
    # two samples of delay in the live filter are 12 degrees of this tone
    assert np.abs(in_pieces - at_once)[2_400:-2_400].max() < 0.12
    assert heard[: 200 * BYTES_PER_MS] == silence(200)
    assert heard.endswith(silence(490))


async def test_every_session_hears_the_file_from_its_beginning(tmp_path: Path) -> None:
    source = sound_file(write_tone(tmp_path / "talk.wav", 0.1))
    assert not source.is_live
    assert [chunk async for chunk in source.chunks()] == [chunk async for chunk in source.chunks()]


def test_a_long_file_is_read_while_it_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = sound_file(write_tone(tmp_path / "talk.wav", 20.0), realtime=True)
    read = 0
    original = soundfile.SoundFile.read

    def counting_read(file: soundfile.SoundFile, frames: int = -1, *args: object, **options: object) -> object:
        nonlocal read
        read += frames
        return original(file, frames, *args, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", counting_read)

    async def first_second() -> None:
        chunks = generator(source)
        for _ in range(25):
            await anext(chunks)
        await chunks.aclose()

    in_virtual_time(first_second)
    assert 0 < read < 44_100


def test_in_real_time_a_file_is_an_open_microphone(tmp_path: Path) -> None:
    source = sound_file(write_tone(tmp_path / "talk.wav", 0.43), realtime=True, pause_ms=100)
    assert source.is_live

    async def listen() -> None:
        chunks, heard_ms = generator(source), 0.0
        for _ in range(250):
            chunk = await anext(chunks)
            assert now_ms() == pytest.approx(heard_ms, abs=1)
            heard_ms += duration_ms(chunk)
        assert chunk == silence(40), "when it is over, silence goes on"
        await chunks.aclose()

    in_virtual_time(listen)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.wav", None, "There is no sound file .*no.wav. Check the name"),
        ("text.wav", b"these are words", "cannot be read as sound .*ffmpeg"),
        ("empty.wav", b"", "cannot be read as sound"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_when_it_is_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioError, match=message):
        sound_file(tmp_path / name)


async def test_a_file_without_sound_or_gone_meanwhile_is_a_sentence(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nothing.wav", np.zeros((0, 1)), 24_000)
    with pytest.raises(AudioError, match="holds no sound"):
        sound_file(tmp_path / "nothing.wav")
    source = sound_file(write_tone(tmp_path / "talk.wav"))
    (tmp_path / "talk.wav").unlink()
    with pytest.raises(AudioError, match="There is no sound file"):
        [chunk async for chunk in source.chunks()]


def reply(length_ms: int, value: int = 7) -> bytes:
    return np.full(length_ms * 24, value, "<i2").tobytes()


def written(path: Path) -> list[tuple[int, int]]:
    """The values in a file and for how many milliseconds each."""
    samples, rate_hz = soundfile.read(path, dtype="int16")
    assert rate_hz == 24_000
    edges = [0, *(np.flatnonzero(np.diff(samples)) + 1).tolist(), len(samples)]
    return [(int(samples[a]), (b - a) // 24) for a, b in itertools.pairwise(edges) if b > a]


def test_a_fast_file_sink_writes_replies_one_after_the_other(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "heard.wav")
    assert not sink.is_realtime
    sink.open()
    assert soundfile.info(tmp_path / "heard.wav").frames == 0
    sink.play("a", reply(300))
    sink.play("b", reply(200, 9))
    assert (sink.head.heard_ms("a"), sink.head.heard_ms("b"), sink.head.queued_ms) == (300, 200, 0)
    assert written(sink._path) == [(7, 300), (9, 200)], "it is whole before it is closed"
    sink.close()
    sink.close()
    assert written(sink._path) == [(7, 300), (9, 200)]


def test_in_real_time_it_writes_what_was_heard_when(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "heard.wav", realtime=True)

    async def talk() -> None:
        sink.open()
        await asyncio.sleep(0.5)
        sink.play("a", reply(2_000))
        await asyncio.sleep(0.305)
        settled: list[int] = []
        sink.flush(lambda: settled.append(sink.head.heard_ms("a")))
        assert settled == [305], "to the millisecond, not to the tick"
        await asyncio.sleep(0.195)
        sink.play("b", reply(100, 9))
        await asyncio.sleep(0.2)
        assert sink.head.heard_ms("b") == 100
        sink.close()
        await asyncio.sleep(1)

    in_virtual_time(talk)
    expected = [(0, 500), (7, 305), (0, 195), (9, 100), (0, 100)]
    assert [value for value, _ in written(tmp_path / "heard.wav")] == [value for value, _ in expected]
    for (_, length_ms), (_, expected_ms) in zip(written(tmp_path / "heard.wav"), expected, strict=True):
        assert length_ms == pytest.approx(expected_ms, abs=1)


def test_a_silent_sink_can_take_its_time() -> None:
    sink = SilentSink(realtime=True)

    async def talk() -> None:
        sink.open()
        sink.play("a", reply(400))
        assert sink.head.queued_ms == 400
        await asyncio.sleep(0.1)
        assert sink.head.heard_ms("a") == pytest.approx(100, abs=20)
        await asyncio.sleep(1)
        assert sink.head.queued_items == ()
        sink.close()
        sink.play("b", reply(400))
        await asyncio.sleep(1)
        sink.play("b", reply(400))
        assert sink.head.heard_ms("b") == 0, "a closed sink hears nothing"

    in_virtual_time(talk)


def test_each_session_writes_its_file_anew(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "heard.wav")
    for value in (3, 4):
        sink.open()
        sink.play("a", reply(100, value))
        sink.close()
    assert written(tmp_path / "heard.wav") == [(4, 100)]


@pytest.mark.parametrize("place", ["no folder/heard.wav", "."])
def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path, place: str) -> None:
    with pytest.raises(AudioError, match=r"cannot be written .*\. Name another place"):
        FileSink(tmp_path / place).open()


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """The disk is full when a file has this many bytes."""
    resource = pytest.importorskip("resource", reason="only POSIX can limit the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_a_sentence_and_what_fitted_is_there(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "heard.wav")
    sink.open()
    for _ in range(5):
        sink.play("a", reply(40))
    with room_for(10_000), pytest.raises(AudioError, match="cannot be written"):
        sink.play("a", reply(400))
    sink.close()
    assert written(tmp_path / "heard.wav")[0] == (7, 207)


def test_a_disk_that_fills_while_time_passes_is_told_with_the_next_reply(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "heard.wav", realtime=True)

    async def talk() -> None:
        sink.open()
        sink.play("a", reply(2_000))
        with room_for(10_000):
            await asyncio.sleep(1)
        with pytest.raises(AudioError, match="cannot be written"):
            sink.play("b", reply(40))
        sink.close()

    in_virtual_time(talk)


def test_a_silent_user_in_real_time_sends_silence_and_speaks_when_told() -> None:
    class InstantVoice:
        def speak(self, text: str, _voice: str) -> Speech:
            return Speech(text, reply(110), ())

    user = SpeechSource(realtime=True, pause_ms=400, engine=InstantVoice())  # type: ignore[arg-type]
    assert user.is_live

    async def listen() -> None:
        chunks, heard = generator(user), b""
        for number in range(100):
            if number == 10:
                user._queue(reply(110))
            heard += await anext(chunks)
            assert now_ms() == pytest.approx(duration_ms(heard), abs=41)
        await chunks.aclose()
        samples = np.frombuffer(heard, "<i2")
        assert np.count_nonzero(samples) == 110 * 24
        begin_ms = int(samples.argmax()) / 24
        assert begin_ms == pytest.approx(400 + 200, abs=41)
        assert duration_ms(heard) == pytest.approx(4_000, abs=40), "it never stops"

    in_virtual_time(listen)


def test_when_the_loop_was_busy_the_time_line_is_caught_up() -> None:
    user = SpeechSource(realtime=True)

    async def listen() -> None:
        chunks, count = generator(user), 0
        await anext(chunks)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.jump(2.0)
        while now_ms() < 2_100:
            await anext(chunks)
            count += 1
        assert count == pytest.approx(52, abs=1)
        await chunks.aclose()

    in_virtual_time(listen)


def test_a_session_that_stops_does_not_cancel_what_is_being_spoken() -> None:
    user = SpeechSource()

    async def stop_early() -> None:
        chunks = generator(user)
        place: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        user._clips.put_nowait(place)
        listening = asyncio.ensure_future(anext(chunks))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        place.set_result(b"")

    in_virtual_time(stop_early)
