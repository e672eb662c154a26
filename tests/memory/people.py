"""Who takes part in the invariant's conversations: everything they say has words that occur nowhere else.

A user's clip carries its words inside its samples, so whoever holds the audio holds the words; replies begin and
end with words of their own. Where a word is found, there is the turn: in audio, in text, in a summary.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import cache
from typing import Literal

from realtime_helpers.audio.formats import BYTES_PER_MS, chunks_of, silence
from realtime_helpers.audio.playback import PlayHead
from realtime_helpers.audio.sinks import QueueSink
from realtime_helpers.memory import SummaryRequest
from realtime_helpers.simulator.prompt import Prompt, ToolCall
from realtime_helpers.simulator.responder import BuiltinResponder
from realtime_helpers.speech import Speech
from realtime_helpers.speech import Voice as Engine

CHUNK_MS = 160  # whole frames of the server's voice detection
_MARK = b"\x13\x7a\xed\x86"
_MARK_EVERY_MS = 20
_WORD = re.compile(r"\b[uat]\d+[xz]\b")  # ends in z where a reply ends: a summary need not hold these

Mood = Literal["good", "empty", "long", "answers", "limited", "killed", "hangs"]


def words_in(text: str) -> frozenset[str]:
    """The words of our making in a text."""
    return frozenset(_WORD.findall(text))


def words_in_sound(pcm: bytes) -> tuple[str, ...]:
    """The words that the samples carry."""
    return tuple(dict.fromkeys(f"u{number}x" for number in _marks(pcm)))


def _marks(pcm: bytes) -> list[int]:
    found, at = [], pcm.find(_MARK)
    while 0 <= at <= len(pcm) - len(_MARK) - 2:
        found.append(int.from_bytes(pcm[at + len(_MARK) : at + len(_MARK) + 2], "little"))
        at = pcm.find(_MARK, at + len(_MARK))
    return found


class QuickVoice:
    """The real voice; each sentence is made once, and making it takes no turn of the loop."""

    def __init__(self) -> None:
        self._engine = Engine()
        self.say = cache(self._engine.speak)

    async def speak(self, text: str, voice: str, speed: float) -> Speech:
        return self.say(text)

    def clip(self, number: int) -> bytes:
        """A user who says word `number`, and a pause: whole chunks."""
        sound = bytearray(self.say("Thank you.").pcm)
        every = _MARK_EVERY_MS * BYTES_PER_MS
        mark = _MARK + number.to_bytes(2, "little")
        for at in range(0, len(sound) - len(mark), every):
            sound[at : at + len(mark)] = mark
        clip = silence(64) + bytes(sound) + silence(300)
        return clip + bytes(-len(clip) % (CHUNK_MS * BYTES_PER_MS))

    def close(self) -> None:
        self._engine.close()


class ReadingEars:
    """Ears that read what the samples carry."""

    def load(self) -> None:
        pass

    async def hear(self, pcm: bytes, language: str | None = None, prompt: str | None = None) -> str:
        return " ".join(f"please remember {word}" for word in words_in_sound(pcm))

    def close(self) -> None:
        pass


class Mind:
    """Calls tools as the built-in mind does; its replies begin and end with a word of their own."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._builtin = BuiltinResponder()
        self.is_long = False

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        builtin = self._builtin.answer(prompt)
        for call in builtin.calls:
            yield call
        if builtin.calls:
            return
        if prompt.is_task:
            yield builtin.text
            return
        number = next(self._numbers)
        middle = "and so on, " * 6 if self.is_long else "and "
        yield f"Yes, a{number}x {middle}a{number}z."


class TalkingUser:
    """A user at a microphone: clips come at the speed of speech, and nothing comes between them."""

    is_live = False

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._news = asyncio.Event()

    @property
    def is_talking(self) -> bool:
        return bool(self._chunks)

    def say(self, clip: bytes) -> None:
        self._chunks.extend(chunks_of(clip, CHUNK_MS * BYTES_PER_MS))
        self._news.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            while not self._chunks:
                self._news.clear()
                await self._news.wait()
            await asyncio.sleep(CHUNK_MS / 1000)
            yield self._chunks.popleft()


class ClockSink(QueueSink):
    """A loudspeaker on the loop's clock.

    Args:
        now_s: The clock.
        cut: Is told of every reply that falls silent before its end, and how many milliseconds were heard.
    """

    def __init__(self, now_s: Callable[[], float], cut: Callable[[str, int], None]) -> None:
        super().__init__()
        self._cut = cut
        self._now_s = now_s
        self._played_to_ms = 0
        self._waiting: deque[tuple[str, int]] = deque()  # an account of its own: bytes of items that wait
        self._heard: Counter[str] = Counter()

    @property
    def head(self) -> PlayHead:
        now_ms = int(self._now_s() * 1000)
        played = len(self._head.pull((now_ms - self._played_to_ms) * BYTES_PER_MS))
        self._played_to_ms = now_ms
        while played:
            item_id, size = self._waiting.popleft()
            self._heard[item_id] += min(size, played)
            if size > played:
                self._waiting.appendleft((item_id, size - played))
            played -= min(size, played)
        return self._head

    def play(self, item_id: str, pcm: bytes) -> None:
        super().play(item_id, pcm)
        self._waiting.append((item_id, len(pcm)))

    def flush(self, settled: Callable[[], None]) -> None:
        self.head.queued_ms  # noqa: B018 - a look lets time pass
        for item_id in dict.fromkeys(item_id for item_id, _ in self._waiting):
            self._cut(item_id, self._heard[item_id] // BYTES_PER_MS)
        self._waiting.clear()
        super().flush(settled)


class BusyError(Exception):
    """Too many requests."""

    status_code = 429


class Scribe:
    """A summariser with moods. A good summary holds every word of our making that it was given."""

    def __init__(self) -> None:
        self.mood: Mood = "good"
        self.takes_s = 0.5
        self.at_work = 0
        self.most_at_work = 0
        self.read: list[str] = []
        self.began: Callable[[], None] = lambda: None

    async def __call__(self, request: SummaryRequest) -> str:
        mood, material = self.mood, request.material
        self.read.append(material)
        self.began()
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            await asyncio.sleep(self.takes_s)
            match mood:
                case "limited":
                    raise BusyError
                case "killed":
                    raise asyncio.CancelledError
                case "hangs":
                    await asyncio.Event().wait()
        finally:
            self.at_work -= 1
        match mood:
            case "empty":
                return " \n"
            case "long":
                return material * 20
            case "answers":
                return "You are welcome!"
        return "The talk was about " + " ".join(
            dict.fromkeys(word for word in _WORD.findall(material) if word.endswith("x"))
        )
