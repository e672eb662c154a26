"""Small talk of any length: a user who says one thing after the other, and never anything the ears do not know."""

from __future__ import annotations

import asyncio

from ..session import Snapshot
from ..session.live import LiveSession
from .lab import LabParts, LabUser

SPOKEN = (
    "How are you today?", "Tell me a quick story.", "What can you do?", "Tell me a joke.", "Thank you very much.",
)  # fmt: skip
"""What is said aloud. Each is spoken and recognised once in a run, so that speech engines are not what is measured."""
TYPED = (
    "Thank you for answer {n}.", "How are you after turn {n}?", "What can you do about number {n}?",
    "Good bye to turn {n}, and hello to the next.",
)  # fmt: skip
"""What is typed. The number makes every turn a new one to the summariser; the answers are few, and spoken."""
_PATIENCE_S = 600.0
_BREATH_S = 10.0
"""Of the loop's clock: what a session waits for shall end as it does between people who listen to each other."""
_CYCLE = "TATAT"
"""Typed or aloud, turn by turn: two of five turns are spoken."""


class Talker:
    """Says a turn, and waits until its answer was heard and the summary it set off is in: a user who takes a breath.

    Attributes:
        turns: Turns so far.
        spoken: How many of them were said aloud.
    """

    def __init__(self, session: LiveSession, user: LabUser, parts: LabParts) -> None:
        self.turns = 0
        self.spoken = 0
        self._session = session
        self._user = user
        self._parts = parts

    async def chat(self) -> Snapshot:
        """The next turn of small talk."""
        number = self.turns
        if _CYCLE[number % len(_CYCLE)] == "A":
            return await self.say(SPOKEN[self.spoken % len(SPOKEN)], aloud=True)
        return await self.say(TYPED[number % len(TYPED)].format(n=number + 1))

    async def say(self, text: str, *, aloud: bool = False) -> Snapshot:
        """Say or type something, and wait for the answer.

        Raises:
            TimeoutError: None came in ten minutes of the loop's clock.
        """
        self.turns += 1
        if aloud:
            self.spoken += 1
            self._user.play(await self._parts.voice.clip(text))
        else:
            self._session.say_text(text)
        number = self.turns
        try:
            async with asyncio.timeout(_PATIENCE_S):  # a session that connects again would let us wait for ever
                now = await self._session.wait_for(lambda now: now.has_answered(number) and not now.is_summarising)
        except TimeoutError:
            raise TimeoutError(f"Turn {number} was not answered: {text}") from None
        await asyncio.sleep(_BREATH_S)
        return now
