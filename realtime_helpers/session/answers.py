"""When a response is asked for: to what was typed, said or brought by tools, and once for all of it.

What a response has read is decided by the server's order: everything that was added before its `response.created`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..conversation import Conversation
from ..protocol import Event, create_response
from .calls import Calls
from .replies import Replies
from .whole_turns import WholeTurns


class Answers:
    """The answers that the user is still owed.

    Args:
        conversation: What is in the conversation.
        calls: Whose outputs want a reply as well.
        whole_turns: Are answered as soon as they have arrived.
        replies: What sounds; none before the start.
        is_ready: Whether the conversation stands.
        send: Sends an event.
        new_id: Mints ids from a prefix.
    """

    def __init__(
        self,
        conversation: Conversation,
        calls: Calls,
        whole_turns: WholeTurns,
        replies: Callable[[], Replies | None],
        is_ready: Callable[[], bool],
        send: Callable[[Event], None],
        new_id: Callable[[str], str],
    ) -> None:
        self.was_cut = False
        """Whether a lost line cut a reply that is given again on the next."""
        self._conversation = conversation
        self._calls = calls
        self._whole_turns = whole_turns
        self._replies = replies
        self._is_ready = is_ready
        self._send = send
        self._new_id = new_id
        self._is_asked = False

    @property
    def are_owed(self) -> bool:
        """Whether a response is still to be asked for. A tool that runs is not waited for."""
        return self._is_asked or self._calls.owes_reply or self._whole_turns.are_under_way

    @property
    def _is_due(self) -> bool:
        return (self._is_asked or self._calls.is_reply_due) and not self._whole_turns.are_under_way

    def ask(self) -> None:
        """Ask as soon as nobody speaks and no other response runs."""
        self._is_asked = True
        self.advance()

    def respond(self) -> None:
        """Ask for a response to what was said, unless one is due that reads all of it."""
        if not self._conversation.reply_is_due or self._conversation.has_unread:
            self.ask()

    def interrupt(self) -> None:
        """The user wants silence, but for an answer to what was said since the latest response was asked for."""
        self._is_asked &= self._conversation.has_unread
        self._calls.silence()

    def advance(self) -> None:
        """Ask once no other response runs: the server would refuse a second one (reference §2.4)."""
        replies = self._replies()
        assert replies is not None
        if self._is_due and self._is_ready() and self._conversation.is_quiet and replies.is_settled:
            self._is_asked = False
            self._send(create_response(self._calls.reply_options(), event_id=self._new_id("event")))

    def apply(self, event: Event) -> None:
        """Take in a server event that the conversation, the calls and the replies have already taken in."""
        replies = self._replies()
        assert replies is not None
        match event["type"]:
            case "input_audio_buffer.speech_stopped":
                self._is_asked |= self._conversation.awaits_speech and replies.is_kept
            case "response.created" if event["response"].get("conversation_id") is not None:
                # it has read all there is; one that was interrupted before it began tells nobody
                self._is_asked &= replies.is_silenced(event["response"]["id"])

    def line_lost(self) -> None:
        """A new conversation will be empty; what was asked for is still owed."""
        replies, conversation = self._replies(), self._conversation
        assert replies is not None
        is_calling = self._calls.line_lost()
        if conversation.reply_is_due and not replies.is_unwanted:
            self.was_cut = True
            # the end of speech asks for a reply by itself: of speech that goes on, or is sent again; so do outputs
            self._is_asked |= not (conversation.user_is_speaking or conversation.awaits_speech or is_calling)
