"""Whisper and Piper as they are installed, up to models that were not downloaded and with models made by hand."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from realtime_helpers.audio.formats import samples_from_pcm, silence
from realtime_helpers.errors import AudioError, MissingPartError
from realtime_helpers.simulator import Config, Parts, Simulator
from realtime_helpers.simulator.engines import choose_ears, choose_voice
from realtime_helpers.simulator.engines.faster_whisper import FasterWhisperEars
from realtime_helpers.simulator.engines.piper import PiperVoice

from ..wire.stream import connect
from .hand_made_models import HUM_HZ, write_piper, write_whisper

WORD = "handmadewhisper"
TEXT = "Hello there."


def pitch_hz(pcm: bytes) -> float:
    samples = samples_from_pcm(pcm)
    return float(np.argmax(np.abs(np.fft.rfft(samples)))) * 24_000 / len(samples)


# -- Whisper ------------------------------------------------------------------------------------------


async def test_a_model_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    ears = choose_ears("faster-whisper:small.en")
    with pytest.raises(MissingPartError) as failure:
        await ears.hear(silence(500), None, None)
    ears.close()
    assert "faster-whisper cannot load the model 'small.en': LocalEntryNotFoundError" in str(failure.value)
    assert "print(download_model('small.en'))" in str(failure.value)


def test_a_model_that_does_not_exist_and_a_folder_that_holds_none(tmp_path: Path) -> None:
    for word, reason in (("huge", "Invalid model size 'huge', expected one of: tiny"), (str(tmp_path), "model.bin")):
        ears = FasterWhisperEars(word)
        with pytest.raises(MissingPartError) as failure:
            ears.load()
        ears.close()
        assert reason in str(failure.value)
        assert "print(download_model('base.en'))" in str(failure.value), "a name that exists"


async def test_whisper_decodes_and_the_hint_reaches_it(tmp_path: Path) -> None:
    ears = choose_ears(f"faster-whisper:{write_whisper(tmp_path, says=WORD)}")
    ears.load()
    assert await ears.hear(silence(500), None, None) == WORD
    assert await ears.hear(silence(500), "en-US", None) == WORD
    assert await ears.hear(silence(500), None, "ab") == WORD[len("<ab") + 1 :], "its tokens take the first places"
    ears.close()
    assert await ears.hear(silence(500), None, None) == WORD, "a new process loads the model again"
    ears.close()


# -- Piper --------------------------------------------------------------------------------------------


async def test_piper_speaks_at_24_khz_and_at_the_speed_asked_for(tmp_path: Path) -> None:
    voice = choose_voice(f"piper:{write_piper(tmp_path)}")
    normal, fast = [await voice.speak(TEXT, "marin", speed) for speed in (1.0, 1.5)]
    other = await voice.speak(TEXT, "cedar", 1.0)
    voice.close()
    assert normal.duration_ms == pytest.approx(1.5 * fast.duration_ms, rel=0.01)
    assert pitch_hz(normal.pcm) == pytest.approx(HUM_HZ, abs=5), "resampled, not relabelled"
    assert other == normal, "one model is one voice"
    assert [normal.text[word.offset :][: word.length] for word in normal.words] == TEXT.split()


async def test_a_model_file_that_is_none(tmp_path: Path) -> None:
    path = write_piper(tmp_path)
    path.write_bytes(b"not a model")
    voice = PiperVoice(path)
    with pytest.raises(AudioError, match=r"Piper cannot speak with '.*hum.onnx': .*--force-redownload"):
        await voice.speak(TEXT, "marin", 1.0)
    assert (await voice.speak(" ", "marin", 1.0)).pcm == b""
    voice.close()


def test_a_model_without_its_configuration(tmp_path: Path) -> None:
    path = write_piper(tmp_path)
    Path(f"{path}.json").unlink()
    with pytest.raises(MissingPartError, match=r"hum.onnx.json' is not there.*download_voices en_US-lessac-medium"):
        PiperVoice(path)


# -- both ---------------------------------------------------------------------------------------------


def test_packages_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingPartError, match=r"pip install -e '\.\[whisper\]'"):
        choose_ears("faster-whisper")
    with pytest.raises(MissingPartError, match=r"pip install -e '\.\[piper\]'.*python -m piper.download_voices"):
        choose_voice("piper:voice.onnx")


async def test_a_spoken_turn_with_both(tmp_path: Path, parts: Parts) -> None:
    local = Parts(
        voice=choose_voice(f"piper:{write_piper(tmp_path)}"),
        ears=choose_ears(f"faster-whisper:{write_whisper(tmp_path, says=WORD)}"),
    )
    async with Simulator(Config(parts=local)) as simulator, connect(simulator) as client:
        transcription = {"transcription": {"model": "gpt-transcribe"}}
        await client.send("session.update", session={"type": "realtime", "audio": {"input": transcription}})
        await client.until("session.updated")
        await client.speak(parts.voice.engine.speak("How are you today?").pcm)
        await client.until("response.done")
        heard = next(e for e in client.events if e["type"].endswith("transcription.completed"))
        assert heard["transcript"] == WORD
        deltas = [e["delta"] for e in client.events if e["type"] == "response.output_audio.delta"]
        assert pitch_hz(b"".join(map(base64.b64decode, deltas))) == pytest.approx(HUM_HZ, abs=5)
