"""Audio in, user turns out: turn detection, commits, the idle time-out (reference §3.3, §3.4, §3.9)."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from ..audio.formats import AUDIO_FORMATS, AudioFormat, chunks_of
from ..protocol.frames import Event
from .client_items import audio_from
from .input_audio import InputAudioBuffer
from .items import Item, Sound
from .protocol_error import ProtocolError, missing
from .semantic import EAGERNESS, sounds_finished
from .session import ServerSession
from .transcripts import Transcripts
from .vad import Change, Idled, SpeechPaused, SpeechStarted, SpeechStopped, VoiceDetector

MAX_APPEND_BYTES = 15 * 1024 * 1024
_MIN_COMMIT_MS = 100
_PIECE_MS = 4_096
_SEMANTIC_THRESHOLD, _SEMANTIC_PREFIX_MS = 0.5, 300
_SPARE_MS = 200
"""Kept before the prefix, so that an onset found late still has its padding."""
_IDLE_NOTE = (
    "No user speech was detected for a while. Please review the recorded audio: If the user was speaking, respond "
    "naturally. If not, follow up on their last message to keep the conversation going or ask if they're still there."
)


class Listener(Protocol):
    """Who wants to know about turns."""

    async def speech_started(self) -> None:
        """The user begins to speak."""
        ...

    def turn_ended(self) -> None:
        """A user turn is in the conversation and wants an answer."""
        ...


class TurnTaking:
    """Finds user turns in the audio.

    Args:
        session: Where items and events go.
        transcripts: Hears what was said.
        listener: Is told when speech starts and turns end.
    """

    def __init__(self, session: ServerSession, transcripts: Transcripts, listener: Listener) -> None:
        self._session = session
        self._transcripts = transcripts
        self._listener = listener
        self._buffer = InputAudioBuffer(self._format)
        self._detector: VoiceDetector | None = None
        self._speech_item_id: str | None = None
        self._speech_start_ms = 0
        self._idle_from_ms: float | None = None
        self._is_detecting = False
        self.settings_changed()

    @property
    def is_speaking(self) -> bool:
        """Whether a user turn is open."""
        return self._speech_item_id is not None

    @property
    def _format(self) -> AudioFormat:
        return AUDIO_FORMATS[self._session.wire["audio"]["input"]["format"]["type"]]

    @property
    def _settings(self) -> dict[str, Any] | None:
        settings: dict[str, Any] | None = self._session.wire["audio"]["input"]["turn_detection"]
        return settings

    def settings_changed(self) -> None:
        """Follow the session's format and turn detection. An utterance that is under way goes on."""
        format_changed = self._buffer.format != self._format
        self._buffer.change_format(self._format)
        settings = self._settings
        if settings is None:
            self._detector = None  # a turn that is open waits for the client's commit
            return
        if self._detector is None or format_changed:
            self._detector = VoiceDetector(self._format, at_ms=int(self._buffer.end_ms), is_speaking=self.is_speaking)
        if settings["type"] == "semantic_vad":
            eagerness = EAGERNESS[settings["eagerness"]]
            self._detector.configure(
                threshold=_SEMANTIC_THRESHOLD, prefix_padding_ms=_SEMANTIC_PREFIX_MS,
                silence_duration_ms=eagerness.longest_wait_ms, pause_ms=eagerness.pause_ms,
            )  # fmt: skip
        else:
            self._detector.configure(
                threshold=settings["threshold"], prefix_padding_ms=settings["prefix_padding_ms"],
                silence_duration_ms=settings["silence_duration_ms"],
            )  # fmt: skip
        self._set_idle_clock()

    async def append(self, event: Event) -> None:
        """Take more audio, and find out what the user does in it.

        Raises:
            ProtocolError: Not audio, or more than fits.
        """
        if "audio" not in event:
            raise missing("audio")
        data = audio_from(event["audio"], "audio", self._format)
        if len(data) > MAX_APPEND_BYTES:
            raise ProtocolError(
                "invalid_value", "Invalid 'audio'. An append may carry at most 15 MiB of audio.", "audio"
            )
        most_s = self._session.limits.buffer_seconds
        if self._buffer.length_ms + self._format.duration_ms(data) > most_s * 1000:
            raise ProtocolError(
                "input_audio_buffer_full",
                f"The input audio buffer holds at most {most_s:g} seconds. Commit or clear it first.",
                "audio",
            )
        self._buffer.write(data)
        if self._detector is not None:
            self._is_detecting = True
            try:
                for piece in chunks_of(data, _PIECE_MS * self._format.bytes_per_ms):
                    await self._detect(self._detector, piece)
                    await asyncio.sleep(0)  # minutes of audio in one frame must not stop everybody else
            finally:
                self._is_detecting = False

    async def _detect(self, detector: VoiceDetector, data: bytes) -> None:
        for change in detector.feed(data):
            try:
                await self._follow(detector, change)
            except ProtocolError as error:  # the rest of the audio must still be heard
                self._session.refuse(error)
            if self._session.pace.is_lockstep:  # also within an append: where its chunks end must not show
                await self._session.settled()
        if not detector.speaking:
            padding_ms = (self._settings or {}).get("prefix_padding_ms", _SEMANTIC_PREFIX_MS) + _SPARE_MS
            is_counting = detector.idle_at_ms is not None and self._idle_from_ms is not None
            idle_ms = self._buffer.end_ms - self._idle_from_ms if is_counting else 0  # type: ignore[operator]
            self._buffer.keep_last(max(padding_ms, idle_ms))

    async def _follow(self, detector: VoiceDetector, change: Change) -> None:
        match change:
            case SpeechStarted(start_ms):
                await self._speech_started(start_ms)
            case SpeechPaused(end_ms):
                if (words := await self._words_if_finished(end_ms)) is not None:
                    detector.close_turn()
                    self._speech_stopped(end_ms, words)
            case SpeechStopped(end_ms):
                self._speech_stopped(end_ms)
            case Idled(end_ms):
                self._idled(end_ms)

    def commit(self) -> None:
        """Make a user item of everything in the buffer.

        Raises:
            ProtocolError: Less than 100 ms is there.
        """
        if self._buffer.length_ms < _MIN_COMMIT_MS:
            raise ProtocolError(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer "
                f"only has {self._buffer.length_ms:.2f}ms of audio.",
            )
        item_id = self._speech_item_id or self._session.ids.new("item")
        self._close_turn()
        self._commit(self._buffer.take_all(), item_id)

    def clear(self) -> None:
        """Forget what is in the buffer."""
        self._close_turn()
        self._buffer.take_all()
        self._session.emit("input_audio_buffer.cleared")

    def reply_started(self) -> None:
        """Stop the idle clock."""
        self._stop_idle_clock()

    def reply_ended(self, audio_ms: float) -> None:
        """Start the idle clock: it runs from the moment the reply will have been heard."""
        now_ms = self._detector.at_ms if self._is_detecting and self._detector else self._buffer.end_ms
        self._idle_from_ms = now_ms + audio_ms
        self._set_idle_clock()

    # -- what the detector found ----------------------------------------------------------------------

    async def _speech_started(self, start_ms: int) -> None:
        self._speech_item_id = self._session.ids.new("item")
        self._speech_start_ms = start_ms
        self._stop_idle_clock()
        self._session.emit("input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=self._speech_item_id)
        if self._wants("interrupt_response"):
            await self._listener.speech_started()

    def _speech_stopped(self, end_ms: int, words: str | None = None) -> None:
        assert self._speech_item_id is not None
        item_id, self._speech_item_id = self._speech_item_id, None
        self._session.emit("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=item_id)
        self._commit(self._buffer.take(self._speech_start_ms, end_ms), item_id, words)
        if self._wants("create_response"):
            self._listener.turn_ended()

    async def _words_if_finished(self, end_ms: int) -> str | None:
        """The words so far, if the speaker seems to be done (semantic VAD)."""
        sound = Sound(bytearray(self._buffer.copy(self._speech_start_ms, end_ms)), self._format)
        try:
            words = await self._transcripts.hear(sound)
        except Exception:  # noqa: BLE001 - without ears the longest wait decides; the transcript will say what is missing
            return None
        return words if sounds_finished(words) else None

    def _idled(self, end_ms: int) -> None:
        """Nobody has spoken since the reply: the service makes a turn of the silence (reference §3.9)."""
        assert self._idle_from_ms is not None
        start_ms = int(self._idle_from_ms)
        self._stop_idle_clock()
        item_id = self._session.ids.new("item")
        self._session.emit(
            "input_audio_buffer.timeout_triggered", audio_start_ms=start_ms, audio_end_ms=end_ms, item_id=item_id
        )
        content = [{"type": "input_text", "text": _IDLE_NOTE}]
        note = Item({"id": self._session.ids.new("item"), "type": "message", "status": "completed", "role": "system",
                     "content": content})  # fmt: skip
        self._session.conversation.insert(note)
        self._session.announce(note)
        self._commit(self._buffer.take(start_ms, end_ms), item_id, words="")
        self._listener.turn_ended()

    def _commit(self, data: bytes, item_id: str, words: str | None = None) -> None:
        content = [{"type": "input_audio", "transcript": None}]
        wire = {"id": item_id, "type": "message", "status": "completed", "role": "user", "content": content}
        item = Item(wire, {0: Sound(bytearray(data), self._format, words)})
        self._session.conversation.insert(item)
        self._stop_idle_clock()
        self._session.emit("input_audio_buffer.committed", item_id=item_id, previous_item_id=item.previous_id)
        self._session.announce(item)
        self._transcripts.listen_to(item)

    def _close_turn(self) -> None:
        self._speech_item_id = None
        if self._detector is not None:
            self._detector.close_turn()

    def _wants(self, name: str) -> bool:
        return bool((self._settings or {}).get(name))

    def _set_idle_clock(self) -> None:
        timeout_ms = (self._settings or {}).get("idle_timeout_ms")
        if self._detector is None:
            return
        running = timeout_ms is not None and self._idle_from_ms is not None and not self.is_speaking
        self._detector.idle_at_ms = self._idle_from_ms + timeout_ms if running else None  # type: ignore[operator]

    def _stop_idle_clock(self) -> None:
        self._idle_from_ms = None
        if self._detector is not None:
            self._detector.idle_at_ms = None
