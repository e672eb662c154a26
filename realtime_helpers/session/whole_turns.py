"""Turns that are sent as a whole, typed or recorded, until the server has acknowledged them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..protocol import ErrorKind, Event, classify_error, create_item
from .failures import refused

_MAX_ATTEMPTS = 5


@dataclass
class _WholeTurn:
    """One that is not acknowledged yet."""

    item: dict[str, Any]
    event_id: str
    audio: bytes
    attempts: int = 1


class WholeTurns:
    """Sends them again, on this line or the next, until they have arrived or were refused for good.

    Args:
        send: Sends an event.
        is_ready: Whether the conversation stands.
        new_id: Mints ids from a prefix.
        tell: Tells the user of a problem.
    """

    def __init__(
        self,
        send: Callable[[Event], None],
        is_ready: Callable[[], bool],
        new_id: Callable[[str], str],
        tell: Callable[[str], None],
    ) -> None:
        self._send = send
        self._is_ready = is_ready
        self._new_id = new_id
        self._tell = tell
        self._under_way: dict[str, _WholeTurn] = {}

    def say(self, item: dict[str, Any], audio: bytes = b"") -> None:
        """Send a user item, at once or as soon as there is a line; `audio` is what it holds."""
        turn = _WholeTurn(item, self._new_id("event"), audio)
        self._under_way[item["id"]] = turn
        if self._is_ready():
            self._create(turn)

    def back_online(self) -> None:
        """A new line is ready: it knows none of those that were under way."""
        for turn in self._under_way.values():
            self._create(turn)

    @property
    def are_under_way(self) -> bool:
        """Whether one has neither arrived nor been refused for good."""
        return bool(self._under_way)

    def added(self, item_id: str) -> bytes | None:
        """An item has arrived; returns the audio it holds, `None` if it is none of these."""
        turn = self._under_way.pop(item_id, None)
        return turn.audio if turn is not None else None

    def is_about(self, error: dict[str, Any]) -> bool:
        """Whether an `error` is about one of these."""
        return self._find(error) is not None

    def refused(self, error: dict[str, Any]) -> bool:
        """Take in an `error` about one of these; whether it has arrived all the same, by an earlier try."""
        turn = self._find(error)
        if turn is None:
            return False
        if classify_error(error.get("code")) is ErrorKind.BENIGN:
            del self._under_way[turn.item["id"]]  # the id is ours alone
            return True
        if turn.attempts >= _MAX_ATTEMPTS:
            del self._under_way[turn.item["id"]]
            self._tell(f"What you typed was not accepted. {refused(error)}")
        else:
            turn.attempts += 1
            self._create(turn)
        return False

    def _find(self, error: dict[str, Any]) -> _WholeTurn | None:
        return next((turn for turn in self._under_way.values() if turn.event_id == error.get("event_id")), None)

    def _create(self, turn: _WholeTurn) -> None:
        self._send(create_item(turn.item, event_id=turn.event_id))
