"""The user's audio, kept until the words in it are known: a lost line must not lose a turn nobody has read yet. Pure.

The server's offsets count the audio written to the input buffer since the line was opened (reference §3.3).
"""

from __future__ import annotations

from typing import Any

from ..audio.formats import BYTES_PER_MS
from ..protocol import Event

MAX_KEPT_BYTES = 3 * 60_000 * BYTES_PER_MS
"""Bound of the clips whose words are not known, and of the speech that is open: three minutes of PCM16."""
UNHEARD_MS = 30_000
"""How much audio that became no turn is sent again on a new line, at most; of open speech all that is kept."""


class Uploads:
    """What was sent on this line, and which of it became which item.

    Of everything that is bounded, the oldest goes.

    Args:
        bytes_per_ms: Of the session's input format.
    """

    def __init__(self, bytes_per_ms: int = BYTES_PER_MS) -> None:
        self.clips: dict[str, bytes] = {}
        """Audio by the id of an item that was announced, as long as its words are not known."""
        self._bytes_per_ms = bytes_per_ms
        self._unannounced: dict[str, bytes] = {}  # committed, but no item of the conversation yet
        self._known: set[str] = set()  # those of them whose words came before their item
        self._committed: set[str] = set()
        self._recent = bytearray()
        self._dropped = 0
        self._taken = 0
        self._start: int | None = None
        self._end: int | None = None

    def sent(self, audio: bytes) -> None:
        """Audio was written to the buffer."""
        self._recent += audio
        most = UNHEARD_MS * self._bytes_per_ms if self._start is None else MAX_KEPT_BYTES
        self._forget_before(max(self._taken, self._written - most))

    def apply(self, event: Event) -> None:
        """Take in a server event."""
        match event["type"]:
            case "input_audio_buffer.speech_started":
                self._start, self._end = event["audio_start_ms"] * self._bytes_per_ms, None
            case "input_audio_buffer.speech_stopped":
                self._end = event["audio_end_ms"] * self._bytes_per_ms
            case "input_audio_buffer.committed":
                self._commit(event["item_id"])
            case "conversation.item.added":
                self._announce(event["item"]["id"])
            case "input_audio_buffer.cleared":
                self._taken, self._start, self._end = self._written, None, None
            case "session.updated" if not _detects_turns(event["session"]):
                self._start = self._end = None
            case "conversation.item.input_audio_transcription.completed":
                self._read(event["item_id"])

    def line_lost(self) -> bytes:
        """Begin anew with an empty buffer; returns the audio that the old server announced no item of."""
        start = self._taken if self._start is None else max(self._taken, self._start)
        lost = b"".join(self._unannounced.values()) + self._cut(start, self._written)
        self._unannounced.clear()
        self._known.clear()
        self._committed.clear()
        self._recent.clear()
        self._dropped = self._taken = 0
        self._start = self._end = None
        return lost

    @property
    def _written(self) -> int:
        return self._dropped + len(self._recent)

    def _commit(self, item_id: str) -> None:
        if item_id in self._committed:
            return  # told twice: what follows in the buffer is not its own
        self._committed.add(item_id)
        start = self._taken if self._start is None else self._start
        end = self._written if self._end is None else self._end
        _keep(self._unannounced, item_id, self._cut(start, end))
        self._taken, self._start, self._end = end, None, None
        self._forget_before(end)

    def _announce(self, item_id: str) -> None:
        clip = self._unannounced.pop(item_id, b"")
        if item_id not in self._known:
            _keep(self.clips, item_id, clip)
        self._known.discard(item_id)

    def _read(self, item_id: str) -> None:
        self.clips.pop(item_id, None)
        if item_id in self._unannounced:
            self._known.add(item_id)

    def _cut(self, start: int, end: int) -> bytes:
        return bytes(self._recent[max(0, start - self._dropped) : max(0, end - self._dropped)])

    def _forget_before(self, position: int) -> None:
        if (count := position - self._dropped) > 0:
            del self._recent[:count]
            self._dropped += count


def _keep(clips: dict[str, bytes], item_id: str, clip: bytes) -> None:
    if clip:
        clips[item_id] = clip
    while sum(map(len, clips.values())) > MAX_KEPT_BYTES:
        del clips[next(iter(clips))]


def _detects_turns(session: dict[str, Any]) -> bool:
    listening = (session.get("audio") or {}).get("input") or {}
    return listening.get("turn_detection", "unknown") is not None
