"""Scripts: what happens in a scenario, step by step, whichever client it happens to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ...protocol import create_item, delete_item
from ...speech import Voice
from ..lab import LabUser
from .clients import Client
from .stage import Stage

PATIENCE_S = 120.0
"""How long the user waits for an answer, in virtual seconds."""
_BREATH_S = 0.5


@dataclass(frozen=True)
class Say:
    """The user says something, and hears the answer to its end unless `waits` is false."""

    words: str
    waits: bool = True


@dataclass(frozen=True)
class Type:
    """The user types something, and hears the answer to its end."""

    words: str


@dataclass(frozen=True)
class Pause:
    """Time passes."""

    seconds: float


@dataclass(frozen=True)
class Until:
    """Wait for the next events of a kind, at the client's end of the line."""

    event: str
    count: int = 1


@dataclass(frozen=True)
class UntilAsked:
    """The user says one thing after the other until the summariser is asked for the first time."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Insert:
    """Another part of the application puts an item into the conversation.

    Attributes:
        role: Who it is from.
        text: Its words.
        item_id: Its id.
        after: The item it comes after; `root` for the front.
        keeps: Words in it that the user said once, and that count as said.
    """

    role: Literal["user", "system"]
    text: str
    item_id: str
    after: str | None = None
    keeps: str = ""


@dataclass(frozen=True)
class TakeBack:
    """Another part of the application deletes the newest item of the user, at the user's wish."""


@dataclass(frozen=True)
class Cut:
    """The line is cut."""

    code: int = 1006


Step = Say | Type | Pause | Until | UntilAsked | Insert | TakeBack | Cut


@dataclass
class Talk:
    """Carries a script out, and keeps a record of what the user said."""

    stage: Stage
    client: Client
    user: LabUser
    voice: Voice
    said: list[str] = field(default_factory=list)

    async def play(self, steps: Sequence[Step]) -> None:
        """Carry the steps out.

        Raises:
            TimeoutError: Something did not come in time.
        """
        await self.stage.until(lambda: _count(self.stage.received, "session.updated") > 0, PATIENCE_S)
        for step in steps:
            await self._do(step)

    async def _do(self, step: Step) -> None:
        stage = self.stage
        match step:
            case Say(words, waits):
                await self._say(words, None if waits else _at_once)
            case Type(words):
                self._note(words, "types")
                begun = len(stage.received)
                await self.client.type(words)
                await self._hear_answer(begun)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Until(kind, count):
                begun = len(stage.received)
                await stage.until(lambda: _count(stage.received[begun:], kind) >= count, PATIENCE_S)
            case UntilAsked(lines):
                for words in lines:
                    if not stage.writer.asked:
                        await self._say(words, lambda: stage.writer.asked > 0)
                if not stage.writer.asked:
                    raise TimeoutError("no summary was asked for")
            case Insert(role, text, item_id, after, keeps):
                self._note(keeps or text, "said before:" if keeps else "leaves a note:")
                part = {"type": "input_text", "text": text}
                item = {"id": item_id, "type": "message", "role": role, "content": [part]}
                await stage.inject(create_item(item, after=after))
                await asyncio.sleep(_BREATH_S)
            case TakeBack():
                newest = next(item for item in reversed(stage.items) if item.role == "user")
                stage.tell("user", f"takes back “{self.said.pop()}”")
                await stage.inject(delete_item(newest.id))
                await asyncio.sleep(_BREATH_S)
            case Cut(code):
                stage.service.line.cut(code)

    def _note(self, words: str, how: str) -> None:
        self.said.append(words)
        self.stage.tell("user", f"{how} “{words}”")

    async def _say(self, words: str, enough: Callable[[], bool] | None) -> None:
        self._note(words, "says")
        begun = len(self.stage.received)
        self.user.play(self.voice.speak(words).pcm)
        await self._hear_answer(begun, enough)

    async def _hear_answer(self, begun: int, enough: Callable[[], bool] | None = None) -> None:
        """Wait until the answer was heard, or until it is `enough`."""
        stage = self.stage
        is_enough = enough or (lambda: False)
        try:
            await stage.until(lambda: is_enough() or any(map(_is_answer, stage.received[begun:])), PATIENCE_S)
        except TimeoutError:
            raise TimeoutError(f"no answer to “{self.said[-1]}” within {PATIENCE_S:.0f} s") from None
        if is_enough():
            return
        left_s = stage.silent_at_s - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, left_s) + _BREATH_S)


def _at_once() -> bool:
    return True


def _count(events: Sequence[dict[str, Any]], kind: str) -> int:
    return sum(event["type"] == kind for event in events)


def _is_answer(event: dict[str, Any]) -> bool:
    if event["type"] != "response.done" or event["response"]["status"] != "completed":
        return False
    response = event["response"]
    return response.get("conversation_id") is not None and any(i["type"] == "message" for i in response["output"])
