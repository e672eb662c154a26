"""Ears for a room: several recognisers at once, and what all learners play alike is heard once."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from .parts import Ears

_REMEMBERED = 256


class SharedEars:
    """Gives each utterance to a recogniser that is free; who comes first is heard first.

    The learners of a class run the same cells, whose speech is the same to the last sample: the words of the latest
    256 utterances are kept, under a digest of their sound.

    Args:
        ears: As many as may work at the same time.
    """

    def __init__(self, ears: Sequence[Ears]) -> None:
        self._ears = ears
        self._free: asyncio.Queue[Ears] = asyncio.Queue()
        for one in ears:
            self._free.put_nowait(one)
        self._heard: OrderedDict[bytes, asyncio.Task[str]] = OrderedDict()

    def load(self) -> None:
        """See `Ears.load`."""
        for one in self._ears:
            one.load()

    async def hear(self, pcm: bytes, language: str | None = None, prompt: str | None = None) -> str:
        """See `Ears.hear`."""
        key = hashlib.blake2b(repr((language, prompt)).encode() + pcm).digest()
        task = self._heard.get(key)
        if task is None or task.cancelled() or (task.done() and task.exception() is not None):
            task = self._heard[key] = asyncio.create_task(self._hear(pcm, language, prompt))
            while len(self._heard) > _REMEMBERED:
                self._heard.popitem(last=False)
        self._heard.move_to_end(key)
        return await asyncio.shield(task)  # one learner who leaves must not take the words from another

    async def _hear(self, pcm: bytes, language: str | None, prompt: str | None) -> str:
        one = await self._free.get()
        try:
            return await one.hear(pcm, language, prompt)
        finally:
            self._free.put_nowait(one)

    def close(self) -> None:
        """See `Ears.close`."""
        for one in self._ears:
            one.close()
