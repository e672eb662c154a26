"""Push-to-talk: the user's turn lasts from the press of a button to its release (reference §3.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ..audio.formats import CHUNK_MS
from ..conversation import Conversation
from ..protocol import ErrorKind, Event, classify_error, clear_audio, commit_audio
from .failures import refused
from .listening import Listening
from .outbox import Outbox
from .uploads import TurnEnd, detects_turns

LEAST_TURN_MS = 100
"""The server commits nothing shorter."""
_TAIL_S = 1.5 * CHUNK_MS / 1000
"""What was recorded before the release is still on its way from the microphone for so long."""
_MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class TalkActions:
    """What push-to-talk does to its session.

    Attributes:
        interrupt: Silences the reply that sounds, or is due.
        answer: Asks for a response, as soon as none runs.
        tell: Tells the user of a problem.
        changed: Something is different now.
    """

    interrupt: Callable[[], None]
    answer: Callable[[], None]
    tell: Callable[[str], None]
    changed: Callable[[], None]


class TalkButton:
    """Turns of a session without turn detection. Harmless to press twice, or to release what is not held.

    The `commit` goes the way of the audio and cannot overtake it; the request for a response follows it at once.

    Args:
        is_detecting: Whether the server finds turns itself, until it says so.
        listening: Whose gate the button opens.
        outbox: Where what was said waits.
        conversation: Is told that a turn is open: nobody answers it, and nobody edits.
        new_id: Mints ids from a prefix.
        actions: What it does to the session.
        will_detect: Whether the server will find turns itself as soon as it has read what is wanted of it.
    """

    def __init__(
        self,
        is_detecting: bool,
        listening: Listening,
        outbox: Outbox,
        conversation: Conversation,
        new_id: Callable[[str], str],
        actions: TalkActions,
        will_detect: Callable[[], bool],
    ) -> None:
        self._is_detecting = is_detecting
        self._listening = listening
        self._outbox = outbox
        self._conversation = conversation
        self._new_id = new_id
        self._actions = actions
        self._will_detect = will_detect
        self._is_held = False
        self._pressed_s = self._released_s = 0.0
        self._closing: asyncio.TimerHandle | None = None
        self._unsaid: list[object] = []  # turns that were released while a source was saying what belongs to them
        self._waiting: set[str] = set()  # commits in the outbox, by event id
        self._sent: dict[str, int] = {}  # commits that the server has not acknowledged, and how often they were tried
        self._set_gate()

    def begin(self) -> None:
        """The button is pressed."""
        if self._will_detect():
            self._actions.tell(
                "The server finds turns by itself in this session, so nothing has to be held. "
                "For push-to-talk: session.set_options(SessionOptions(turn_detection=PushToTalk()))."
            )
        elif not self._listening.has_source:
            self._actions.tell("There is no microphone to talk to. Plug one in: session.use(source=microphone()).")
        elif not self._is_held:
            self._close()
            self._is_held = True
            self._pressed_s = asyncio.get_running_loop().time()
            if not self._unsaid:
                self._start()
            self._actions.interrupt()
            self._set_gate()
        self._actions.changed()

    def end(self) -> None:
        """The button is released."""
        if self._is_held:
            self._is_held = False
            turn = object()
            if self._listening.when_said(partial(self._said, turn)):
                self._unsaid.append(turn)
            elif self._listening.is_live:
                loop = asyncio.get_running_loop()
                self._released_s = loop.time()
                self._closing = loop.call_later(_TAIL_S, self._close)
            else:
                self._finish(held_ms=float(LEAST_TURN_MS))
            self._actions.changed()

    def stop(self) -> None:
        """Nobody is listened to any more."""
        self._is_held = False
        self._unsaid.clear()
        self._cancel_closing()

    def note_sent(self, event: Event) -> None:
        """An event left the outbox."""
        if (event_id := event.get("event_id")) in self._waiting:
            self._waiting.discard(event_id)
            self._sent.setdefault(event_id, 0)
            self._set_gate()
            self._actions.answer()

    def apply(self, event: Event) -> None:
        """Take in a server event."""
        match event["type"]:
            case "session.updated":
                self._is_detecting = detects_turns(event["session"])
                if self._is_detecting and self._will_detect():
                    self._close()
                    self._is_held = False
                    self._unsaid.clear()
                self._set_gate()
            case "input_audio_buffer.committed" if self._sent:
                del self._sent[next(iter(self._sent))]
            case "error" if event["error"].get("event_id") in self._sent:
                self._on_refused(event["error"])

    def resume(self, lost: Sequence[bytes | TurnEnd]) -> list[bytes | Event]:
        """What a new line must be sent of the audio that the old one lost, its turns committed again."""
        self._sent.clear()
        sent_again: list[bytes | Event] = [self._commit() if isinstance(piece, TurnEnd) else piece for piece in lost]
        self._set_gate()
        return sent_again

    def _start(self) -> None:
        self._listening.close_gate()  # what went through before is not what was held
        self._outbox.send_in_order(clear_audio(event_id=self._new_id("event")))

    def _said(self, turn: object) -> None:
        """All that belongs to this turn has gone through; what the source says now belongs to the next."""
        if turn in self._unsaid:
            self._unsaid.remove(turn)
            self._finish(held_ms=float(LEAST_TURN_MS))
            if self._is_held or self._unsaid:
                self._start()
                self._set_gate()
            self._actions.changed()

    def _close(self) -> None:
        """The last of what was recorded before the release has come, or another turn begins."""
        if self._closing is not None:
            self._cancel_closing()
            self._finish(held_ms=(self._released_s - self._pressed_s) * 1000)
            self._actions.changed()

    def _finish(self, held_ms: float) -> None:
        recorded_ms = self._listening.close_gate()
        length_ms = min(held_ms, recorded_ms)
        if self._is_detecting and self._will_detect():
            pass  # push-to-talk was wanted and refused: the server has heard it all
        elif length_ms >= LEAST_TURN_MS:
            self._outbox.send_in_order(self._commit())
        elif not recorded_ms and held_ms >= LEAST_TURN_MS:
            self._actions.tell("Nothing was recorded while you held the button. Check the microphone and try again.")
        else:
            self._actions.tell(
                f"You held the button for only {length_ms:.0f} ms, so nothing was sent. "
                f"Hold it while you speak, for {LEAST_TURN_MS} ms or more."
            )
        self._set_gate()

    def _commit(self) -> Event:
        event = commit_audio(event_id=self._new_id("event"))
        self._waiting.add(event["event_id"])
        return event

    def _on_refused(self, error: dict[str, object]) -> None:
        attempts = self._sent.pop(str(error["event_id"])) + 1
        code = error.get("code")
        is_hopeless = classify_error(code if isinstance(code, str) else None) is ErrorKind.BENIGN
        if is_hopeless or attempts >= _MAX_ATTEMPTS or self._conversation.turn_is_open:
            self._actions.tell(f"What you said was not accepted. {refused(error)}")
            return
        again = self._commit()
        self._sent[again["event_id"]] = attempts
        self._outbox.send_in_order(again)
        self._set_gate()

    def _cancel_closing(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _set_gate(self) -> None:
        is_recording = self._is_held or self._closing is not None or bool(self._unsaid)
        self._conversation.turn_is_open = is_recording or bool(self._waiting)
        if is_recording or self._is_detecting:
            self._listening.open_gate()
        else:
            self._listening.close_gate()
