"""Questions to the server whose answers somebody awaits: out-of-band responses, items by id, acknowledgements."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..errors import SessionError
from ..protocol import Event, cancel_response, create_item, create_response, retrieve_item
from .failures import refused

PATIENCE_S = 15.0
_LONGEST_RESPONSE_S = 60.0
_MARK = "question"


class RefusedError(SessionError):
    """The server refused what was asked."""


class Questions:
    """What was asked and is not answered yet.

    Args:
        send: Sends an event.
        new_id: Mints ids from a prefix.
        is_ready: Whether the conversation stands. Before, only what makes it stand may be sent.
    """

    def __init__(
        self, send: Callable[[Event], None], new_id: Callable[[str], str], is_ready: Callable[[], bool]
    ) -> None:
        self._send = send
        self._new_id = new_id
        self._is_ready = is_ready
        self._open: dict[str, asyncio.Future[Any]] = {}
        self._items: dict[str, str] = {}
        self._responses: dict[str, str] = {}

    async def ask(self, response: dict[str, Any]) -> dict[str, Any]:
        """Have a response made outside of the conversation (reference §3.7); see `memory.AskOutOfBand`.

        Raises:
            SessionError: The server refused the request, or the line was lost.
            TimeoutError: No answer came in a minute.
        """
        self._check_ready()
        event_id = self._new_id("event")
        metadata = {**(response.get("metadata") or {}), _MARK: event_id}
        request = create_response({**response, "conversation": "none", "metadata": metadata}, event_id=event_id)
        try:
            answer: dict[str, Any] = await self._answer(event_id, request, _LONGEST_RESPONSE_S)
        except (TimeoutError, asyncio.CancelledError):
            if (response_id := self._responses.get(event_id)) is not None:
                self._send(cancel_response(response_id, event_id=self._new_id("event")))
            raise
        else:
            return answer
        finally:
            self._responses.pop(event_id, None)

    async def has_item(self, item_id: str) -> bool:
        """Whether the server has an item. The answer carries the item's whole audio.

        Raises:
            SessionError: The line was lost.
            TimeoutError: No answer came.
        """
        self._check_ready()
        event_id = self._new_id("event")
        self._items[event_id] = item_id
        try:
            return bool(await self._answer(event_id, retrieve_item(item_id, event_id=event_id), PATIENCE_S))
        except RefusedError:
            return False
        finally:
            del self._items[event_id]

    async def create(self, item: dict[str, Any], after: str | None) -> None:
        """Put an item into the conversation, and wait until it is there.

        Raises:
            RefusedError: The server refused it.
            SessionError: The line was lost.
            TimeoutError: No answer came.
        """
        event_id = self._new_id("event")
        self._items[event_id] = item["id"]
        try:
            await self._answer(event_id, create_item(item, after=after, event_id=event_id), PATIENCE_S)
        finally:
            del self._items[event_id]

    def _check_ready(self) -> None:
        if not self._is_ready():
            raise SessionError("There is no connection now.", "Ask again when the session is listening.")

    async def _answer(self, event_id: str, question: Event, patience_s: float) -> Any:
        self._open[event_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(patience_s):
                self._send(question)
                return await self._open[event_id]
        finally:
            del self._open[event_id]

    def apply(self, event: Event) -> None:
        """Take in a server event."""
        match event["type"]:
            case "response.created" | "response.done":
                self._on_response(event["type"], event["response"])
            case "conversation.item.retrieved" | "conversation.item.added":
                item_id = event["item"]["id"]
                for event_id in [key for key, wanted in self._items.items() if wanted == item_id]:
                    self._resolve(event_id, event["item"])
            case "error":
                self._fail(
                    event["error"].get("event_id"), RefusedError(refused(event["error"]), "Nothing was changed.")
                )

    def end(self, error: Exception) -> None:
        """Nobody will answer any more."""
        for event_id in list(self._open):
            self._fail(event_id, error)

    def _on_response(self, kind: str, response: dict[str, Any]) -> None:
        event_id = (response.get("metadata") or {}).get(_MARK)
        if event_id not in self._open:
            return
        if kind == "response.created":
            self._responses[event_id] = response["id"]
        else:
            self._responses.pop(event_id, None)  # nothing is left to cancel
            self._resolve(event_id, response)

    def _resolve(self, event_id: str, answer: object) -> None:
        future = self._open.get(event_id)
        if future is not None and not future.done():
            future.set_result(answer)

    def _fail(self, event_id: str | None, error: Exception) -> None:
        future = self._open.get(event_id or "")
        if future is not None and not future.done():
            future.set_exception(error)
