"""Replies as they are heard: played, and cut where the user interrupts (reference §3.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..audio.sinks import Sink
from ..conversation import Conversation
from ..protocol import Event
from ..protocol.frames import base64_to_pcm
from .player import Player

SETTLE_PATIENCE_S = 1.0
"""How long a sink may take to say what was heard; then the best guess counts."""


@dataclass(frozen=True)
class ReplyActions:
    """What replies do to their session.

    Attributes:
        truncate: Tells the server how many milliseconds of an item were heard.
        cancel: Tells the server to stop a response.
        tell: Tells the user of a problem.
        settled: It has become known what was heard of a reply that was cut.
        plays_on: Is told of the sink that plays from now on.
        heard: Is given what is played, as PCM16, 24 kHz, mono.
    """

    truncate: Callable[[str, int], None]
    cancel: Callable[[str], None]
    tell: Callable[[str], None]
    settled: Callable[[], None]
    plays_on: Callable[[Sink], None]
    heard: Callable[[bytes], None]


class _Cut:
    """Replies that fell silent together, until the sink knows what of them was heard."""

    def __init__(self, items: tuple[str, ...]) -> None:
        self.items = items
        self.patience: asyncio.TimerHandle | None = None


class Replies:
    """Plays replies, and falls silent when the user begins to speak, or asks for silence.

    Args:
        sink: Where they are played.
        conversation: What is in the conversation; anything else is not played.
        actions: What they do to their session.
    """

    def __init__(self, sink: Sink, conversation: Conversation, actions: ReplyActions) -> None:
        self.player = Player(sink, actions.tell, actions.plays_on, actions.heard)
        self._conversation = conversation
        self._actions = actions
        self._current: str | None = None  # the item of which more audio is to come
        self._silenced: set[str] = set()  # responses that are cancelled; late sound of them is not played
        self._yielded: str | None = None  # the one of them that the server cancels by itself
        self._is_next_unwanted = False
        self._cut: set[str] = set()
        self._unsettled: list[_Cut] = []

    @property
    def queued_ms(self) -> float:
        """Milliseconds still to play."""
        return self.player.queued_ms

    @property
    def playing(self) -> tuple[str, ...]:
        """Ids of replies of which more is to be heard, or of which nobody knows yet how much was heard."""
        unsettled = tuple(item_id for cut in self._unsettled for item_id in cut.items)
        current = () if self._current is None else (self._current,)
        return (*self.player.queued_items, *current, *unsettled)

    @property
    def is_speaking(self) -> bool:
        """Whether a reply sounds, or its audio is still coming."""
        return self._current is not None or self.queued_ms > 0

    @property
    def is_settled(self) -> bool:
        """Whether it is known what was heard of every reply that was cut."""
        return not self._unsettled

    @property
    def is_unwanted(self) -> bool:
        """Whether the response that runs, or is due, was cancelled here."""
        active = self._conversation.active_response_id
        return self._is_next_unwanted if active is None else active in self._silenced and active != self._yielded

    @property
    def is_kept(self) -> bool:
        """Whether a response runs that the server does not cancel: speech that ends now gets no response by itself."""
        active = self._conversation.active_response_id
        return active is not None and active != self._yielded

    def is_silenced(self, response_id: str) -> bool:
        """Whether a response that is not over was interrupted, by the user's voice or by a button."""
        return response_id in self._silenced

    def apply(self, event: Event) -> None:
        """Take in a server event that the conversation has already taken in."""
        match event["type"]:
            case "response.output_audio.delta":
                self._play(event)
            case "input_audio_buffer.speech_started":
                self._yield_to_user()
            case "response.created" if event["response"].get("conversation_id") is not None:
                self._on_created(event["response"]["id"])
            case "response.output_audio.done":
                self._end(event["item_id"])
            case "response.done":
                self._on_done(event["response"])
            case "error" if not self._conversation.reply_is_due:
                self._is_next_unwanted = False

    def interrupt(self) -> None:
        """Stop talking now: fall silent, cancel what is being generated or is due, truncate at what was heard."""
        active = self._conversation.active_response_id
        if active is not None:
            self._cancel(active)
        else:
            self._is_next_unwanted = self._conversation.reply_is_due  # its id is not known yet
        self._fall_silent()

    def line_lost(self) -> None:
        """No more audio comes; what is here is played to its end."""
        self._end_current()
        self._silenced.clear()
        self._is_next_unwanted = False

    def stop(self) -> None:
        """Let go of the sink, and wait for nothing any more."""
        for cut in self._unsettled:
            if cut.patience is not None:
                cut.patience.cancel()
        self._unsettled.clear()
        self.player.close()

    def _on_created(self, response_id: str) -> None:
        # the server interrupts what runs when speech begins, not what it is asked for during speech
        if self._is_next_unwanted or (self._conversation.user_is_speaking and self._conversation.interrupts_replies):
            self._cancel(response_id)
        self._is_next_unwanted = False

    def _on_done(self, response: Event) -> None:
        if response.get("conversation_id") is not None:
            self._end_current()
            self._silenced.discard(response["id"])

    def _end_current(self) -> None:
        if self._current is not None:
            self._end(self._current)

    def _end(self, item_id: str) -> None:
        self.player.end(item_id)
        if self._current == item_id:
            self._current = None

    def _play(self, event: Event) -> None:
        if self._conversation.find(event["item_id"]) is None:
            return  # outside the conversation
        if event["response_id"] in self._silenced:
            self._cut_off(event["item_id"])  # interrupted before its first sound was here
            return
        self._current = event["item_id"]
        wire = self._conversation.reply_format(event["response_id"])
        self.player.play(event["item_id"], base64_to_pcm(event["delta"]), wire)

    def _yield_to_user(self) -> None:
        """The user begins to speak. The server cancels by itself: a cancel of ours could kill the next response."""
        self._is_next_unwanted = False
        if not self._conversation.interrupts_replies:
            return
        if (active := self._conversation.active_response_id) is not None and active not in self._silenced:
            self._silenced.add(active)
            self._yielded = active
        self._fall_silent()

    def _cancel(self, response_id: str) -> None:
        if response_id not in self._silenced:
            self._silenced.add(response_id)
            self._actions.cancel(response_id)

    def _fall_silent(self) -> None:
        items = dict.fromkeys(self.player.queued_items)
        if self._current is not None:
            items[self._current] = None
        cut = _Cut(tuple(item_id for item_id in items if item_id not in self._cut))
        self._current = None
        self._cut.update(cut.items)
        for item_id in cut.items:  # the best guess, until the sink has settled
            self._conversation.note_heard(item_id, self._heard_ms(item_id))
        self._unsettled.append(cut)
        self.player.flush(partial(self._settle, cut))
        if cut in self._unsettled:
            loop = asyncio.get_running_loop()
            cut.patience = loop.call_later(SETTLE_PATIENCE_S, self._settle, cut)

    def _settle(self, cut: _Cut) -> None:
        """Tell the server, once, how much of each reply was heard."""
        if cut not in self._unsettled:
            return  # too late, or told twice
        self._unsettled.remove(cut)
        for item_id in cut.items:
            self._tell_heard(item_id)
        if cut.patience is not None:
            cut.patience.cancel()
            self._actions.settled()

    def _cut_off(self, item_id: str) -> None:
        if item_id not in self._cut:
            self._cut.add(item_id)
            self._tell_heard(item_id)

    def _tell_heard(self, item_id: str) -> None:
        heard_ms = self._heard_ms(item_id)
        if self._conversation.note_heard(item_id, heard_ms):
            self._actions.truncate(item_id, heard_ms)

    def _heard_ms(self, item_id: str) -> int:
        """What was heard; never more than was received, which the server would refuse."""
        item = self._conversation.find(item_id)
        return min(self.player.heard_ms(item_id), int(item.audio_ms) if item is not None else 0)
