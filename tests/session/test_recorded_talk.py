"""Talks that come from files and go to files: an open microphone recorded, a question in a WAV. Time is virtual."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from realtime_helpers import FileSink, SilentSink, SpeechSource, StereoRecorder, sound_file
from realtime_helpers.audio.formats import RATE_HZ, samples_from_pcm
from realtime_helpers.experiments.lab import LabParts, MemoryService, lab_config, lab_session

from .lab import run


def loud_s(side: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Where a side begins and ends to be heard, in seconds."""
    where = np.flatnonzero(np.abs(side) > 0.01)
    return float(where[0]) / 24_000, float(where[-1]) / 24_000


def test_the_recording_has_both_sides_where_they_were_heard(lab: LabParts, tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    spoken_s: list[float] = []
    heard_ms: list[int] = []

    async def talk(parts: LabParts) -> None:
        loop = asyncio.get_running_loop()
        story, stop = await parts.voice.clip("Tell me a long story."), await parts.voice.clip("How are you today?")
        recorder, user = StereoRecorder(), SpeechSource(realtime=True)
        session = lab_session(MemoryService(lab_config(parts)))
        session.start(recorder.user(user), recorder.assistant(SilentSink(realtime=True)))
        await session.wait_for(lambda now: now.state.value == "listening")
        began_s = loop.time()
        await asyncio.sleep(1)
        user._queue(story)
        await session.wait_for(lambda now: now.state.value == "speaking")
        spoken_s.append(loop.time() - began_s)
        await asyncio.sleep(1.5)
        user._queue(stop)
        await session.wait_for(lambda now: now.has_answered(2))
        spoken_s.append(loop.time() - began_s)
        heard_ms.extend(item.heard_ms for turn in session.snapshot().turns for item in turn.items if item.heard_ms)
        await asyncio.sleep(0.4)
        await session.stop()
        recorder.save(path)
        assert recorder.duration_s == pytest.approx(loop.time() - began_s, abs=0.1)

    run(talk, lab)
    left, right = soundfile.read(path)[0].T
    question_s, second_s = spoken_s
    assert loud_s(left)[0] == pytest.approx(1.2, abs=0.15), "one second of an open microphone, then a breath"
    (cut_ms,) = heard_ms
    reply = right[: round((question_s + 3) * 24_000)]
    begin_s, end_s = loud_s(reply)
    assert begin_s == pytest.approx(question_s, abs=0.2)
    assert end_s - question_s == pytest.approx(cut_ms / 1000, abs=0.2), "the story ends where it was cut"
    assert loud_s(right)[1] == pytest.approx(second_s, abs=0.6)


@pytest.mark.parametrize("realtime", [False, True])
def test_a_file_asks_and_a_file_hears(lab: LabParts, tmp_path: Path, realtime: bool) -> None:
    async def talk(parts: LabParts) -> None:
        clip = samples_from_pcm(await parts.voice.clip("What can you do?"))
        soundfile.write(tmp_path / "question.flac", np.stack([clip, clip], axis=1), RATE_HZ)
        session = lab_session(MemoryService(lab_config(parts)))
        sink = FileSink(tmp_path / "answer.wav", realtime=realtime)
        session.start(sound_file(tmp_path / "question.flac", realtime=realtime), sink)
        now = await session.wait_for(lambda now: now.has_answered(1))
        await session.stop()
        assert now.turns[0].user_text == "what can you do"
        answer = soundfile.read(tmp_path / "answer.wav")[0]
        length_ms = now.turns[0].items[-1].audio_ms
        heard_s = loud_s(answer)
        assert length_ms - 400 < (heard_s[1] - heard_s[0]) * 1000 <= length_ms
        if not realtime:
            assert len(answer) / 24 == pytest.approx(length_ms, abs=1)

    run(talk, lab)
