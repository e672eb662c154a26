"""The parts a connection is built with: ears, a voice and a mind. One set serves every connection."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ..speech import Speech, Transcriber, Voice
from .phrases import PHRASES
from .responder import BuiltinResponder, Responder

_VOICES = {
    "alloy": "en-us+f2", "ash": "en-us+m1", "ballad": "en-us+m2", "coral": "en-us+f1", "echo": "en-us+m4",
    "sage": "en-us+f5", "shimmer": "en-us+f4", "verse": "en-us+m6", "marin": "en-us+f3", "cedar": "en-us+m3",
}  # fmt: skip
_REPLY_WORDS_PER_MINUTE = 175


@dataclass
class Parts:
    """What a connection needs besides the protocol.

    Attributes:
        responder: Decides what to say.
        voice: Speaks it.
        transcriber: Hears the user.
    """

    responder: Responder = field(default_factory=BuiltinResponder)
    voice: Voice = field(default_factory=Voice)
    transcriber: Transcriber = field(default_factory=lambda: Transcriber(PHRASES))

    async def speak(self, text: str, voice: str, speed: float) -> Speech:
        """Speak a reply in one of the protocol's voices."""
        name = _VOICES.get(voice, _VOICES["marin"])
        return await asyncio.to_thread(self.voice.speak, text, name, round(_REPLY_WORDS_PER_MINUTE * speed))

    async def hear(self, pcm: bytes) -> str:
        """Words in user audio."""
        return (await asyncio.to_thread(self.transcriber.transcribe, pcm)).text

    def close(self) -> None:
        """End the speech engines."""
        self.voice.close()
        self.transcriber.close()
