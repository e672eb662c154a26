"""One live conversation: connection, state, memory and audio together."""

from .calls import Call
from .echo_guard import EchoGuard
from .facade import RealtimeSession
from .latency import MEASURES, Latency, Measure, Samples
from .reconnect import Reconnect
from .record import conversation_record
from .restore import Restoration
from .snapshot import Snapshot, State

__all__ = [
    "MEASURES",
    "Call",
    "EchoGuard",
    "Latency",
    "Measure",
    "RealtimeSession",
    "Reconnect",
    "Restoration",
    "Samples",
    "Snapshot",
    "State",
    "conversation_record",
]
