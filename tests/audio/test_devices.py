from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from realtime_helpers import MissingPartError, WorkshopError, speaker
from realtime_helpers.audio import devices
from realtime_helpers.audio.formats import pcm_from_samples, samples_from_pcm
from realtime_helpers.speech import Transcriber

from .virtual_sound import missing, virtual_sound

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_spoken_turn_goes_through_microphone_and_speaker(tmp_path: Path) -> None:
    with virtual_sound() as environment:
        room = environment | {"ALSA_CONFIG_PATH": str(tmp_path / "alsa.conf")}
        (tmp_path / "alsa.conf").write_text(
            "</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n"
            'pcm.room { type pulse device "micfeed" hint { show on description "room" } }\n',
            encoding="utf-8",
        )
        raw = tmp_path / "heard.raw"
        with raw.open("wb") as out:
            listener = subprocess.Popen(
                ["parec", "--device=spk.monitor", "--rate=24000", "--channels=1", "--format=s16le"],
                env=environment,
                stdout=out,
            )
            command = [sys.executable, "-m", "tests.audio.talk_aloud", "room"]
            talk = subprocess.run(
                command, env=room, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=100, check=False
            )
            listener.terminate()
            listener.wait(5)
    assert talk.returncode == 0, talk.stderr
    assert "tell stories" in talk.stdout

    sound = samples_from_pcm(raw.read_bytes())
    loud = np.flatnonzero(np.abs(sound) > 0.02)
    spoken = sound[loud[0] : loud[-1]]
    assert len(spoken) / 24_000 > 4, "the reply is about eight seconds long"
    transcriber = Transcriber()
    heard = transcriber.transcribe(pcm_from_samples(spoken)).text
    transcriber.close()
    assert {"stories", "window", "tools", "model", "language"} & set(heard.split()), f"the recording says: {heard}"


def test_without_portaudio_the_repair_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library() -> None:
        raise MissingPartError("The sound library PortAudio is not installed.", "apt-get")

    monkeypatch.setattr(devices, "_sounddevice", no_library)
    assert not devices.has_speaker()
    with pytest.raises(WorkshopError, match="PortAudio"):
        speaker().open()
