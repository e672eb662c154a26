"""Replies as they are heard: played, timed, and cut where the user interrupts (reference §3.5)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..audio.sinks import Sink
from ..conversation import Conversation
from ..errors import AudioError, WorkshopError
from ..protocol import Event
from ..protocol.frames import base64_to_pcm


class Replies:
    """Plays replies, and falls silent when the user begins to speak.

    Args:
        sink: Where they are played.
        conversation: What is in the conversation; anything else is not played.
        truncate: Tells the server how many milliseconds of an item were heard.
        now_s: The session's clock, in seconds.
    """

    def __init__(
        self, sink: Sink, conversation: Conversation, truncate: Callable[[str, int], None], now_s: Callable[[], float]
    ) -> None:
        self.first_audio_ms: list[float] = []
        self._sink = sink
        self._conversation = conversation
        self._truncate = truncate
        self._now_s = now_s
        self._question_ended_s: float | None = None
        self._current: str | None = None
        self._silenced_response: str | None = None
        self._cut: set[str] = set()

    @property
    def queued_ms(self) -> float:
        """Milliseconds still to play."""
        return self._sink.head.queued_ms

    @property
    def playing(self) -> tuple[str, ...]:
        """Ids of replies of which more is to be heard."""
        queued = self._sink.head.queued_items
        return queued if self._current is None else (*queued, self._current)

    @property
    def is_speaking(self) -> bool:
        """Whether a reply sounds, or its audio is still coming."""
        return self._current is not None or self.queued_ms > 0

    def question_ended(self) -> None:
        """The user is done: from now on one waits for a reply."""
        self._question_ended_s = self._now_s()

    def apply(self, event: Event) -> None:
        """Take in a server event that the conversation has already taken in."""
        match event["type"]:
            case "response.output_audio.delta":
                self._play(event)
            case "input_audio_buffer.speech_started":
                self._yield_to_user()
            case "input_audio_buffer.speech_stopped":
                self.question_ended()
            case "response.output_audio.done":
                self._sink.end(event["item_id"])
            case "response.done":
                self._end_current()

    def line_lost(self) -> None:
        """No more audio comes; what is here is played to its end."""
        self._end_current()

    def _end_current(self) -> None:
        if self._current is not None:
            self._sink.end(self._current)
            self._current = None

    def _play(self, event: Event) -> None:
        if self._conversation.find(event["item_id"]) is None:
            return  # outside the conversation
        if event["response_id"] == self._silenced_response:
            self._cut_off(event["item_id"])  # interrupted before its first sound was here
            return
        if self._question_ended_s is not None:
            self.first_audio_ms.append((self._now_s() - self._question_ended_s) * 1000)
            self._question_ended_s = None
        self._current = event["item_id"]
        try:
            self._sink.play(event["item_id"], base64_to_pcm(event["delta"]))
        except WorkshopError:
            raise
        except Exception as error:
            name = type(self._sink).__name__
            raise AudioError(f"The sink {name} failed: {error!r}.", "Start again with another sink.") from error

    def _yield_to_user(self) -> None:
        """Fall silent, truncate at what was heard. The server cancels by itself."""
        if not self._conversation.interrupts_replies:
            return
        cut = list(self._sink.head.queued_items)
        if self._conversation.active_response_id is not None:
            self._silenced_response = self._conversation.active_response_id
            if self._current is not None:
                cut.append(self._current)
        cut = [item_id for item_id in cut if item_id not in self._cut]
        self._cut.update(cut)
        for item_id in cut:  # the best guess, until the sink has settled
            self._conversation.note_heard(item_id, self._sink.head.heard_ms(item_id))
        self._sink.flush(partial(self._tell_heard, tuple(cut)))
        self._current = None

    def _cut_off(self, item_id: str) -> None:
        if item_id not in self._cut:
            self._cut.add(item_id)
            self._tell_heard((item_id,))

    def _tell_heard(self, item_ids: tuple[str, ...]) -> None:
        """Tell the server, once, how much of each reply was heard."""
        for item_id in item_ids:
            heard_ms = self._sink.head.heard_ms(item_id)
            if self._conversation.note_heard(item_id, heard_ms):
                self._truncate(item_id, heard_ms)
