"""A server without a socket, a client without a network, and a hand on every event between them."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

from realtime_helpers.audio.formats import PCM16
from realtime_helpers.conversation import Conversation
from realtime_helpers.memory import (
    Assume,
    Compactor,
    Effect,
    Phase,
    Problem,
    Send,
    SummaryPolicy,
    SummaryRequest,
    Write,
    covered_by,
)
from realtime_helpers.simulator.client_items import item_from_client
from realtime_helpers.simulator.context import Conversation as ServerConversation
from realtime_helpers.simulator.items import Item as ServerItem
from realtime_helpers.simulator.protocol_error import ProtocolError

from ..conversation.events import (
    added,
    response_created,
    response_done,
    text,
    transcribed,
    transcription_failed,
    user_audio,
)

Event = dict[str, Any]
TOKENS_PER_ITEM = 100
WORDS = "word " * 80


class Desk:
    """Each direction is a queue; tests decide when an event is delivered, refused or held back."""

    def __init__(self, policy: SummaryPolicy) -> None:
        self.server = ServerConversation()
        self.local = Conversation()
        numbers = itertools.count(1)
        self.compactor = Compactor(policy, lambda kind: f"{kind}_{next(numbers)}")
        self.to_server: deque[Event] = deque()
        self.to_client: deque[Event] = deque()
        self.to_write: deque[SummaryRequest] = deque()
        self.problems: list[str] = []
        self.said: list[str] = []
        self.sent: list[Event] = []
        self.now_s = 0.0
        self._numbers = itertools.count(1)

    # -- the server's side ----------------------------------------------------------------------------

    def store(self, item: Event) -> None:
        stored = ServerItem(item)
        self.server.insert(stored)
        self.said.append(stored.id)
        self.to_client.append(added(item, stored.previous_id))

    def spoken_turn(self, *, transcript: str = "now") -> str:
        """A user speaks and is answered. `transcript`: `now`, `later`, `failed`."""
        number = next(self._numbers)
        user, reply, response = f"u{number}", f"a{number}", f"r{number}"
        self.store(user_audio(user))
        if transcript == "now":
            self.to_client.append(transcribed(user, WORDS))
        elif transcript == "failed":
            self.to_client.append(transcription_failed(user))
        self.to_client.append(response_created(response))
        tokens = TOKENS_PER_ITEM * len(self.server.items)
        self.store(text(reply, "assistant", WORDS))
        self.to_client.append(response_done(response, tokens))
        return user

    def serve_one(self, *, refuse: bool = False) -> None:
        """The server handles one event of the client."""
        event = self.to_server.popleft()
        try:
            if refuse:
                raise ProtocolError("server_busy", "Not now.")
            if event["type"] == "conversation.item.create":
                item = item_from_client(event["item"], "unused", PCM16)
                self.server.insert(item, event.get("previous_item_id"))
                self.to_client.append(added(item.wire, item.previous_id))
            else:
                self.server.delete(event["item_id"])
                self.to_client.append({"type": "conversation.item.deleted", "item_id": event["item_id"]})
        except ProtocolError as error:
            self.to_client.append(error.as_event("e", event["event_id"]))

    # -- the client's side ----------------------------------------------------------------------------

    def receive_one(self) -> None:
        event = self.to_client.popleft()
        self.local.apply(event)
        self._carry_out(self.compactor.apply(event, self.local, self.now_s))

    def write(self, summary: str | None) -> None:
        """The summariser answers; `None`: it fails."""
        self.to_write.popleft()
        if summary is None:
            self._carry_out(self.compactor.summary_failed("out of ink"))
        else:
            self._carry_out(self.compactor.summary_written(summary, self.local, self.now_s))

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        self._carry_out(self.compactor.advance(self.local, self.now_s))

    def summarise_now(self) -> None:
        self._carry_out(self.compactor.summarise_now(self.local, self.now_s))

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(event):
                    self.sent.append(event)
                    self.to_server.append(event)
                case Write(request):
                    self.to_write.append(request)
                case Assume(event):
                    self.local.apply(event)
                    self._carry_out(self.compactor.apply(event, self.local, self.now_s))
                case Problem(message):
                    self.problems.append(message)

    def settle(self) -> None:
        """Deliver everything, with a summariser that works."""
        while self.to_client or self.to_server or self.to_write:
            if self.to_client:
                self.receive_one()
            elif self.to_server:
                self.serve_one()
            else:
                self.write("A short summary.")

    # -- what must hold -------------------------------------------------------------------------------

    def lost(self) -> list[str]:
        """What was said and is neither on the server nor covered by a summary that is there."""
        there = {item.id for item in self.server.items}
        summaries = [item for item in self.local_items_on_server() if item.is_summary]
        covered = covered_by(self.compactor.records, summaries)
        return [item_id for item_id in self.said if item_id not in there and item_id not in covered]

    def local_items_on_server(self) -> list[Any]:
        return [known for item in self.server.items if (known := self.local.find(item.id)) is not None]

    @property
    def idle(self) -> bool:
        return self.compactor.phase is Phase.IDLE
