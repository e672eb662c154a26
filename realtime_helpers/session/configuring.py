"""Which options a session wants, which are in force on its server, and which change is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..conversation import Conversation
from ..errors import SessionError, SettingsError
from ..options import (
    SERVER_DEFAULT,
    CallFunction,
    SessionOptions,
    Transcription,
    changes,
    contradictions,
    merged,
    nearest,
    overlaid,
)
from ..protocol import Event, update_session
from ..settings import Settings
from .questions import PATIENCE_S
from .uploads import detects_turns

_MOST_TRIES = 3


def _ready(options: SessionOptions, settings: Settings) -> SessionOptions:
    """Options as a session can use them: instructions read, and transcription on unless it was switched off.

    Raises:
        SettingsError: The file with the instructions cannot be used, or the model cannot do what is wanted.
    """
    options.check_model(settings.model)
    options = options.loaded()
    match options.transcription:
        case None:
            return options
        case Transcription() as chosen if chosen.model is not SERVER_DEFAULT:
            return options
        case Transcription() as chosen:
            return options.but(transcription=replace(chosen, model=settings.transcription_model))
    return options.but(transcription=Transcription(model=settings.transcription_model))


@dataclass(frozen=True)
class _Update:
    """An update that is not acknowledged yet.

    Attributes:
        event_id: By which an error would name it.
        leads_to: The options that hold once it is acknowledged.
        wanted: What was wanted when it was sent.
    """

    event_id: str
    leads_to: SessionOptions
    wanted: SessionOptions


class Configuring:
    """Brings the server's session to the wanted options, one update at a time: of quick changes only the last is sent.

    Args:
        options: What is wanted from the beginning.
        settings: Whose models.
        config: Session fields as the wire has them, merged on top of all options.
        conversation: What is in the conversation.
        send: Sends an event.
        new_id: Mints ids from a prefix.
        is_ready: Whether the conversation stands.
        tell: Tells the user of a problem.
        changed: Something is different now.

    Raises:
        SettingsError: The model cannot do what is wanted, the file with the instructions cannot be used, or a tool
            must be called that nobody declared.
    """

    def __init__(
        self,
        options: SessionOptions,
        settings: Settings,
        config: Mapping[str, Any],
        conversation: Conversation,
        send: Callable[[Event], None],
        new_id: Callable[[str], str],
        is_ready: Callable[[], bool],
        tell: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self.in_force: SessionOptions | None = None
        """What the server's latest session says."""
        self.first_id = ""
        """Id of the update that configures a new line."""
        self._settings = settings
        self._config = config
        self._overridden = SessionOptions.found_in(config)
        self._check_tool_choice(options)
        self._wanted = self._accepted = _ready(options, settings)
        self._conversation = conversation
        self._send = send
        self._new_id = new_id
        self._is_ready = is_ready
        self._tell = tell
        self._changed = changed
        self._defaults: Mapping[str, Any] = {}
        self._under_way: _Update | None = None
        self._tries = 0
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def wanted(self) -> SessionOptions:
        """The latest options that were asked for, and not refused."""
        return self._wanted

    @property
    def wire(self) -> dict[str, Any]:
        """The `session` that configures a new line."""
        return self._wire_of(self._accepted)

    @property
    def transcribes(self) -> bool:
        """Whether the user's words are written down."""
        return self.in_force is None or self.in_force.transcription is not None

    @property
    def will_detect(self) -> bool:
        """Whether the server finds turns by itself, as soon as it has read what is wanted now."""
        is_changing = self.in_force is None or self._under_way is not None or self._wanted != self._accepted
        return detects_turns(self._wire_of(self._wanted)) if is_changing else self._conversation.detects_turns

    def begin(self) -> None:
        """Configure a new line that has just greeted. What was not accepted before is asked for when it is ready."""
        self._defaults = self._conversation.session
        self.first_id = self._send_update(self._accepted, self.wire)

    def set(self, options: SessionOptions) -> None:
        """Want other options from now on.

        Raises:
            SessionError: Something is locked; everything stays as it is.
            SettingsError: See the class, or the config fixes what would change.
        """
        self._check_tool_choice(options)
        self._check_overrides(options)
        options = _ready(options, self._settings)
        self._check_locks(options)
        self._wanted, self._tries = options, 0
        self.advance()

    def advance(self) -> None:
        """Send what is wanted and may be sent now.

        The speed may change between turns only (reference §1.6), and what is said while the button is held is one turn.
        """
        if self._under_way is not None or not self._is_ready() or self._wanted == self._accepted:
            return
        is_quiet = self._conversation.is_quiet
        step = self._wanted if is_quiet else self._wanted.but(speed=self._accepted.speed)
        if self._conversation.turn_is_open and not self._conversation.detects_turns:
            step = step.but(turn_detection=self._accepted.turn_detection)
        assert self.in_force is not None
        change = changes(overlaid(self._accepted, self.in_force), self._goal(step))
        if not change:
            self._accepted = step
            return
        self._send_update(step, change)
        self._deadline = asyncio.get_running_loop().call_later(PATIENCE_S, self._give_up)

    def apply(self, event: Event) -> None:
        """Take in a server event that the conversation has already taken in."""
        if event["type"] not in {"session.created", "session.updated"}:
            return
        self.in_force = SessionOptions.found_in(event["session"])
        if event["type"] == "session.created":
            return
        if (update := self._ended()) is not None:
            self._accepted = update.leads_to
        asked = self._accepted.but(**dict.fromkeys(self._overridden.chosen, SERVER_DEFAULT))
        for contradiction in contradictions(asked, self.in_force):
            self._tell(f"The server's session is not as asked: {contradiction}.")

    def took_refusal(self, error: dict[str, Any]) -> bool:
        """Take in an `error`; whether it was about a change in a running session, and nobody else needs to act."""
        update = self._under_way
        if update is None or update.event_id == self.first_id or error.get("event_id") != update.event_id:
            return False
        self._ended()
        self._tries += 1
        if str(error.get("param")).endswith(".speed") and self._tries < _MOST_TRIES:
            return True  # a reply began meanwhile: the next pause comes
        if self._wanted == update.wanted:
            self._wanted = self._accepted
        self._tell(f"The server refused the new options, the old ones stay in force: {error.get('message')}")
        return True

    def line_lost(self) -> None:
        """The server's session is gone. The next one is configured with what was accepted, then with what is wanted."""
        self._ended()

    def _ended(self) -> _Update | None:
        update, self._under_way = self._under_way, None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        return update

    def _give_up(self) -> None:
        self._ended()
        self._wanted = self._accepted
        self._tell(f"The server did not confirm the new options within {PATIENCE_S:.0f} seconds: they are given up.")
        self._changed()

    def _send_update(self, leads_to: SessionOptions, session: dict[str, Any]) -> str:
        self._under_way = _Update(self._new_id("event"), leads_to, self._wanted)
        self._send(update_session(session, event_id=self._under_way.event_id))
        return self._under_way.event_id

    def _wire_of(self, options: SessionOptions) -> dict[str, Any]:
        return merged(options.wire, self._config)

    def _goal(self, options: SessionOptions) -> SessionOptions:
        """The server's session once it holds these options: what is not chosen goes back to the server's default."""
        return SessionOptions.found_in(merged(self._defaults, self._wire_of(options)))

    def _check_tool_choice(self, options: SessionOptions) -> None:
        choice = options.tool_choice
        if not isinstance(choice, CallFunction) or "tool_choice" in self._config:
            return
        names = tuple(tool["name"] for tool in self._config.get("tools") or () if "name" in tool)
        if choice.name not in names:
            raise SettingsError(
                f"tool_choice names {choice.name!r}, and the session has no such tool.",
                nearest(choice.name, names) if names else "Declare it: RealtimeSession(tools=[...]).",
            )

    def _check_overrides(self, options: SessionOptions) -> None:
        """Refuse a change that would change nothing."""
        same = [name for name, value in options.chosen.items() if value == getattr(self._wanted, name)]
        asked = options.but(**dict.fromkeys(same, SERVER_DEFAULT))
        if fixed := contradictions(asked, SessionOptions.found_in(self._wire_of(options))):
            raise SettingsError(
                f"The session's config fixes what would change: {'; '.join(fixed)}.",
                "Make a session without these fields in its config, and give them as options.",
            )

    def _check_locks(self, options: SessionOptions) -> None:
        if self._formats(options) != self._formats(self._accepted):
            raise SessionError(
                "The audio formats stay as they were when the session was made: sound in them is on its way.",
                "Make a new session: RealtimeSession(options=...).",
            )
        now = self.in_force
        if now is None:
            return
        goal = self._goal(options)
        if goal.voice != now.voice and self._conversation.has_assistant_audio:
            raise SessionError(
                f"The voice stays {now.voice}: it cannot change once the assistant was heard (reference §2.4).",
                "Start a new session with the other voice, or leave it as it is.",
            )
        if now.tracing not in {None, SERVER_DEFAULT} and goal.tracing != now.tracing:
            raise SessionError("Tracing cannot change once it is on (reference §1.6).", "Start a new session.")

    def _formats(self, options: SessionOptions) -> tuple[object, object]:
        """Of both directions. Whatever is in force already, the session's ends are made for those it began with."""
        asked = SessionOptions.found_in(self._wire_of(options))
        both = (asked.input_format, asked.output_format)
        return ("pcm16" if both[0] is SERVER_DEFAULT else both[0], "pcm16" if both[1] is SERVER_DEFAULT else both[1])
