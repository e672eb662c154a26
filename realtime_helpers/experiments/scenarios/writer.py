"""The summariser of the scenarios: the simulator's own, in the mood that a scenario wants."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ...simulator.completions import read_chat

Mood = Literal["well", "slow", "busy", "empty", "suggestible"]
"""How a summariser takes a request.

`slow`: after eight seconds. `busy`: HTTP 429. `empty`: an empty text. `suggestible`: unless it was told not to answer,
it answers the last thing the user said instead of summarising.
"""
USUAL_S, SLOW_S = 1.2, 8.0
_OWN_SUMMARY = re.compile(r"^assistant: (?=(?:Résumé de la|Summary of the) conversation)", re.MULTILINE)


class BusyError(Exception):
    """The summariser has too much to do."""


@dataclass(frozen=True)
class Summary:
    """One summary that was written.

    Attributes:
        material: What the writer was given.
        text: What it wrote.
        is_real: Whether that is a summary at all.
    """

    material: str
    text: str
    is_real: bool


class Writer:
    """Writes summaries for both clients alike.

    Args:
        moods: How it takes the first, the second, … request; after these the last again, or `well` when there is none.
        tell: Gets what happens, in words.
    """

    def __init__(self, moods: Sequence[Mood], tell: Callable[[str], None]) -> None:
        self._moods = moods
        self._tell = tell
        self.asked = 0
        self.written: list[Summary] = []

    async def __call__(self, instructions: str, material: str) -> str:
        """Write a summary.

        Raises:
            BusyError: It is busy.
        """
        mood = self._moods[min(self.asked, len(self._moods) - 1)] if self._moods else "well"
        self.asked += 1
        self._tell(f"is asked for a summary of {len(material.splitlines())} lines")
        await asyncio.sleep(SLOW_S if mood == "slow" else USUAL_S)
        if mood == "busy":
            self._tell("is busy: HTTP 429")
            raise BusyError("HTTP 429: too many requests")
        text, is_real = _write(mood, instructions, material)
        self.written.append(Summary(material, text, is_real))
        self._tell(f"writes “{text}”")
        return text


def _write(mood: Mood, instructions: str, material: str) -> tuple[str, bool]:
    # a good model knows a summary when it sees one, whoever is named as its speaker
    material = _OWN_SUMMARY.sub("", material)
    asked = read_chat(
        {"model": "summaries", "messages": [{"role": "system", "content": instructions},
                                            {"role": "user", "content": material}]}
    )  # fmt: skip
    if mood == "empty":
        return "", False
    if mood == "suggestible" and "do not answer" not in instructions.lower():
        return asked.answer_to_the_user, False
    return asked.summary or "", True
