"""Recordings of live sources: one time line, and on it what was heard where it sounded."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from realtime_helpers import AudioError, SpeechSource, StereoRecorder
from realtime_helpers.audio import recording
from realtime_helpers.audio.files import WavWriter
from realtime_helpers.audio.formats import BYTES_PER_MS, CHUNK_BYTES, CHUNK_MS
from realtime_helpers.audio.playback import PlayHead
from realtime_helpers.audio.sinks import QueueSink, SilentSink, Sink, Telling

Samples = npt.NDArray[np.int16]


class OpenMicrophone:
    """Hears one sample value after the other, so that every chunk can be told from the next."""

    is_live = True

    async def chunks(self) -> AsyncIterator[bytes]:
        for number in itertools.count(1):
            yield np.full(CHUNK_BYTES // 2, number % 30_000, "<i2").tobytes()


class Room:
    """A microphone and a speaker on one clock, in the hands of the test."""

    def __init__(self, recorder: StereoRecorder, sink: Sink | None = None) -> None:
        self.now_ms = 0
        self.recorder = recorder
        self.device = sink or QueueSink(PlayHead())
        self.sink = recorder.assistant(self.device)
        chunks = recorder.user(OpenMicrophone()).chunks()
        assert isinstance(chunks, AsyncGenerator)
        self.microphone = chunks

    async def pass_time(self, length_ms: int, pulls_ms: Iterable[int] = (10,)) -> None:
        """The device pulls pieces of these lengths, over and over; the microphone gives a chunk every 40 ms."""
        pulls, pulled_ms = itertools.cycle(pulls_ms), 0
        for _ in range(length_ms // CHUNK_MS):
            self.now_ms += CHUNK_MS
            while pulled_ms < CHUNK_MS:
                piece_ms = next(pulls)
                self.device.head.pull(piece_ms * BYTES_PER_MS)
                pulled_ms += piece_ms
            pulled_ms -= CHUNK_MS
            await anext(self.microphone)

    def save(self, folder: Path) -> tuple[Samples, Samples]:
        self.recorder.save(folder / "talk.wav")
        samples, rate_hz = soundfile.read(folder / "talk.wav", dtype="int16")
        assert rate_hz == 24_000
        return samples[:, 0], samples[:, 1]


def reply(length_ms: int, value: int = 7) -> bytes:
    return np.full(length_ms * 24, value, "<i2").tobytes()


def sounds_ms(side: Samples) -> list[tuple[float, float]]:
    """Begin and end of each stretch without a zero, in milliseconds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], side != 0, [0]]).astype(np.int8)))
    return [(begin / 24, end / 24) for begin, end in edges.reshape(-1, 2).tolist()]


async def test_the_left_side_is_the_microphone_without_a_break(tmp_path: Path) -> None:
    room = Room(StereoRecorder())
    await room.pass_time(400)
    room.sink.play("a", reply(400))
    await room.pass_time(2_000)
    left, right = room.save(tmp_path)
    assert left.tolist() == np.repeat(np.arange(1, 61), 960).tolist()
    assert len(right) == len(left)
    assert room.recorder.duration_s == 2.4


async def test_a_reply_stands_where_it_sounded_not_where_it_was_received(tmp_path: Path) -> None:
    room = Room(StereoRecorder(), QueueSink(PlayHead(prebuffer_ms=60)))
    await room.pass_time(1_000)
    for _ in range(20):  # all of it at once, as fast servers do
        room.sink.play("a", reply(40))
    room.sink.end("a")
    room.sink.play("b", reply(200, value=9))
    room.sink.end("b")
    await room.pass_time(3_000)
    _, right = room.save(tmp_path)
    assert sounds_ms(right) == [(1_000, 2_000)]
    assert (np.count_nonzero(right == 7), np.count_nonzero(right == 9)) == (800 * 24, 200 * 24)


async def test_an_interrupted_reply_ends_where_it_was_cut(tmp_path: Path) -> None:
    room = Room(StereoRecorder())
    room.sink.play("a", reply(5_000))
    await room.pass_time(1_200)
    told: list[int] = []
    room.sink.flush(lambda: told.append(room.device.head.heard_ms("a")))
    await room.pass_time(800)
    room.sink.play("b", reply(400, value=9))
    room.sink.end("b")
    await room.pass_time(800)
    _, right = room.save(tmp_path)
    assert told == [1_200]
    assert sounds_ms(right) == [(0, 1_200), (2_000, 2_400)]
    assert set(right[2_000 * 24 : 2_400 * 24]) == {9}
    assert not room.recorder._replies, "what was never heard is forgotten"


class RemoteSink(QueueSink):
    """Like a browser: what was heard is known later, and when it is asked how much it was."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: Callable[[], None] = lambda: None

    def flush(self, settled: Callable[[], None]) -> None:
        def answer() -> None:
            self.head.pull(30 * BYTES_PER_MS)
            self.head.flush()
            settled()

        self.answer = answer


async def test_what_a_far_device_played_until_it_was_asked_is_recorded(tmp_path: Path) -> None:
    remote = RemoteSink()
    room = Room(StereoRecorder(), remote)
    room.sink.play("a", reply(5_000))
    await room.pass_time(400)
    settled: list[bool] = []
    room.sink.flush(lambda: settled.append(True))
    assert not settled
    remote.answer()
    assert settled
    await room.pass_time(1_000)
    assert sounds_ms(room.save(tmp_path)[1]) == [(0, 430)]


@pytest.mark.parametrize("pulls_ms", [(20,), (43,), (100,), (5, 70, 10, 35), (23, 17, 64)])
async def test_the_pieces_in_which_a_device_takes_sound_leave_no_gaps(tmp_path: Path, pulls_ms: tuple[int]) -> None:
    room = Room(StereoRecorder())
    await room.pass_time(400)
    room.sink.play("a", reply(4_000))
    room.sink.end("a")
    await room.pass_time(6_000, pulls_ms)
    ((begin, end),) = sounds_ms(room.save(tmp_path)[1])
    assert end - begin == 4_000
    assert begin == pytest.approx(400, abs=100)


@pytest.mark.parametrize("is_told_to_end", [False, True])
async def test_a_pause_within_a_reply_is_kept(tmp_path: Path, is_told_to_end: bool) -> None:
    room = Room(StereoRecorder())
    room.sink.play("a", reply(400))
    if is_told_to_end:
        room.sink.end("a")
    await room.pass_time(1_000)
    room.sink.play("a", reply(400))
    await room.pass_time(1_000)
    assert sounds_ms(room.save(tmp_path)[1]) == [(0, 400), (1_000, 1_400)]


async def test_a_reply_before_the_microphone_is_open_is_not_lost(tmp_path: Path) -> None:
    room = Room(StereoRecorder())
    room.sink.play("a", reply(900))
    room.device.head.pull(700 * BYTES_PER_MS)
    await room.pass_time(1_000)
    left, right = room.save(tmp_path)
    assert sounds_ms(right) == [(0, 900)]
    assert not left[: 690 * 24].any()
    assert left[-1] == 25


async def test_a_reply_that_goes_on_on_another_speaker_is_one(tmp_path: Path) -> None:
    room = Room(StereoRecorder())
    room.sink.play("a", reply(1_000))
    await room.pass_time(400)
    before, room.device = room.sink, QueueSink(PlayHead())
    room.sink = room.recorder.assistant(room.device)
    before.flush(lambda: None)
    room.sink.play("a", reply(600))
    await room.pass_time(1_000)
    assert sounds_ms(room.save(tmp_path)[1]) == [(0, 1_000)]


async def test_deltas_may_end_in_the_middle_of_a_sample(tmp_path: Path) -> None:
    room = Room(StereoRecorder())
    whole = np.arange(1, 24 * 200 + 1, dtype="<i2").tobytes()
    for start in range(0, len(whole), 333):
        room.sink.play("a", whole[start : start + 333])
    room.sink.end("a")
    await room.pass_time(400)
    assert room.save(tmp_path)[1][: 24 * 200].tobytes() == whole


async def test_half_an_hour_is_not_kept_in_memory(tmp_path: Path) -> None:
    room = Room(StereoRecorder())
    for number in range(180):
        room.sink.play(f"item_{number}", reply(500) + b"\0")
        room.sink.end(f"item_{number}")
        await room.pass_time(10_000, (20,))
        assert len(room.recorder._left) + len(room.recorder._right) < 40_000
        assert len(room.recorder._replies) <= 1
    left, right = room.save(tmp_path)
    assert len(left) == 1_800 * 24_000
    assert len(sounds_ms(right)) == 180
    await room.pass_time(1_000)
    assert len(room.save(tmp_path)[0]) == 1_801 * 24_000, "it can go on after it was saved"


async def test_somebody_may_talk_on_while_it_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(StereoRecorder())
    await room.pass_time(2_000)
    write = WavWriter.write

    def write_slowly(writer: WavWriter, pcm: bytes) -> None:
        write(writer, pcm)
        room.recorder._take_user(bytes(CHUNK_BYTES))

    with monkeypatch.context() as patched:
        patched.setattr(recording, "_BLOCK_BYTES", 10_000)
        patched.setattr(WavWriter, "write", write_slowly)
        left, _ = room.save(tmp_path)
    assert left.tolist() == np.repeat(np.arange(1, 51), 960).tolist()
    assert room.save(tmp_path)[0][: 50 * 960].tolist() == left.tolist(), "and nothing of it was overwritten"


async def test_a_full_disk_ends_the_recording_and_not_the_talk(tmp_path: Path) -> None:
    room = Room(StereoRecorder())
    await room.pass_time(2_000)

    class Full:
        def __init__(self, file: object) -> None:
            self._file = file

        def write(self, _frames: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def __getattr__(self, name: str) -> object:
            return getattr(self._file, name)

    room.recorder._frames = Full(room.recorder._frames)  # type: ignore[assignment]
    await room.pass_time(2_000)
    with pytest.raises(AudioError, match=r"broke off after \d s: No space left.*talk\.wav"):
        room.save(tmp_path)
    assert soundfile.info(tmp_path / "talk.wav").duration == pytest.approx(2, abs=0.2)


def test_a_recording_that_cannot_be_saved_there_is_saved_elsewhere(tmp_path: Path) -> None:
    recorder = StereoRecorder()
    recorder.assistant(QueueSink()).play("a", reply(100))
    with pytest.raises(AudioError, match="cannot be written"):
        recorder.save(tmp_path / "no folder" / "talk.wav")
    recorder.save(str(tmp_path / "talk.wav"))
    assert soundfile.info(tmp_path / "talk.wav").duration == 0.1


def test_what_is_recorded_still_tells_what_goes_wrong() -> None:
    class TellingSink(QueueSink):
        tell: Callable[[str], None] | None = None

    class TellingSource:
        is_live = True
        tell: Callable[[str], None] | None = None

        async def chunks(self) -> AsyncIterator[bytes]:
            yield b""

    told: list[str] = []
    recorder, sink, source = StereoRecorder(), TellingSink(), TellingSource()
    for recorded, inner in ((recorder.assistant(sink), sink), (recorder.user(source), source)):
        assert isinstance(recorded, Telling)
        recorded.tell = told.append
        assert inner.tell is not None
        assert recorded.tell is inner.tell
        inner.tell("The page blocks sound.")
    assert told == ["The page blocks sound."] * 2
    for silent in (recorder.assistant(SilentSink()), recorder.user(SpeechSource())):
        assert isinstance(silent, Telling)
        silent.tell = told.append
        assert silent.tell is None, "nobody is there to tell anything"


def test_a_recorded_source_is_live_while_its_source_is() -> None:
    class Catching:
        is_live = False

        async def chunks(self) -> AsyncIterator[bytes]:
            yield b""

    source = Catching()
    recorded = StereoRecorder().user(source)
    assert not recorded.is_live
    source.is_live = True
    assert recorded.is_live
