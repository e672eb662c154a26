"""How much one simulator takes on before it says no."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Bounds for one process and for each of its sessions.

    Attributes:
        frame_bytes: Size of one client frame; a larger one closes the session with 1009.
        buffer_seconds: Audio that waits uncommitted in the input buffer.
        items: Items in one conversation.
        media_bytes: Audio and images in one conversation.
        sessions: Sessions open at once in one process; one over is closed with 1013.
        idle_seconds: Time without any client frame, after which a session is closed with 1001.
        outgoing_bytes: What may wait for a client that does not read.
    """

    frame_bytes: int = 24 * _MIB
    buffer_seconds: float = 1800
    items: int = 10_000
    media_bytes: int = 512 * _MIB
    sessions: int = 500
    idle_seconds: float = 3600
    outgoing_bytes: int = 64 * _MIB
