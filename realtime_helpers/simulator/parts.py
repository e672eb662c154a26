"""The parts a connection is built with: a mind, a voice and ears. One set serves every connection of a process.

Each has an embedded default that needs no network, and can be replaced by anything with the same methods.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from .. import speech
from ..speech import Speech, Transcriber
from .phrases import PHRASES
from .prompt import Prompt, ToolCall
from .responder import BuiltinResponder

Result = TypeVar("Result")


class Responder(Protocol):
    """Decides what to say."""

    def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        """Answer the end of the context, piece by piece: text to be joined as it is, then calls.

        Close the generator to stop the work behind it.
        """
        ...


class Voice(Protocol):
    """Speaks."""

    async def speak(self, text: str, voice: str, speed: float) -> Speech:
        """Speak `text` in one of the protocol's voices; `speed` 1.0 is normal."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class Ears(Protocol):
    """Hear words."""

    def load(self) -> None:
        """Get ready ahead of the first utterance. Blocking."""
        ...

    async def hear(self, pcm: bytes, language: str | None, prompt: str | None) -> str:
        """Words in PCM16, 24 kHz, mono; `language` and `prompt` are the session's hints."""
        ...

    def close(self) -> None:
        """Free what they hold."""
        ...


_VARIANTS = {
    "alloy": "en-us+f2", "ash": "en-us+m1", "ballad": "en-us+m2", "coral": "en-us+f1", "echo": "en-us+m4",
    "sage": "en-us+f5", "shimmer": "en-us+f4", "verse": "en-us+m6", "marin": "en-us+f3", "cedar": "en-us+m3",
}  # fmt: skip
_WORDS_PER_MINUTE = 175


def _own_thread(name: str) -> ThreadPoolExecutor:
    """One thread for one engine: a queue before the ears must not make the voice wait."""
    return ThreadPoolExecutor(1, name)


async def _on(thread: ThreadPoolExecutor, work: Callable[..., Result], *args: object) -> Result:
    """What `work` returns. When the interpreter ends, its threads take none any more: that is no failure to tell."""
    try:
        result = asyncio.get_running_loop().run_in_executor(thread, work, *args)
    except RuntimeError:
        raise asyncio.CancelledError from None
    return await result


class BuiltinVoice:
    """espeak-ng, one variant for each of the protocol's voices.

    Args:
        engine: Shared engine; a new one by default.
    """

    def __init__(self, engine: speech.Voice | None = None) -> None:
        self.engine = engine or speech.Voice()
        self._thread = _own_thread("voice")

    async def speak(self, text: str, voice: str, speed: float) -> Speech:
        """Speak with the variant that stands for `voice`."""
        variant = _VARIANTS.get(voice, _VARIANTS["marin"])
        return await _on(self._thread, self.engine.speak, text, variant, round(_WORDS_PER_MINUTE * speed))

    def close(self) -> None:
        """End the engine's process."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._thread = _own_thread("voice")
        self.engine.close()


class BuiltinEars:
    """pocketsphinx with the phrases of the course. American English only: hints are not used.

    Args:
        engine: Shared recogniser; a new one by default.
    """

    def __init__(self, engine: Transcriber | None = None) -> None:
        self.engine = engine or Transcriber(PHRASES)
        self._thread = _own_thread("ears")

    def load(self) -> None:
        """Start the recogniser.

        Raises:
            MissingPartError: It is not installed.
        """
        self.engine.load()

    async def hear(self, pcm: bytes, language: str | None = None, prompt: str | None = None) -> str:  # noqa: ARG002
        """Words in the audio, lower case, without punctuation."""
        return (await _on(self._thread, self.engine.transcribe, pcm)).text

    def close(self) -> None:
        """End the recogniser's process."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._thread = _own_thread("ears")
        self.engine.close()


@dataclass
class Parts:
    """What a connection needs besides the protocol."""

    responder: Responder = field(default_factory=BuiltinResponder)
    voice: Voice = field(default_factory=BuiltinVoice)
    ears: Ears = field(default_factory=BuiltinEars)

    def close(self) -> None:
        """End the speech engines."""
        self.voice.close()
        self.ears.close()
