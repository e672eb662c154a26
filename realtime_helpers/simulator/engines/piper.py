"""Piper as a voice, on the package `piper-tts`, in a process of its own: the engine is GPL, and may crash alone."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

from ...audio.formats import RATE_HZ, pcm_from_samples, resample, samples_from_pcm
from ...errors import AudioError, MissingPartError
from ...speech import Speech
from ...speech.worker import Worker, WorkerError
from .word_marks import with_estimated_word_marks

_DOWNLOAD = "python -m piper.download_voices en_US-lessac-medium"


class PiperVoice:
    """Piper with one model, which is one voice: whatever voice a session names, this one speaks.

    Args:
        model_path: The model's `.onnx` file; its `.onnx.json` lies beside it.

    Raises:
        MissingPartError: The package or a file is not there.
    """

    def __init__(self, model_path: str | Path) -> None:
        if importlib.util.find_spec("piper") is None:
            raise MissingPartError(
                "This voice needs the package 'piper-tts', which is not installed.",
                f"In the workshop's folder: pip install -e '.[piper]'  Then fetch a voice: {_DOWNLOAD}",
            )
        self.model_path = Path(model_path)
        for file in (self.model_path, Path(f"{self.model_path}.json")):
            if not file.is_file():
                raise MissingPartError(
                    f"Piper's model file {str(file)!r} is not there.",
                    f"Fetch a voice: {_DOWNLOAD}  Then name it: --voice piper:en_US-lessac-medium.onnx",
                )
        self._worker = Worker("realtime_helpers.simulator.engines.piper_worker")

    async def speak(self, text: str, voice: str, speed: float) -> Speech:  # noqa: ARG002 - one model is one voice
        """Speak. The word times are an estimate.

        Raises:
            AudioError: The model cannot be loaded, or failed on this text.
        """
        return await asyncio.to_thread(self._speak, text, speed)

    def _speak(self, text: str, speed: float) -> Speech:
        if not text.strip():
            return Speech(text, b"", ())
        try:
            reply, pcm = self._worker.request({"model": str(self.model_path), "text": text, "speed": speed})
        except WorkerError as error:
            raise AudioError(
                f"Piper cannot speak with {str(self.model_path)!r}: {str(error).strip().splitlines()[0][:300]}.",
                f"Fetch the voice anew: {_DOWNLOAD} --force-redownload",
            ) from None
        samples = resample(samples_from_pcm(pcm), reply["rate_hz"], RATE_HZ)
        return with_estimated_word_marks(text, pcm_from_samples(samples))

    def close(self) -> None:
        """End Piper's process."""
        self._worker.close()
