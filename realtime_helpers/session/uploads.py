"""The user's audio, kept until the words in it are known: a lost line must not lose a turn nobody has read yet. Pure.

The server's offsets count the audio written to the input buffer since the line was opened (reference §3.3).
"""

from __future__ import annotations

from ..audio.formats import BYTES_PER_MS
from ..protocol import Event

MAX_KEPT_BYTES = 3 * 60_000 * BYTES_PER_MS
"""Three minutes of speech whose words are not known; beyond, the oldest goes."""
_UNHEARD_MS = 30_000


class Uploads:
    """What was sent on this line, and which of it became which item.

    Args:
        unheard_ms: How much audio that became no turn is sent again on a new line, at most. A microphone needs little:
            its silence is not worth repeating.
    """

    def __init__(self, unheard_ms: int = _UNHEARD_MS) -> None:
        self.clips: dict[str, bytes] = {}
        """Audio by item id, as long as its words are not known."""
        self._unheard_bytes = unheard_ms * BYTES_PER_MS
        self._recent = bytearray()
        self._dropped = 0
        self._taken = 0
        self._start: int | None = None
        self._end: int | None = None

    def sent(self, pcm: bytes) -> None:
        """Audio was written to the buffer."""
        self._recent += pcm
        if self._start is None:
            self._forget_before(max(self._taken, self._written - self._unheard_bytes))

    def apply(self, event: Event) -> None:
        """Take in a server event."""
        match event["type"]:
            case "input_audio_buffer.speech_started":
                self._start, self._end = event["audio_start_ms"] * BYTES_PER_MS, None
            case "input_audio_buffer.speech_stopped":
                self._end = event["audio_end_ms"] * BYTES_PER_MS
            case "input_audio_buffer.committed":
                self._commit(event["item_id"])
            case "input_audio_buffer.cleared":
                self._taken, self._start = self._written, None
            case "conversation.item.input_audio_transcription.completed":
                self.clips.pop(event["item_id"], None)

    def line_lost(self) -> bytes:
        """Begin anew with an empty buffer; returns the audio that the old server made no turn of."""
        start = self._taken if self._start is None else max(self._taken, self._start)
        lost = bytes(self._recent[max(0, start - self._dropped) :])
        self._recent.clear()
        self._dropped = self._taken = 0
        self._start = self._end = None
        return lost

    @property
    def _written(self) -> int:
        return self._dropped + len(self._recent)

    def _commit(self, item_id: str) -> None:
        start = self._taken if self._start is None else self._start
        end = self._written if self._end is None else self._end
        self.clips[item_id] = bytes(self._recent[max(0, start - self._dropped) : max(0, end - self._dropped)])
        self._taken, self._start, self._end = end, None, None
        self._forget_before(end)
        while sum(map(len, self.clips.values())) > MAX_KEPT_BYTES:
            del self.clips[next(iter(self.clips))]

    def _forget_before(self, position: int) -> None:
        if (count := position - self._dropped) > 0:
            del self._recent[:count]
            self._dropped += count
