"""A mind, a voice and ears behind any OpenAI-compatible URL: Ollama, llama.cpp, vLLM, or another simulator."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson
from openai.types.chat import ChatCompletionChunk

from ...errors import WorkshopError
from ...speech import Speech
from ..prompt import Prompt, ToolCall
from ..sound_files import wav_from_pcm
from .endpoint import Endpoint
from .messages import messages_of, options_of
from .word_marks import with_estimated_word_marks

RESPONDER_KEY_VARIABLE = "REALTIME_RESPONDER_KEY"
VOICE_KEY_VARIABLE = "REALTIME_VOICE_KEY"
EARS_KEY_VARIABLE = "REALTIME_EARS_KEY"

_OTHER_SOUND_FILES = (b"RIFF", b"ID3", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf3")


class ChatResponder:
    """A language model behind `/chat/completions`, streamed.

    Args:
        base_url: Such as `http://localhost:11434/v1`.
        model: Name of the model there.
        environ: Where the key is read, from `REALTIME_RESPONDER_KEY`; local servers need none.
    """

    def __init__(self, base_url: str, model: str, environ: Mapping[str, str] = os.environ) -> None:
        self.endpoint = Endpoint.from_environment(
            base_url, model, option="responder", key_variable=RESPONDER_KEY_VARIABLE, environ=environ
        )

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        """Text as it comes, then calls. Closing the generator closes the HTTP stream, and the model stops.

        Raises:
            WorkshopError: The server cannot be reached, refuses, or calls a function with broken arguments.
        """
        messages: Any = messages_of(prompt)
        async with self.endpoint.client() as client:
            stream = await client.chat.completions.create(
                model=self.endpoint.model, messages=messages, stream=True, **options_of(prompt)
            )
            async with stream, aclosing(_pieces(stream)) as pieces:
                async for piece in pieces:
                    yield piece if isinstance(piece, str) else self._call(piece)

    def _call(self, call: _Call) -> ToolCall:
        try:
            arguments = orjson.loads(call.arguments or "{}")
        except orjson.JSONDecodeError:
            arguments = None
        if not isinstance(arguments, dict):
            raise WorkshopError(
                f"The model {self.endpoint.model!r} called {call.name!r} with arguments that are no JSON object: "
                f"{call.arguments[:100]}",
                "Ask again, or choose a model that is better at calling functions.",
            )
        return ToolCall(call.name, arguments)


@dataclass
class _Call:
    """A call that is still arriving."""

    id: str | None
    name: str = ""
    arguments: str = ""


async def _pieces(chunks: AsyncIterable[ChatCompletionChunk]) -> AsyncGenerator[str | _Call, None]:
    calls: list[_Call] = []
    at_index: dict[int, _Call] = {}
    async for chunk in chunks:
        for choice in chunk.choices[:1]:
            if choice.delta.content:
                yield choice.delta.content
            for part in choice.delta.tool_calls or ():
                call = at_index.get(part.index)
                if call is None or (part.id and part.id != call.id):  # some servers give every call the index 0
                    call = at_index[part.index] = _Call(part.id)
                    calls.append(call)
                if part.function:
                    call.name += part.function.name or ""
                    call.arguments += part.function.arguments or ""
    for call in calls:
        yield call


class SpeechEndpointVoice:
    """A voice behind `/audio/speech`, asked for PCM at 24 kHz. The protocol's voice names are passed on as they are.

    Args:
        base_url: Such as `http://localhost:8880/v1`.
        model: Name of the model there.
        environ: Where the key is read, from `REALTIME_VOICE_KEY`.
    """

    def __init__(self, base_url: str, model: str, environ: Mapping[str, str] = os.environ) -> None:
        self.endpoint = Endpoint.from_environment(
            base_url, model, option="voice", key_variable=VOICE_KEY_VARIABLE, environ=environ
        )

    async def speak(self, text: str, voice: str, speed: float) -> Speech:
        """Speak. The word times are an estimate.

        Raises:
            WorkshopError: The server cannot be reached, refuses, or sends no raw audio.
        """
        if not text.strip():
            return Speech(text, b"", ())
        async with self.endpoint.client() as client:
            answer = await client.audio.speech.create(
                model=self.endpoint.model, input=text, voice=voice, response_format="pcm", speed=speed
            )
            pcm = await answer.aread()
        if len(pcm) < 2 or pcm.startswith(_OTHER_SOUND_FILES):
            what = "no audio" if len(pcm) < 2 else "a sound file where raw PCM was asked for"
            raise WorkshopError(
                f"The voice at {self.endpoint.base_url} sent {what} for {text[:60]!r}.",
                "Name a server that speaks `response_format: pcm`, or use: --voice builtin",
            )
        return with_estimated_word_marks(text, pcm[: len(pcm) // 2 * 2])

    def close(self) -> None:
        """Nothing is held between requests."""


class TranscriptionEndpointEars:
    """Ears behind `/audio/transcriptions`, which get a WAV file and the session's hints.

    Args:
        base_url: Such as `http://localhost:8000/v1`.
        model: Name of the model there.
        environ: Where the key is read, from `REALTIME_EARS_KEY`.
    """

    def __init__(self, base_url: str, model: str, environ: Mapping[str, str] = os.environ) -> None:
        self.endpoint = Endpoint.from_environment(
            base_url, model, option="ears", key_variable=EARS_KEY_VARIABLE, environ=environ
        )

    def load(self) -> None:
        """Nothing is loaded here."""

    async def hear(self, pcm: bytes, language: str | None = None, prompt: str | None = None) -> str:
        """Words in the audio.

        Raises:
            WorkshopError: The server cannot be reached or refuses.
        """
        if not pcm:
            return ""
        hints: dict[str, Any] = {"language": language, "prompt": prompt}
        async with self.endpoint.client() as client:
            heard = await client.audio.transcriptions.create(
                model=self.endpoint.model,
                file=("speech.wav", wav_from_pcm(pcm), "audio/wav"),
                **{name: hint for name, hint in hints.items() if hint},
            )
        return str(heard.text).strip()

    def close(self) -> None:
        """Nothing is held between requests."""
