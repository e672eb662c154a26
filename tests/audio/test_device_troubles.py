"""Devices that are slow, hang, vanish or are used twice, each in its process, on a card without sound."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from realtime_helpers import AudioError, SilentSink, audio_devices
from realtime_helpers.audio.device_process import DeviceProcess
from realtime_helpers.audio.devices import Microphone, Speaker
from realtime_helpers.audio_choice import AudioChoice, choose_audio
from realtime_helpers.runtime import background_loop

FAKE = '''
"""A sounddevice without sound: devices with a clock."""
import threading, time, os

class PortAudioError(Exception):
    pass

class _Default:
    device = (0, 0)

default = _Default()
START_S = float(os.environ.get("FAKE_START_S", "0"))
FIRST_S = float(os.environ.get("FAKE_FIRST_S", "0"))

def query_hostapis():
    return [{"name": "Fake"}]

def query_devices():
    return [{"name": "card", "hostapi": 0, "max_input_channels": 1, "max_output_channels": 1,
             "default_samplerate": 24000.0}]

class _Status:
    input_overflow = output_underflow = False

class _Stream:
    latency = 0.0
    def __init__(self, *, samplerate, blocksize, callback, **_):
        self.frames, self.rate, self.callback = blocksize or 240, samplerate, callback
    def start(self):
        time.sleep(START_S)
        threading.Thread(target=self.run, daemon=True).start()
    def run(self):
        time.sleep(FIRST_S)
        while True:
            time.sleep(self.frames / self.rate)
            self.callback(bytearray(2 * self.frames), self.frames, None, _Status())

RawInputStream = RawOutputStream = _Stream
'''


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "fake"
    folder.mkdir()
    (folder / "sounddevice.py").write_text(FAKE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


async def until(true: Callable[[], bool], limit_s: float = 20) -> None:
    async with asyncio.timeout(limit_s):
        while not true():  # noqa: ASYNC110 - another process, with no event to await
            await asyncio.sleep(0.01)


async def test_a_speaker_used_again_after_a_stop_counts_only_what_is_new(card: Path) -> None:
    """What was not played is forgotten: else the next reply is booked on the old item."""
    speaker = Speaker(prebuffer_ms=0)
    speaker.open()
    await speaker.opened()
    speaker.play("old", bytes(48 * 20_000))
    await until(lambda: speaker.head.heard_ms("old") > 100)
    speaker.close()  # Replies.stop() does exactly this
    old_ms = speaker.head.heard_ms("old")
    queued = speaker.head.queued_items
    speaker.open()
    await speaker.opened()
    speaker.play("new", bytes(48 * 300))
    speaker.end("new")
    try:
        await until(lambda: speaker.head.heard_ms("old") + speaker.head.heard_ms("new") >= old_ms + 300)
        assert (queued, speaker.head.heard_ms("old"), speaker.head.heard_ms("new")) == ((), old_ms, 300)
    finally:
        speaker.close()


async def test_a_silent_sink_used_again_after_a_stop_has_forgotten_the_old_reply() -> None:
    """Else the next session first waits for the rest."""
    sink = SilentSink(realtime=True)
    sink.open()
    sink.play("old", bytes(48 * 20_000))
    sink.close()
    assert sink.head.queued_items == ()


async def test_opening_a_speaker_twice_leaks_no_process(card: Path) -> None:
    """Two sessions with one speaker: the second is refused, and the first keeps its process."""
    speaker = Speaker()
    speaker.open()
    await speaker.opened()
    assert speaker._process is not None
    first = speaker._process._process
    with pytest.raises(AudioError, match="Another session uses this speaker"):
        speaker.open()
    assert first.poll() is None
    speaker.close()
    try:
        assert first.poll() is not None
    finally:
        first.kill()
        first.wait()
        await asyncio.sleep(0.2)


async def test_close_returns_though_the_devices_process_left_a_child(card: Path) -> None:
    """A child of the worker may hold its pipe: the loop does not wait for it."""
    opened = asyncio.get_running_loop().create_future()
    process = DeviceProcess(
        {"do": "speaker"}, lambda header, _: opened.set_result(header["child"]), lambda _: None,
        "tests.audio.stubborn_worker",
    )  # fmt: skip
    child = await asyncio.wait_for(opened, 10)
    closing = threading.Thread(target=process.close, daemon=True)
    closing.start()
    closing.join(3)
    is_hanging = closing.is_alive()
    os.kill(child, signal.SIGKILL)
    closing.join(5)
    assert not is_hanging


async def test_a_process_that_hangs_while_it_opens_ends_with_its_parent(tmp_path: Path) -> None:
    """Its parent is killed, as the restart button does, while a driver hangs."""
    (tmp_path / "sounddevice.py").write_text("import time; time.sleep(60)", encoding="utf-8")
    code = (
        "import asyncio, os\nfrom realtime_helpers.audio.devices import Speaker\n"
        "async def main():\n s = Speaker(); s.open(); print(s._process._process.pid, flush=True)\n"
        " await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(tmp_path)}, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        await asyncio.sleep(2)  # it has begun to import
        parent.kill()
    try:
        await until(lambda: not is_running(worker))
    finally:
        if is_running(worker):
            os.kill(worker, signal.SIGKILL)


def test_a_file_beside_the_notebook_is_not_run_by_the_devices_process(
    card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m` puts the current folder first, and a learner may have a queue.py there."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "queue.py").write_text("waiting = []\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    assert [device.name for device in audio_devices()] == ["card"]


@pytest.mark.parametrize("start_s", [0.0, 1.8])
async def test_a_speaker_that_is_slow_to_begin_is_not_gone(
    card: Path, monkeypatch: pytest.MonkeyPatch, start_s: float
) -> None:
    """A wireless speaker takes two seconds to begin."""
    monkeypatch.setenv("FAKE_START_S", str(start_s))
    monkeypatch.setenv("FAKE_FIRST_S", str(1.8 - start_s + 0.4))
    speaker = Speaker()
    speaker.open()
    lost: list[object] = []
    speaker.watch(lost.append)
    await speaker.opened()
    try:
        await asyncio.sleep(3)
        assert lost == []
    finally:
        speaker.close()


async def test_a_microphone_that_is_slow_to_begin_is_not_gone(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First blocks were measured to come after 1.9 s."""
    monkeypatch.setenv("FAKE_FIRST_S", "1.9")
    chunks = Microphone().chunks()
    try:
        assert await anext(chunks)
    finally:
        await chunks.aclose()


def test_an_error_of_portaudio_while_it_lists_is_told_with_its_reason(card: Path) -> None:
    """Windows without its audio service, for one."""
    with (card / "sounddevice.py").open("a", encoding="utf-8") as file:
        file.write('\ndef query_hostapis():\n    raise PortAudioError("Unanticipated host error", -9999)\n')
    with pytest.raises(AudioError, match="host error"):
        audio_devices()


async def test_a_device_of_the_list_can_be_given_as_it_is(card: Path) -> None:
    """speaker(audio_devices()[0]) is what everybody tries."""
    device = (await asyncio.to_thread(audio_devices))[0]
    chunks = Microphone(device).chunks()
    assert await anext(chunks)
    await chunks.aclose()
    with pytest.raises(AudioError, match=r"3\.5 names no speaker"):
        Speaker(3.5)  # type: ignore[arg-type]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="usleep")
async def test_a_call_that_holds_the_interpreter_is_not_taken_for_a_driver_that_hangs(
    card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell sorts for as long as a device may take to open: the answer lies in the pipe."""
    monkeypatch.setattr("realtime_helpers.audio.device_process.OPEN_S", 2.0)
    speaker = Speaker()
    speaker.open()
    ctypes.PyDLL(None).usleep(2_500_000)  # keeps the lock
    try:
        await speaker.opened()
    finally:
        speaker.close()


def test_choosing_audio_on_the_sessions_own_loop_does_not_hang() -> None:
    """A tool would wait for the loop that it runs on."""

    async def tool() -> AudioChoice:
        return choose_audio()

    with pytest.raises(AudioError, match=r"choose_audio\(\) cannot be called on the loop"):
        background_loop().submit(tool()).result(20)
