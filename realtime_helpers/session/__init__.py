"""One live conversation: connection, state, memory and audio together."""

from .facade import RealtimeSession
from .live import Reconnect
from .record import conversation_record
from .snapshot import Snapshot, State

__all__ = ["RealtimeSession", "Reconnect", "Snapshot", "State", "conversation_record"]
