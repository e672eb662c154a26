"""Carries out what the compactor decides: sends, has summaries written and recordings heard, keeps its deadlines."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from ..conversation import Conversation, FrozenView, Usage, find_prices, summary_usd
from ..errors import WorkshopError
from ..memory import (
    AskOutOfBand,
    Assume,
    CarefulSummariser,
    Compactor,
    Effect,
    Hear,
    OutOfBandSummariser,
    Phase,
    Problem,
    Send,
    Summariser,
    SummaryError,
    SummaryPolicy,
    SummaryRecord,
    SummaryRequest,
    SummaryStyle,
    Write,
    hear,
)
from ..protocol import Event
from ..settings import Settings
from .questions import RefusedError
from .service import Service, Writer


@dataclass(frozen=True)
class Hands:
    """What the memory of a session may do to it.

    Attributes:
        send: Sends an edit of the conversation.
        take_in: Takes an event in as if it had arrived.
        tell: Tells the user of a problem.
        changed: Something is different now.
        ask: Asks for a response outside of the conversation.
        playing: Ids of replies that are still being played.
    """

    send: Callable[[Event], None]
    take_in: Callable[[Event], None]
    tell: Callable[[str], None]
    changed: Callable[[], None]
    ask: AskOutOfBand
    playing: Callable[[], Collection[str]]


class MemoryWork:
    """The memory of one session at work.

    Args:
        conversation: What is in the conversation.
        policy: When and what to summarise.
        style: Language, length and form.
        summariser: Who writes.
        service: Where the text model is.
        settings: Whose models and prices.
        hands: What it may do to the session.
        new_id: Mints ids from a prefix.
        rng: Spreads the waits between tries.
    """

    def __init__(
        self,
        conversation: Conversation,
        policy: SummaryPolicy | None,
        style: SummaryStyle,
        summariser: Summariser | Writer,
        service: Service,
        settings: Settings,
        hands: Hands,
        new_id: Callable[[str], str],
        rng: random.Random,
    ) -> None:
        self.compactor = Compactor(policy, new_id, can_hear=True, playing=hands.playing)
        self.style = style
        self._conversation = conversation
        self._summariser = summariser
        self._service = service
        self._settings = settings
        self._hands = hands
        self._rng = rng
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._usd = 0.0
        self._is_priced = True

    @property
    def records(self) -> FrozenView[SummaryRecord]:
        """Memory items so far, oldest first."""
        records = self.compactor.records
        return FrozenView(records, shared=len(records) - 1)  # only the newest still changes

    @property
    def is_busy(self) -> bool:
        """Whether a memory item is being made or spliced in."""
        return self.compactor.phase is not Phase.IDLE

    @property
    def usd(self) -> float | None:
        """What text models took for summaries; `None` when one of them has no listed price."""
        return self._usd if self._is_priced else None

    def apply(self, event: Event) -> None:
        """Take in a server event that the conversation has already taken in."""
        self._carry_out(self.compactor.apply(event, self._conversation, _now_s()))

    def summarise_now(self) -> None:
        """Summarise without waiting for the trigger."""
        self._carry_out(self.compactor.summarise_now(self._conversation, _now_s()))

    def undo(self) -> None:
        """Put the words of the turns behind the latest summary back in its place."""
        self._carry_out(self.compactor.undo(self._conversation, _now_s()))

    def set_policy(self, policy: SummaryPolicy | None) -> None:
        """Use another policy from now on."""
        self._carry_out(self.compactor.set_policy(policy, self._conversation, _now_s()))

    async def line_lost(self) -> None:
        """End everything that is under way; what was acknowledged stands."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.compactor.line_lost()
        self._set_timer()

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(event):
                    self._hands.send(event)
                case Hear(item_id):
                    self._spawn(self._hear(item_id))
                case Write(request):
                    self._spawn(self._summarise(request))
                case Assume(event):
                    self._hands.take_in(event)
                case Problem(message):
                    self._hands.tell(message)
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (due_s := self.compactor.next_deadline_s) is not None:
            self._timer = asyncio.get_running_loop().call_at(due_s, self._on_timer)

    def _on_timer(self) -> None:
        self._carry_out(self.compactor.advance(self._conversation, _now_s()))
        self._hands.changed()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hear(self, item_id: str) -> None:
        words: str | None = None
        try:
            async for attempt in _tries_of_hearing():
                with attempt:
                    words = await hear(self._hands.ask, item_id)
        except Exception as error:  # noqa: BLE001 - whatever it was, the splice goes on without these words
            reason = error.what if isinstance(error, WorkshopError) else repr(error)
            self._hands.tell(f"A turn without transcript could not be put into words: {reason}")
        self._carry_out(self.compactor.heard(item_id, words, self._conversation, _now_s()))
        self._hands.changed()

    async def _summarise(self, request: SummaryRequest) -> None:
        try:
            written = await CarefulSummariser(self._writer(), self.style, rng=self._rng)(request)
        except SummaryError as error:
            self._bill(error.usage, error.model)
            effects = self.compactor.summary_failed(error.what)
        except Exception as error:  # noqa: BLE001 - a splice that nobody ends would wait for ever
            effects = self.compactor.summary_failed(repr(error))
        else:
            self._bill(written.usage, written.model)
            effects = self.compactor.summary_written(written, self._conversation, _now_s())
        self._carry_out(effects)
        self._hands.changed()

    def _writer(self) -> Summariser:
        match self._summariser:
            case "out_of_band":
                return OutOfBandSummariser(self._hands.ask, self.style, self._settings.model)
            case "chat" | "responses" as kind:
                return self._service.summariser(self.style, kind)
            case own:
                return own

    def _bill(self, usage: Usage, model: str | None) -> None:
        """Add what a writer took. What the live model writes is in the ledger already."""
        if model is None or not usage.input_tokens or find_prices(model) is not None:
            return
        usd = summary_usd(usage, model)
        if usd is None:
            self._is_priced = False
        else:
            self._usd += usd


def _tries_of_hearing() -> AsyncRetrying:
    """A request that was refused may be taken a moment later; an answer without words will not get better."""
    return AsyncRetrying(
        retry=retry_if_exception_type(RefusedError),
        stop=stop_after_attempt(3),
        wait=wait_exponential(0.5),
        reraise=True,
    )


def _now_s() -> float:
    return asyncio.get_running_loop().time()
