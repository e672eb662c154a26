"""Piper, one model at a time. Runs as its own process."""

from __future__ import annotations

from typing import Any

from ...speech.worker import serve


class Piper:
    """One loaded model.

    Args:
        model: Path of its `.onnx` file.
    """

    def __init__(self, model: str) -> None:
        from piper import PiperVoice

        self.model = model
        self._voice = PiperVoice.load(model)
        self.rate_hz: int = self._voice.config.sample_rate

    def speak(self, text: str, speed: float) -> bytes:
        """PCM16, mono, at `rate_hz`. `speed` 1.0 is the model's own pace."""
        from piper import SynthesisConfig

        pace = SynthesisConfig(length_scale=self._voice.config.length_scale / speed)
        return b"".join(chunk.audio_int16_bytes for chunk in self._voice.synthesize(text, pace))


def main() -> None:
    """Answer `{model, text, speed}` with `{rate_hz}` and PCM16."""
    piper: Piper | None = None

    def answer(request: dict[str, Any], _payload: bytes) -> tuple[dict[str, Any], bytes]:
        nonlocal piper
        if piper is None or piper.model != request["model"]:
            piper = Piper(request["model"])
        return {"rate_hz": piper.rate_hz}, piper.speak(request["text"], request["speed"])

    serve(answer)


if __name__ == "__main__":
    main()
