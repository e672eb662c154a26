"""One live conversation: connection, state, memory and audio together."""

from .facade import RealtimeSession
from .record import conversation_record
from .snapshot import Snapshot, State

__all__ = ["RealtimeSession", "Snapshot", "State", "conversation_record"]
