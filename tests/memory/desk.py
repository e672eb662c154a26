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
    Hear,
    Phase,
    Problem,
    Send,
    SummaryPolicy,
    SummaryRequest,
    Write,
    Written,
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

    def __init__(self, policy: SummaryPolicy, *, can_hear: bool = False) -> None:
        self.server = ServerConversation()
        self.local = Conversation()
        numbers = itertools.count(1)
        self.playing: set[str] = set()
        self.compactor = Compactor(
            policy, lambda kind: f"{kind}_{next(numbers)}", can_hear=can_hear, playing=lambda: self.playing
        )
        self.to_server: deque[Event] = deque()
        self.to_client: deque[Event] = deque()
        self.to_write: deque[SummaryRequest] = deque()
        self.to_hear: deque[str] = deque()
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

    def spoken_turn(self, *, transcript: str = "now", length_ms: int = 0) -> str:
        """A user speaks and is answered. `transcript`: `now`, `later`, `failed`."""
        number = next(self._numbers)
        user, reply, response = f"u{number}", f"a{number}", f"r{number}"
        words = f"number {number} {WORDS}"
        self.to_client.append({"type": "input_audio_buffer.speech_started", "item_id": user, "audio_start_ms": 0})
        self.to_client.append({"type": "input_audio_buffer.speech_stopped", "item_id": user, "audio_end_ms": length_ms})
        self.store(user_audio(user))
        if transcript == "now":
            self.to_client.append(transcribed(user, words))
        elif transcript == "failed":
            self.to_client.append(transcription_failed(user))
        self.to_client.append(response_created(response))
        tokens = TOKENS_PER_ITEM * len(self.server.items)
        self.store(text(reply, "assistant", words))
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
            self._carry_out(self.compactor.summary_written(Written(summary), self.local, self.now_s))

    def hear(self, words: str | None) -> None:
        """The live model writes down what it hears in one recording; `None`: it cannot."""
        self._carry_out(self.compactor.heard(self.to_hear.popleft(), words, self.local, self.now_s))

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        self._carry_out(self.compactor.advance(self.local, self.now_s))

    def summarise_now(self) -> None:
        self._carry_out(self.compactor.summarise_now(self.local, self.now_s))

    def undo(self) -> None:
        self._carry_out(self.compactor.undo(self.local, self.now_s))

    def set_policy(self, policy: SummaryPolicy) -> None:
        self._carry_out(self.compactor.set_policy(policy, self.local, self.now_s))

    def memory(self) -> str:
        """The text of the memory item on the server; there is at most one."""
        texts = [item.wire["content"][0]["text"] for item in self.server.items if item.id.startswith("sum_")]
        assert len(texts) <= 1
        return texts[0] if texts else ""

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(event):
                    self.sent.append(event)
                    self.to_server.append(event)
                case Write(request):
                    self.to_write.append(request)
                case Hear(item_id):
                    self.to_hear.append(item_id)
                case Assume(event):
                    self.local.apply(event)
                    self._carry_out(self.compactor.apply(event, self.local, self.now_s))
                case Problem(message):
                    self.problems.append(message)

    def lose_line(self) -> None:
        """The server forgets everything, and everything on the way is lost."""
        self.server = ServerConversation()
        for queue in (self.to_server, self.to_client, self.to_write, self.to_hear):
            queue.clear()
        self.local.line_lost()
        self.compactor.line_lost()

    def restore(self) -> None:
        """A new line: everything that no memory item stands for goes into one."""
        standing = [self.local.find(record.id) for record in self.compactor.records[-1:]]
        covered = covered_by(self.compactor.records, [item for item in standing if item])
        turns = [turn for turn in self.local.all_turns if not set(turn.ids) & covered.keys()]
        event = self.compactor.carry_over(turns, self.local)
        if event is not None:
            self.to_server.append(event)
        self.settle()
        self.compactor.back_online()

    def settle(self) -> None:
        """Deliver everything, with a summariser that works."""
        while self.to_client or self.to_server or self.to_write or self.to_hear:
            if self.to_client:
                self.receive_one()
            elif self.to_server:
                self.serve_one()
            elif self.to_hear:
                self.hear("words that were heard")
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
