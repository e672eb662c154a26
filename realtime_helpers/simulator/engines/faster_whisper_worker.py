"""faster-whisper, one model at a time. Runs as its own process: decoding must not stop the server's loop."""

from __future__ import annotations

from typing import Any

from ...audio.formats import samples_from_pcm
from ...speech.worker import serve

RATE_HZ = 16_000


class Whisper:
    """One loaded model.

    Args:
        model: Name or folder.
    """

    def __init__(self, model: str) -> None:
        from faster_whisper import WhisperModel

        self.name = model
        self._model = WhisperModel(model)

    def hear(self, pcm: bytes, language: str | None, prompt: str | None) -> str:
        """Words in PCM16, 16 kHz, mono."""
        known = (language or "").partition("-")[0].lower()
        segments, _ = self._model.transcribe(
            samples_from_pcm(pcm),
            language=known if known in self._model.supported_languages else None,
            initial_prompt=prompt,
            condition_on_previous_text=False,  # one utterance: there is no text before
        )
        return "".join(segment.text for segment in segments).strip()


def main() -> None:
    """Answer `{model}` once it is loaded with `{}`; with PCM16 at 16 kHz, `language` and `prompt` with `{text}`."""
    whisper: Whisper | None = None

    def answer(request: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        nonlocal whisper
        if whisper is None or whisper.name != request["model"]:
            whisper = Whisper(request["model"])
        if not payload:
            return {"text": ""}, b""
        return {"text": whisper.hear(payload, request["language"], request["prompt"])}, b""

    serve(answer)


if __name__ == "__main__":
    main()
