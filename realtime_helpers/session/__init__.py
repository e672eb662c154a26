"""One live conversation: connection, state, memory and audio together."""

from .echo_guard import EchoGuard
from .facade import RealtimeSession
from .live import Reconnect
from .record import conversation_record
from .restore import Restoration
from .snapshot import Snapshot, State

__all__ = ["EchoGuard", "RealtimeSession", "Reconnect", "Restoration", "Snapshot", "State", "conversation_record"]
