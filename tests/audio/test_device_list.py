"""The choice of a device, and what is said about one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime_helpers import AudioError, MissingPartError, audio_devices
from realtime_helpers.audio.device_list import DeviceList, SoundDevice, choose_device
from realtime_helpers.audio.devices import Microphone, Speaker, silence_step
from realtime_helpers.audio.portaudio import in_words
from realtime_helpers.audio.simpleaudio_speaker import why_not

LAPTOP = DeviceList(
    [
        SoundDevice(0, "Built-in Microphone", "MME", 2, 0, 44_100),
        SoundDevice(1, "Headset", "MME", 1, 2, 44_100),
        SoundDevice(2, "Built-in Microphone", "WASAPI", 2, 0, 48_000, is_default_microphone=True),
        SoundDevice(3, "Headset", "WASAPI", 1, 2, 48_000),
        SoundDevice(4, "Headset Pro", "WASAPI", 1, 2, 48_000),
        SoundDevice(5, "Speakers (Realtek)", "WASAPI", 0, 2, 48_000, is_default_speaker=True),
    ]
)


@pytest.mark.parametrize(
    ("wanted", "number"),
    [(None, 5), (1, 1), ("Headset, MME", 1), ("Headset", 3), ("Headset Pro", 4), ("realtek", 5), ("headset pro", 4)],
)
def test_a_speaker_is_chosen_by_number_name_or_part_of_a_name(wanted: int | str | None, number: int) -> None:
    assert choose_device(LAPTOP, wanted, "speaker").number == number


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("head", r"'head' can mean more than one speaker. To choose from: 3 = 'Headset, WASAPI'; 4 = .*speaker\('Head"),
        ("Sofa", r"There is no speaker 'Sofa'. To choose from: 1 = .*5 = 'Speakers"),
        (2, r"There is no speaker 2\."),  # a microphone
        (99, r"There is no speaker 99\."),
    ],
)
def test_a_name_that_is_not_clear_is_answered_with_a_list(wanted: int | str, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        choose_device(LAPTOP, wanted, "speaker")


def test_a_machine_without_a_microphone_says_how_to_go_on() -> None:
    with pytest.raises(AudioError, match=r"There is no microphone on this machine.*SpeechSource"):
        choose_device(LAPTOP[5:], None, "microphone")
    with pytest.raises(AudioError, match="No microphone is the default here"):
        choose_device(LAPTOP[:1], None, "microphone")


def test_the_list_is_plain_data_and_reads_well_everywhere() -> None:
    assert LAPTOP[2].rate_hz == 48_000
    assert "Speakers (Realtek)" in repr(LAPTOP)
    html = LAPTOP._repr_html_()
    assert html.count("<tr>") == 7
    assert "<td style='text-align: left'>default</td>" in html
    assert "browser" in repr(DeviceList())


class PortAudioError(Exception):
    """As sounddevice raises it: a message and a code."""

    def __str__(self) -> str:
        return f"{self.args[0]} [PaErrorCode {self.args[1]}]"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PortAudioError("Error opening RawInputStream: Device unavailable", -9985), "in use by another program"),
        (PortAudioError("Unanticipated host error: 'Device or resource busy' [ALSA error -16]", -9999), "in use by"),
        (PortAudioError("Unanticipated host error: 'Permission denied' [ALSA error -13]", -9999), "may not be used"),
        (PortAudioError("Error opening RawInputStream: Internal PortAudio error", -9986), "cannot be opened (Error op"),
        (ValueError("strange"), "cannot be opened (strange"),
    ],
)
def test_an_error_of_portaudio_becomes_a_sentence_with_a_step(error: Exception, message: str) -> None:
    said = in_words("microphone", "Desk", error)
    assert message in said.what
    assert "'Desk'" in said.what
    assert said.next_step


@pytest.mark.parametrize(("platform", "step"), [("darwin", "Privacy"), ("win32", "Privacy"), ("linux", "usermod")])
def test_a_microphone_that_is_not_allowed_is_told_where_to_be_allowed(platform: str, step: str) -> None:
    error = PortAudioError("Unanticipated host error: 'Permission denied'", -9999)
    assert step in in_words("microphone", "Desk", error, platform).next_step
    assert "muted" in silence_step(platform)


def test_simpleaudio_is_refused_where_it_crashes() -> None:
    for version in ((3, 12), (3, 13)):
        error = why_not(version)
        assert error is not None
        assert f"crashes Python 3.{version[1]}" in error.what


def broken_sounddevice(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """A machine whose sounddevice is like this, for new processes."""
    (folder / "sounddevice.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))


async def test_without_portaudio_every_door_names_the_repair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_sounddevice(tmp_path, monkeypatch, "raise OSError('PortAudio library not found')")
    with pytest.raises(MissingPartError, match=r"PortAudio.*apt-get install libportaudio2"):
        audio_devices()
    speaker = Speaker()
    speaker.open()
    with pytest.raises(MissingPartError, match="PortAudio"):
        await speaker.opened()
    with pytest.raises(MissingPartError, match="PortAudio"):
        speaker.play("item", b"\0\0")
    with pytest.raises(MissingPartError, match="PortAudio"):
        await anext(Microphone().chunks())


async def test_a_device_that_kills_its_process_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_sounddevice(tmp_path, monkeypatch, "import os; os.abort()")
    with pytest.raises(AudioError, match=r"ended unexpectedly.*doctor"):
        await anext(Microphone().chunks())
    with pytest.raises(AudioError, match=r"ended unexpectedly.*doctor"):
        audio_devices()


async def test_a_device_that_never_opens_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_sounddevice(tmp_path, monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr("realtime_helpers.audio.device_process.OPEN_S", 0.5)
    speaker = Speaker()
    speaker.open()
    with pytest.raises(AudioError, match=r"did not answer within 0\.5 seconds"):
        await speaker.opened()
    speaker.close()


async def test_a_speaker_that_is_closed_while_it_opens_keeps_nobody_waiting() -> None:
    speaker = Speaker()
    speaker.open()
    speaker.close()
    await speaker.opened()
    speaker.close()
    with pytest.raises(AudioError, match="not open"):
        speaker.play("item", b"\0\0")
