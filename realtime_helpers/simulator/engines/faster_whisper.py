"""Whisper as ears, on the package `faster-whisper`, in a process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

from ...audio.formats import RATE_HZ, pcm_from_samples, resample, samples_from_pcm
from ...errors import AudioError, MissingPartError
from ...speech.worker import Worker, WorkerError
from .faster_whisper_worker import RATE_HZ as WHISPER_HZ

DEFAULT_MODEL = "base.en"


class FasterWhisperEars:
    """Whisper. One utterance at a time.

    Args:
        model: A model's name, which is downloaded at first use, or a folder with a converted model.

    Raises:
        MissingPartError: The package is not installed.
    """

    def __init__(self, model: str = DEFAULT_MODEL) -> None:
        if importlib.util.find_spec("faster_whisper") is None:
            raise MissingPartError(
                "These ears need the package 'faster-whisper', which is not installed.",
                "In the workshop's folder: pip install -e '.[whisper]'",
            )
        self.model = model
        self._worker = Worker("realtime_helpers.simulator.engines.faster_whisper_worker")

    def load(self) -> None:
        """Load the model, downloading it where necessary; at once if it is loaded. Blocking.

        Raises:
            MissingPartError: It is not here and cannot be downloaded, or is no model.
        """
        try:
            self._worker.request({"model": self.model})
        except WorkerError as error:
            unknown = Path(self.model).exists() or str(error).startswith("ValueError")
            fetch = f"download_model('{DEFAULT_MODEL if unknown else self.model}')"
            raise MissingPartError(
                f"faster-whisper cannot load the model {self.model!r}: {_first_line(str(error))}.",
                "Fetch it once where there is a network: "
                f'python -c "from faster_whisper import download_model; print({fetch})"  '
                "Then name the folder it prints: --ears faster-whisper:FOLDER",
            ) from None

    async def hear(self, pcm: bytes, language: str | None = None, prompt: str | None = None) -> str:
        """Words in the audio, with Whisper's case and punctuation. English-only models do not use `language`.

        Raises:
            MissingPartError: The model cannot be loaded.
            AudioError: The model failed on this utterance.
        """
        return await asyncio.to_thread(self._hear, pcm, language, prompt)

    def _hear(self, pcm: bytes, language: str | None, prompt: str | None) -> str:
        self.load()
        audio = pcm_from_samples(resample(samples_from_pcm(pcm), RATE_HZ, WHISPER_HZ))
        request = {"model": self.model, "language": language, "prompt": prompt}
        try:
            reply, _ = self._worker.request(request, audio)
        except WorkerError as error:
            raise AudioError(
                f"faster-whisper failed on an utterance: {_first_line(str(error))}.",
                "Say it again, or choose another model: --ears faster-whisper:MODEL",
            ) from None
        return str(reply["text"])

    def close(self) -> None:
        """End Whisper's process."""
        self._worker.close()


def _first_line(text: str) -> str:
    """Libraries explain at length; the first line says what happened."""
    return text.strip().splitlines()[0][:300].rstrip(".")
