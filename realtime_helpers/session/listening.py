"""The way up: a source, the echo guard, the format of the wire, the outbox. Sources may change, or fail, on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from ..audio.captured import Captured
from ..audio.formats import AudioFormat
from ..audio.resampling import encoder
from ..audio.sinks import Telling
from ..audio.sources import Scripted, Source
from ..errors import AudioError, WorkshopError
from .echo_guard import EchoGuard, GuardedEar
from .outbox import Outbox


class Listening:
    """Brings the user's audio to the outbox.

    While the gate is closed nothing is sent: a live source is not listened to, any other waits.

    Args:
        outbox: Where audio goes.
        wire: The session's input format; sources give PCM16, 24 kHz.
        guard: For open loudspeakers.
        is_sounding: Whether a reply is being played.
        tell: Tells the user of a problem.
        heard: Is given what is sent, as PCM16, 24 kHz, mono.
    """

    def __init__(
        self,
        outbox: Outbox,
        wire: AudioFormat,
        guard: EchoGuard | None,
        is_sounding: Callable[[], bool],
        tell: Callable[[str], None],
        heard: Callable[[bytes], None],
    ) -> None:
        self._heard = heard
        self._outbox = outbox
        self._wire = wire
        self._encoder = encoder(wire)
        self._ear = GuardedEar(guard)
        self._is_sounding = is_sounding
        self._tell = tell
        self._gate = asyncio.Event()
        self._gate.set()
        self._source: Source | None = None
        self._is_room = False  # whether the source is a microphone, even while what it holds back may wait
        self.is_muted = False
        """Whether silence is sent instead of what a microphone records."""
        self._when_said: dict[object, Callable[[], None]] = {}
        self._readings: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._passed_bytes = 0
        self._captured_s = 0.0  # when the latest live chunk was complete

    @property
    def source(self) -> Source | None:
        """Who is listened to, if anybody is."""
        return self._source

    @property
    def has_source(self) -> bool:
        """Whether anybody is listened to."""
        return self._source is not None

    @property
    def is_live(self) -> bool:
        """Whether the source is a microphone: what it records arrives a little later."""
        return self._source is not None and (self._source.is_live or self._is_room)

    def use(self, source: Source | None) -> None:
        """Listen to this source from now on; before `run` it is kept until then."""
        if source is self._source:
            return  # it may be in the middle of a word
        self._source = source
        self._is_room = source is not None and source.is_live
        self._all_was_said()
        if isinstance(source, Telling):
            source.tell = self._tell
        if self._group is not None:
            self._begin(self._group, is_first=False)

    async def run(self, opened: asyncio.Event) -> None:
        """Listen, once `opened`, until cancelled.

        Raises:
            WorkshopError: The first source could not begin.
        """
        await opened.wait()
        async with asyncio.TaskGroup() as group:
            self._begin(group, is_first=True)
            self._group = group
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    def mute(self, is_muted: bool) -> None:
        """Send silence instead of what a microphone records, or no longer."""
        self.is_muted = is_muted

    def when_said(self, said: Callable[[], None]) -> bool:
        """Have `said` called once, when all that the source was told to say by now has gone through, or never will.

        Returns:
            Whether there is anything to wait for; otherwise `said` is not called.
        """
        token = object()
        waits = isinstance(self._source, Scripted) and self._source.when_said(lambda: self._was_said(token))
        if waits:
            self._when_said[token] = said
        return waits

    def _was_said(self, token: object) -> None:
        if (said := self._when_said.pop(token, None)) is not None:
            said()

    def _all_was_said(self) -> None:
        for token in list(self._when_said):
            self._was_said(token)

    def close_gate(self) -> float:
        """Send nothing from here on.

        Returns:
            Milliseconds of audio that went through since it was opened.
        """
        self._pass(self._encoder.end())
        self._gate.clear()
        return self._passed_bytes / self._wire.bytes_per_ms

    def open_gate(self) -> None:
        """Send what comes from here on."""
        if not self._gate.is_set():
            self._passed_bytes = 0
        self._gate.set()

    def _begin(self, group: asyncio.TaskGroup, *, is_first: bool) -> None:
        source, before = self._source, frozenset(self._readings)
        for reading in before:
            if not reading.cancelling():  # a second time it would break off how the device is let go
                reading.cancel()

        async def read() -> None:
            if before:
                await asyncio.wait(before)  # one of them may hold the very device
            if source is not None and self._source is source:
                await self._read(source, is_first=is_first)

        reading = group.create_task(read())
        self._readings.add(reading)
        reading.add_done_callback(self._readings.discard)

    async def _read(self, source: Source, *, is_first: bool) -> None:
        has_begun = False
        try:
            chunks = source.chunks()
            try:
                async for chunk in chunks:
                    has_begun = True
                    await self._take(source, chunk)
            finally:
                if isinstance(chunks, AsyncGenerator):
                    await chunks.aclose()
        except Exception as error:
            failure = _named(source, error)
            if is_first and not has_begun:
                raise failure from error
            self._tell(f"{failure.what} The session goes on without it. {failure.next_step}")
        if self._source is source:
            self._source = None
            self._all_was_said()

    async def _take(self, source: Source, pcm: bytes) -> None:
        self._is_room |= source.is_live
        if source.is_live:
            if self._gate.is_set():
                self._captured_s = Captured.now(pcm, asyncio.get_running_loop().time()).at_s
                self._pass(self._encode(pcm), live=True)
            return
        await self._outbox.room()
        while not self._gate.is_set():
            if self._is_room:
                return
            await self._gate.wait()
        self._pass(self._encode(pcm))

    def _encode(self, pcm: bytes) -> bytes:
        if self._is_room:  # nothing else can hear a loudspeaker
            now_s = asyncio.get_running_loop().time()
            pcm = self._ear.hear(bytes(len(pcm)) if self.is_muted else pcm, now_s, is_sounding=self._is_sounding())
        self._heard(pcm)
        return self._encoder.convert(pcm)

    def _pass(self, audio: bytes, *, live: bool = False) -> None:
        if not audio:
            return  # a filter holds it back
        self._passed_bytes += len(audio)
        if live:
            self._outbox.offer_audio(Captured.now(audio, self._captured_s))
        else:
            self._outbox.queue_audio(audio)


def _named(source: Source, error: Exception) -> WorkshopError:
    if isinstance(error, WorkshopError):
        return error
    name = type(source).__name__
    return AudioError(
        f"The audio source {name} failed: {error!r}.", "Plug in another one: session.use(source=microphone())."
    )
