"""The user's audio, kept until the words in it are known: a lost line must not lose a turn nobody has read yet. Pure.

The server's offsets count the audio written to the input buffer since the line was opened (reference §3.3).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from ..audio.formats import BYTES_PER_MS
from ..protocol import Event

MAX_KEPT_BYTES = 3 * 60_000 * BYTES_PER_MS
"""Bound of the clips whose words are not known, and of the speech that is open: three minutes of PCM16."""
UNHEARD_MS = 30_000
"""How much audio that became no turn is sent again on a new line, at most; of open speech all that is kept."""


class TurnEnd:
    """Where the client committed a turn by itself: a new server must be told again."""


TURN_END = TurnEnd()


@dataclass(frozen=True)
class _Mark:
    """A `commit` or `clear` of ours: it takes what was written before it, and nothing of what follows."""

    kind: str
    event_id: str | None
    position: int


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
        self._committed: dict[str, bool] = {}  # whether by ourselves
        self._marks: deque[_Mark] = deque()
        self._recent = bytearray()
        self._dropped = 0
        self._taken = 0
        self._start: int | None = None
        self._end: int | None = None
        self._is_detecting = True

    def sent(self, audio: bytes) -> None:
        """Audio was written to the buffer."""
        self._recent += audio
        is_open = self._start is not None or not self._is_detecting
        most = MAX_KEPT_BYTES if is_open else UNHEARD_MS * self._bytes_per_ms
        self._forget_before(max(self._taken, self._written - most))

    def note_sent(self, event: Event) -> None:
        """An event was sent: where a `commit` or a `clear` stands in the audio decides what it takes."""
        if event["type"] in {"input_audio_buffer.commit", "input_audio_buffer.clear"}:
            self._marks.append(_Mark(event["type"], event.get("event_id"), self._written))

    def keep(self, item_id: str, clip: bytes) -> None:
        """Keep the audio of an item that did not come through the buffer."""
        _keep(self.clips, item_id, clip)

    def length_ms(self, item_id: str) -> float:
        """Length of a turn that was committed, and is not announced yet."""
        return len(self._unannounced.get(item_id, b"")) / self._bytes_per_ms

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
                self._clear()
            case "session.updated":
                self._is_detecting = detects_turns(event["session"])
                if not self._is_detecting:
                    self._start = self._end = None
            case "conversation.item.input_audio_transcription.completed":
                self._read(event["item_id"])
            case "error" if (event_id := event["error"].get("event_id")) is not None:
                self._marks = deque(mark for mark in self._marks if mark.event_id != event_id)

    def line_lost(self) -> list[bytes | TurnEnd]:
        """Begin anew with an empty buffer.

        Returns:
            The audio of which the old server announced no item, with every end of a turn that was not its own finding.
        """
        lost: list[bytes | TurnEnd] = []
        for item_id, clip in self._unannounced.items():
            lost += [clip, TURN_END] if self._committed[item_id] else [clip]
        start = self._taken if self._start is None else max(self._taken, self._start)
        for mark in self._marks:
            if mark.kind == "input_audio_buffer.commit":
                lost += [self._cut(start, mark.position), TURN_END]
            start = mark.position
        lost.append(self._cut(start, self._written))
        self._unannounced.clear()
        self._known.clear()
        self._committed.clear()
        self._marks.clear()
        self._recent.clear()
        self._dropped = self._taken = 0
        self._start = self._end = None
        return _joined(lost)

    @property
    def _written(self) -> int:
        return self._dropped + len(self._recent)

    def _commit(self, item_id: str) -> None:
        if item_id in self._committed:
            return  # told twice: what follows in the buffer is not its own
        mark = self._take_mark("input_audio_buffer.commit") if self._end is None else None
        self._committed[item_id] = mark is not None
        start = self._taken if self._start is None else self._start
        end = mark.position if mark else self._written if self._end is None else self._end
        _keep(self._unannounced, item_id, self._cut(start, end))
        self._taken, self._start, self._end = end, None, None
        self._forget_before(end)

    def _clear(self) -> None:
        if (mark := self._take_mark("input_audio_buffer.clear")) is not None:
            self._taken, self._start, self._end = max(self._taken, mark.position), None, None

    def _take_mark(self, kind: str) -> _Mark | None:
        mark = next((mark for mark in self._marks if mark.kind == kind), None)
        if mark is not None:
            self._marks.remove(mark)
        return mark

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


def _joined(pieces: list[bytes | TurnEnd]) -> list[bytes | TurnEnd]:
    """Without empty turns, and with the audio of each in one piece."""
    joined: list[bytes | TurnEnd] = []
    for piece in pieces:
        before = joined[-1] if joined else TURN_END
        if isinstance(piece, TurnEnd):
            joined += [piece] if not isinstance(before, TurnEnd) else []
        elif isinstance(before, TurnEnd):
            joined += [piece] if piece else []
        else:
            joined[-1] = before + piece
    return joined


def detects_turns(session: dict[str, Any]) -> bool:
    """Whether the server finds the user's turns itself in a session with these fields."""
    listening = (session.get("audio") or {}).get("input") or {}
    return listening.get("turn_detection", "unknown") is not None
