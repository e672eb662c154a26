"""The learners of a class: who is there, what each has used, and when one has had enough. Numbers, and no words.

Nobody has an account: a learner is the name that their environment sends (`settings.LEARNER_HEADER`), or else the
address they come from. That is for telling apart, not for trust: the key decides who may come at all.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import unquote

from .metrics import ERROR_CODES
from .parts import Ears
from .protocol_error import ProtocolError

State = Literal["limited", "error", "connected", "gone"]
_ORDER = get_args(State)  # who may need help is on top: thirty rows do not fit on a projector
_MINUTE_S = 60.0
_SHOWN_S = 60.0
_LONGEST_NAME = 40
_NAMES_PER_SEAT = 4


@dataclass(frozen=True)
class ClassLimits:
    """What a class, and each learner of it, may use.

    Attributes:
        learners: Learners with a session at the same time.
        sessions: Sessions of one learner at the same time.
        requests_a_minute: Responses and HTTP requests of one learner within a minute.
    """

    learners: int
    sessions: int = 6
    requests_a_minute: int = 240


class Learner:
    """One learner: what they have used so far.

    Args:
        name: As the teacher sees it.
        limits: What they may use.
        clock: Seconds since the epoch.
    """

    def __init__(self, name: str, limits: ClassLimits, clock: Callable[[], float]) -> None:
        self.name = name
        self._clock = clock
        self.since_s = self.seen_s = clock()
        self.open = 0
        self.sessions = 0
        self.responses = 0
        self.tokens = 0
        self.errors: Counter[str] = Counter()
        self.limited: Counter[str] = Counter()
        self.turn = asyncio.Lock()
        self._limits = limits
        self._limited_s = self._error_s = float("-inf")
        self._requests: deque[float] = deque()

    def another_request(self) -> ProtocolError | None:
        """Count one more response or HTTP request; why it must wait, if it must."""
        now_s = self.seen_s = self._clock()
        while self._requests and self._requests[0] <= now_s - _MINUTE_S:
            self._requests.popleft()
        most = self._limits.requests_a_minute
        if len(self._requests) < most:
            self._requests.append(now_s)
            return None
        wait_s = max(1, round(self._requests[0] + _MINUTE_S - now_s))
        return self.refuse(
            "rate_limit_exceeded",
            f"{self.name} has asked for {most} answers within a minute, which is what each learner of this class may "
            f"have. Wait {wait_s} seconds, then ask again.",
        )

    def refuse(self, code: str, message: str) -> ProtocolError:
        """Note that they were limited."""
        self.limited[code] += 1
        self._limited_s = self._clock()
        return ProtocolError(code, message)

    def state(self, now_s: float) -> State:
        """How they stand; what went wrong is shown for a minute."""
        if now_s - self._limited_s < _SHOWN_S:
            return "limited"
        if now_s - self._error_s < _SHOWN_S:
            return "error"
        return "connected" if self.open else "gone"

    def server_event(self, event: dict[str, Any]) -> None:
        """Read numbers from an event on its way to them."""
        if event["type"] == "response.done":
            response = event["response"]
            self.responses += 1
            self.tokens += (response.get("usage") or {}).get("total_tokens", 0)
            self._count((response.get("status_details") or {}).get("error"))
            self.seen_s = self._clock()
        elif event["type"] in ("error", "conversation.item.input_audio_transcription.failed"):
            self._count(event["error"])

    def _count(self, error: dict[str, Any] | None) -> None:
        if error:
            code = error.get("code")
            self.errors["none" if code is None else code if code in ERROR_CODES else "other"] += 1
            self._error_s = self._clock()


class Classroom:
    """Everybody who was here.

    Args:
        limits: What they may use.
        teacher_token: Opens the overview.
        clock: Seconds since the epoch.
    """

    def __init__(self, limits: ClassLimits, teacher_token: str, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.teacher_token = teacher_token
        self.turned_away = 0
        self._clock = clock
        self._learners: dict[str, Learner] = {}

    def __repr__(self) -> str:
        return f"Classroom({len(self._learners)} learners)"

    def find(self, header: str | None, address: str | None) -> Learner:
        """The learner behind a request; a new one begins here.

        Args:
            header: The name they sent, percent-encoded.
            address: Where they come from.
        """
        name = _name(header) or f"somebody at {address or 'an unknown address'}"
        learner = self._learners.get(name)
        if learner is None:
            learner = Learner(name, self.limits, self._clock)
            self._make_room()
            self._learners[name] = learner
        learner.seen_s = self._clock()
        return learner

    def _make_room(self) -> None:
        """Forget who has been gone for longest: names come from outside, and must not pile up."""
        if len(self._learners) >= self.limits.learners * _NAMES_PER_SEAT:
            gone = [learner for learner in self._learners.values() if not learner.open]
            if gone:
                del self._learners[min(gone, key=lambda learner: learner.seen_s).name]

    @contextlib.contextmanager
    def seat(self, learner: Learner) -> Iterator[None]:
        """Hold one session of a learner.

        Raises:
            ProtocolError: All seats are taken, or this learner has as many sessions as one may have.
        """
        limits = self.limits
        if not learner.open and sum(other.open > 0 for other in self._learners.values()) >= limits.learners:
            self.turned_away += 1
            raise learner.refuse(
                "class_full",
                f"This class has {limits.learners} learners, and all of them are here. Ask your teacher for a seat: "
                "the simulator was started with --class.",
            )
        if learner.open >= limits.sessions:
            raise learner.refuse(
                "too_many_own_sessions",
                f"{learner.name} has {limits.sessions} sessions open, which is what each learner of this class may "
                "have. Stop one with session.stop(), or restart the kernel of a notebook that is done.",
            )
        learner.open += 1
        learner.sessions += 1
        self._learners[learner.name] = learner  # it may have been forgotten since it was found
        try:
            yield
        finally:
            learner.open -= 1
            learner.seen_s = self._clock()

    def overview(self) -> dict[str, Any]:
        """What the teacher sees: numbers, names, codes of errors, and nothing that anybody said."""
        now_s = self._clock()
        learners = sorted(
            self._learners.values(),
            key=lambda learner: (_ORDER.index(learner.state(now_s)), learner.name.casefold()),
        )
        rows = [
            _row(learner, now_s) for learner in learners if learner.sessions or learner.responses or learner.limited
        ]
        return {
            "seats": self.limits.learners,
            "here": sum(learner.open > 0 for learner in learners),
            "sessions": sum(learner.open for learner in learners),
            "turned_away": self.turned_away,
            "limits": {
                "sessions": self.limits.sessions, "requests_a_minute": self.limits.requests_a_minute,
            },
            "learners": rows,
        }  # fmt: skip


def _row(learner: Learner, now_s: float) -> dict[str, Any]:
    return {
        "name": learner.name, "state": learner.state(now_s), "open": learner.open, "sessions": learner.sessions,
        "minutes": round((now_s - learner.since_s) / 60, 1), "quiet_s": round(now_s - learner.seen_s),
        "responses": learner.responses, "tokens": learner.tokens, "errors": dict(learner.errors),
        "limited": dict(learner.limited),
    }  # fmt: skip


class OneAtATime:
    """Ears that hear a learner's utterances one after another, so that nobody's queue is in front of everybody else.

    Args:
        ears: The ears of all.
        learner: Whose utterances come here.
    """

    def __init__(self, ears: Ears, learner: Learner) -> None:
        self._ears = ears
        self._learner = learner

    def load(self) -> None:
        """See `Ears.load`."""
        self._ears.load()

    async def hear(self, pcm: bytes, language: str | None, prompt: str | None) -> str:
        """See `Ears.hear`."""
        async with self._learner.turn:
            return await self._ears.hear(pcm, language, prompt)

    def close(self) -> None:
        """The ears are everybody's: whoever made them closes them."""


def _name(header: str | None) -> str:
    name = unquote(header or "", errors="replace")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())[:_LONGEST_NAME]
