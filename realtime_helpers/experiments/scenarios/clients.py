"""The two that are compared, behind one face: the naive algorithm, and this package's session."""

from __future__ import annotations

import asyncio
from typing import Any, Literal, Protocol

from ...memory import SummaryPolicy
from ...settings import Settings
from ..lab import SETTINGS, LabUser, lab_session
from .naive import NaiveClient
from .stage import LoopSink, Stage

Who = Literal["naive", "ours"]
INSTRUCTIONS = "You are a friendly companion."
TRIGGER_TOKENS = 300
"""About three short spoken turns, so that a lesson is short too."""
_PATIENCE_S = 30.0


class Client(Protocol):
    """One that holds a conversation and keeps it short."""

    async def start(self, user: LabUser) -> None:
        """Connect and begin to listen."""
        ...

    async def type(self, text: str) -> None:
        """Send a typed turn."""
        ...

    @property
    def known_ids(self) -> list[str]:
        """Ids of the items it believes to be on the server, in order."""
        ...

    @property
    def end(self) -> str | None:
        """What ended it; `None` while it lives."""
        ...

    async def stop(self) -> None:
        """End."""
        ...


class Naive:
    """The naive algorithm with the notebook's two messages to keep."""

    def __init__(self, stage: Stage, session: dict[str, Any], trigger_tokens: int) -> None:
        self._stage = stage
        self._session = session
        self._trigger = trigger_tokens
        self._client: NaiveClient | None = None
        self._run: asyncio.Task[None] | None = None
        self.end: str | None = None

    async def start(self, user: LabUser) -> None:
        """See `Client.start`."""
        line = await self._stage.connect()
        settings: Settings = SETTINGS
        listen = {"audio": {"input": {"transcription": {"model": settings.transcription_model}}}}
        session = {**listen, **self._session}
        self._client = NaiveClient(
            line, self._stage.writer, session, self._trigger, 2, lambda what: self._stage.tell("client", what)
        )
        self._run = asyncio.create_task(self._client.run(user))
        self._run.add_done_callback(self._ended)

    def _ended(self, run: asyncio.Task[None]) -> None:
        if run.cancelled():
            return
        error = run.exception()
        self.end = "ended without a word" if error is None else f"crashed with {type(error).__name__}: {error}"
        self._stage.tell("client", self.end)

    async def type(self, text: str) -> None:
        """See `Client.type`."""
        assert self._client is not None
        await self._client.type(text)

    @property
    def known_ids(self) -> list[str]:
        """See `Client.known_ids`."""
        return [turn.item_id for turn in self._client.history] if self._client else []

    async def stop(self) -> None:
        """See `Client.stop`."""
        if self._client is None or self._run is None:
            return
        tasks = [self._run, *self._client.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Ours:
    """This package's session, with one turn to keep: a question and its answer are two messages."""

    def __init__(self, stage: Stage, session: dict[str, Any], trigger_tokens: int) -> None:
        self._stage = stage
        policy = SummaryPolicy(trigger_tokens=trigger_tokens, keep_turns=1)
        self._session = lab_session(stage, memory=policy, config=session)

    async def start(self, user: LabUser) -> None:
        """See `Client.start`."""
        self._session.start(user, LoopSink())

    async def type(self, text: str) -> None:
        """See `Client.type`."""
        self._session.say_text(text)

    @property
    def known_ids(self) -> list[str]:
        """See `Client.known_ids`."""
        return [item.id for item in self._session.snapshot().items]

    @property
    def end(self) -> str | None:
        """See `Client.end`."""
        return None if self._session.error is None else str(self._session.error)

    async def stop(self) -> None:
        """See `Client.stop`."""
        async with asyncio.timeout(_PATIENCE_S):
            await self._session.stop()
