"""One connection: client events in, server events out, no socket. The order of `send` calls is the contract."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable
from typing import Any

import orjson

from ..audio.formats import AUDIO_FORMATS
from ..protocol.frames import Event
from .client_items import item_from_client
from .event_types import WEBSOCKET_CLIENT_EVENTS
from .items import Item
from .protocol_error import ProtocolError, missing, optional_text, unsupported
from .responses import Responses
from .session import ServerSession
from .session_config import updated_session
from .transcripts import Transcripts
from .turns import TurnTaking

_log = logging.getLogger(__name__)

_MAX_DEPTH = 64
_MAX_VALUES = 50_000
_MAX_EVENT_ID_LENGTH = 512


class Connection:
    """Handles the client events of one session.

    Args:
        session: The session, with the way out.
    """

    def __init__(self, session: ServerSession) -> None:
        self.session = session
        self._transcripts = Transcripts(session)
        self._responses = Responses(session, self._transcripts)
        self._turns = TurnTaking(session, self._transcripts, self._responses)
        self._responses.turns = self._turns

    def start(self) -> None:
        """Greet the client with `session.created`."""
        self.session.emit("session.created", session=self.session.wire)

    async def close(self) -> None:
        """Stop everything this connection started."""
        await self.session.close()

    async def receive(self, frame: str | bytes) -> None:
        """Handle one client frame. A bad one is answered with one `error` event; the session goes on."""
        event_id: str | None = None
        try:
            event = _parse(frame)
            event_id = _event_id_in(event)
            if not isinstance(event.get("type"), str):
                raise missing("type")
            self.session.metrics.client_event(event["type"])
            await self._handle(event)
        except ProtocolError as error:
            self.session.refuse(error, event_id)
        except Exception:  # noqa: BLE001 - a fault of ours must not end the client's session
            _log.exception("A client event could not be handled.")
            message = "The simulator failed to handle this event. Please report it."
            self.session.refuse(ProtocolError("internal_error", message, kind="server_error"), event_id)
        if self.session.pace.is_lockstep:
            await self.session.settled()

    def refuse_binary(self) -> None:
        """Answer a binary frame (reference §2.4)."""
        self.session.refuse(
            ProtocolError("invalid_event", "Expected a text WebSocket message; binary frames are not supported.")
        )

    async def _handle(self, event: Event) -> None:
        kind = event["type"]
        if kind in WEBSOCKET_CLIENT_EVENTS and self.session.faults.request(kind) is not None:
            raise ProtocolError("simulated_refusal", f"The scenario wants this {kind} to be refused.")
        match kind:
            case "session.update":
                self._update_session(event)
            case "input_audio_buffer.append":
                await self._turns.append(event)
            case "input_audio_buffer.commit":
                self._turns.commit()
            case "input_audio_buffer.clear":
                self._turns.clear()
            case "conversation.item.create":
                self._create_item(event)
            case "conversation.item.retrieve":
                item = self.session.conversation.get(_id_in(event), "retrieve")
                self.session.emit("conversation.item.retrieved", item=item.with_media())
            case "conversation.item.delete":
                self.session.conversation.delete(_id_in(event))
                self.session.emit("conversation.item.deleted", item_id=event["item_id"])
            case "conversation.item.truncate":
                self._truncate(event)
            case "response.create":
                self._responses.create(event)
            case "response.cancel":
                await self._responses.cancel(event)
            case other:
                raise unsupported(other, list(WEBSOCKET_CLIENT_EVENTS), "type")

    def _update_session(self, event: Event) -> None:
        if "session" not in event:
            raise missing("session")
        before = self.session.wire
        self.session.wire = updated_session(
            before, event["session"], self.session.model,
            has_assistant_audio=self.session.conversation.has_assistant_audio,
            is_responding=self._responses.is_active,
        )  # fmt: skip
        self._turns.settings_changed()
        self.session.emit("session.updated", session=self.session.wire)
        known = [tool for tool in before.get("tools", []) if tool["type"] == "mcp"]
        for tool in self.session.wire.get("tools", []):
            if tool["type"] == "mcp" and tool not in known:
                self._fail_to_list(tool["server_label"])

    def _fail_to_list(self, server_label: str) -> None:
        """MCP servers are not called from here: say so in the protocol's own way (reference §3.10)."""
        problem = {"type": "http_error", "code": "mcp_not_simulated",
                   "message": "The simulator does not call MCP servers. Declare function tools instead."}  # fmt: skip
        wire = {"id": self.session.ids.new("mcpl"), "type": "mcp_list_tools", "server_label": server_label, "tools": [],
                "error": problem}  # fmt: skip
        item = Item(wire)
        self.session.emit("mcp_list_tools.in_progress", item_id=item.id)
        self.session.conversation.insert(item)
        self.session.announce(item)
        self.session.emit("mcp_list_tools.failed", item_id=item.id, error=problem)

    def _create_item(self, event: Event) -> None:
        if "item" not in event:
            raise missing("item")
        session = self.session
        if len(session.conversation) >= session.limits.items:
            raise ProtocolError(
                "too_many_items", f"The conversation holds at most {session.limits.items} items. Delete some first."
            )
        audio_format = AUDIO_FORMATS[session.wire["audio"]["input"]["format"]["type"]]
        item = item_from_client(event["item"], session.ids.new("item"), audio_format)
        if session.conversation.media_bytes + item.media_bytes > session.limits.media_bytes:
            raise ProtocolError(
                "conversation_too_large",
                f"The audio and images of a conversation may have {session.limits.media_bytes} bytes. Delete some.",
            )
        session.conversation.insert(item, optional_text(event, "previous_item_id"))
        self.session.announce(item)
        self._transcripts.listen_to(item)

    def _truncate(self, event: Event) -> None:
        item_id = _id_in(event)
        index, at_ms = (_whole_number(event, name) for name in ("content_index", "audio_end_ms"))
        self.session.conversation.truncate(item_id, index, at_ms)
        self.session.emit("conversation.item.truncated", item_id=item_id, content_index=index, audio_end_ms=at_ms)


def _parse(frame: str | bytes) -> Event:
    try:
        event = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise ProtocolError("invalid_json", f"Invalid event: failed to parse JSON value. {error}") from error
    if not isinstance(event, dict):
        raise ProtocolError("invalid_event", "Invalid event: expected a JSON object.")
    _check_size(event)
    return event


def _check_size(event: Event) -> None:
    """Refuse what could not be written again, or would keep everybody waiting while it is looked through."""
    level: list[object] = [event]
    seen = 0
    for _ in range(_MAX_DEPTH + 1):
        level = [inner for outer in level for inner in _contents(outer)]
        seen += len(level)
        if seen > _MAX_VALUES:
            raise ProtocolError("invalid_json", f"Invalid event: more than {_MAX_VALUES} values.")
        if not level:
            return
    raise ProtocolError("invalid_json", f"Invalid event: nested deeper than {_MAX_DEPTH} levels.")


def _contents(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return itertools.islice(value.values(), _MAX_VALUES + 1)
    return itertools.islice(value, _MAX_VALUES + 1) if isinstance(value, list) else ()


def _event_id_in(event: Event) -> str | None:
    event_id = event.get("event_id")
    if isinstance(event_id, str) and len(event_id) > _MAX_EVENT_ID_LENGTH:
        raise ProtocolError(
            "string_above_max_length",
            f"Invalid 'event_id': string too long. Expected a string with maximum length {_MAX_EVENT_ID_LENGTH}, "
            f"but got a string with length {len(event_id)} instead.",
            "event_id",
        )
    return event_id if isinstance(event_id, str) else None


def _id_in(event: Event) -> str:
    if not isinstance(event.get("item_id"), str):
        raise missing("item_id")
    return str(event["item_id"])


def _whole_number(event: Event, name: str) -> int:
    if name not in event:
        raise missing(name)
    value: Any = event[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ProtocolError("invalid_value", f"Invalid '{name}': expected a whole number >= 0.", name)
    return value
