"""The way down: the format of the wire, and a sink that may be changed, or fail, in the middle of a reply."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from ..audio.formats import BYTES_PER_MS, AudioFormat
from ..audio.playback import REMEMBERED_ITEMS
from ..audio.resampling import Converter, decoder
from ..audio.sinks import DeviceSink, SilentSink, Sink, Telling
from ..errors import WorkshopError


@dataclass
class _Sound:
    """What came of a reply, as long as not all of it was heard.

    Attributes:
        decoder: From the format of the wire.
        pcm: All of it, as it came, for another sink to go on with.
        is_growing: Whether more is to come.
    """

    decoder: Converter
    pcm: list[bytes] = field(default_factory=list)
    is_growing: bool = True


class Player:
    """Plays replies, item by item.

    Args:
        sink: Where they are played.
        tell: Tells the user of a problem.
        plays_on: Is told of the sink that plays from now on.
        heard: Is given what the sink gets, but for what another sink got before.
    """

    def __init__(
        self,
        sink: Sink,
        tell: Callable[[str], None],
        plays_on: Callable[[Sink], None],
        heard: Callable[[bytes], None] = lambda _pcm: None,
    ) -> None:
        self._heard = heard
        self._sink = sink
        self._plays_on = plays_on
        self._tell = tell
        self._is_open = False
        self._sounds: dict[str, _Sound] = {}
        self._played: deque[str] = deque(maxlen=REMEMBERED_ITEMS)
        self._heard_elsewhere_ms: dict[str, int] = {}
        self._next: Sink | None = None  # it is opening, and plays as soon as it is open
        self._opening: asyncio.Task[None] | None = None

    @property
    def queued_ms(self) -> float:
        """Milliseconds still to play."""
        return self._sink.head.queued_ms

    @property
    def queued_items(self) -> tuple[str, ...]:
        """Items with audio still to play, in order."""
        return self._sink.head.queued_items

    def heard_ms(self, item_id: str) -> int:
        """Whole milliseconds of an item that were played."""
        return self._heard_elsewhere_ms.get(item_id, 0) + self._sink.head.heard_ms(item_id)

    def play(self, item_id: str, audio: bytes, wire: AudioFormat) -> None:
        """Play audio of an item, in a format of the wire, after everything before it."""
        if item_id not in self._sounds:
            self._forget_heard()
            self._sounds[item_id] = _Sound(decoder(wire))
            self._played.append(item_id)
        self._go_on(item_id, self._sounds[item_id].decoder.convert(audio))

    def end(self, item_id: str) -> None:
        """No more of an item comes."""
        sound = self._sounds.get(item_id)
        if sound is None or not sound.is_growing:
            return
        self._go_on(item_id, sound.decoder.end())
        sound.is_growing = False
        self._try(lambda sink: sink.end(item_id))

    def flush(self, settled: Callable[[], None]) -> None:
        """Fall silent now. `settled` is called when it is known what was heard: at once, or soon."""
        self._sounds.clear()
        if not self._is_open:
            settled()  # somebody was in a hurry: there is nothing to silence yet
        elif not self._try(lambda sink: sink.flush(settled)):
            settled()

    async def open(self) -> None:
        """Make ready to play.

        Raises:
            AudioError: The sink cannot be used.
        """
        sink = self._sink
        self._take_up(sink)
        self._plays_on(sink)
        self._is_open = True
        if isinstance(sink, DeviceSink):
            try:
                await sink.opened()
            except WorkshopError:
                if self._sink is sink:  # otherwise another one plays already
                    raise

    def use(self, sink: Sink) -> None:
        """Play on another sink as soon as it is open: it goes on where the one before was heard last.

        One that cannot be used is told; the one before plays on.
        """
        if sink is self._next:
            return
        self._drop_next()
        if not self._is_open or _is_same(sink, self._sink):
            self._sink = sink
            return
        try:
            self._take_up(sink)
        except Exception as error:  # noqa: BLE001 - the talk goes on with the one it had
            self._refuse(sink, error)
            return
        if isinstance(sink, DeviceSink):
            self._next = sink
            self._opening = asyncio.get_running_loop().create_task(self._change_when_open(sink, sink.opened))
        else:
            self._move_to(sink)

    async def _change_when_open(self, sink: Sink, opened: Callable[[], Awaitable[None]]) -> None:
        try:
            await opened()
        except Exception as error:  # noqa: BLE001 - the talk goes on with the one it had
            self._next = None
            _let_go(sink)
            self._refuse(sink, error)
        else:
            self._next = None
            self._move_to(sink)

    def _refuse(self, sink: Sink, error: Exception) -> None:
        self._tell(f"The sink {type(sink).__name__} cannot be used, so the one before plays on: {error}")

    def _drop_next(self) -> None:
        if self._next is not None and self._opening is not None:
            self._opening.cancel()
            _let_go(self._next)
            self._next = None

    def _take_up(self, sink: Sink) -> None:
        sink.open()  # one that refuses may be somebody else's: it goes on telling them
        if isinstance(sink, Telling):
            sink.tell = self._tell
        if isinstance(sink, DeviceSink):
            sink.watch(partial(self._lose, sink))

    def close(self) -> None:
        """Let go of the sink, if it was opened: one that refused may be somebody else's."""
        if not self._is_open:
            return
        self._is_open = False
        self._drop_next()
        try:
            self._sink.close()
        except Exception as error:  # noqa: BLE001 - whoever waits for the end must be told all the same
            self._tell(f"The sink could not be closed: {error!r}")

    def _go_on(self, item_id: str, pcm: bytes) -> None:
        if pcm:
            self._sounds[item_id].pcm.append(pcm)
            self._heard(pcm)
            self._try(lambda sink: sink.play(item_id, pcm))

    def _try(self, action: Callable[[Sink], None]) -> bool:
        """Act on the sink; one that fails is replaced by silence, and the talk goes on."""
        try:
            action(self._sink)
        except Exception as error:  # noqa: BLE001 - whatever it was, the conversation does not need this sink
            self._lose(self._sink, error)
            return False
        return True

    def _lose(self, sink: Sink, error: Exception) -> None:
        if not _is_same(sink, self._sink):
            return
        why = f"{error.what} {error.next_step}" if isinstance(error, WorkshopError) else f"{error!r}."
        self._tell(
            f"The sink {type(sink).__name__} failed: {why} Replies are not played any more. "
            "Plug in another one: session.use(sink=speaker())."
        )
        self._change_to(SilentSink())

    def _move_to(self, sink: Sink) -> None:
        self._forget_heard()
        self._change_to(sink)

    def _change_to(self, sink: Sink) -> None:
        before = self._sink
        heard_ms = {item_id: self.heard_ms(item_id) for item_id in self._played}
        # a sink that comes back has counted what it played before
        self._heard_elsewhere_ms = {item_id: ms - sink.head.heard_ms(item_id) for item_id, ms in heard_ms.items()}
        self._sink = sink
        self._plays_on(sink)
        _silence(before)
        for item_id, sound in list(self._sounds.items()):
            rest = b"".join(sound.pcm)[heard_ms[item_id] * BYTES_PER_MS :]
            if self._sink is sink:  # one that fails has left the rest to silence
                self._try(partial(_play_rest, item_id, rest, sound))

    def _forget_heard(self) -> None:
        queued = self.queued_items
        for item_id in [name for name, sound in self._sounds.items() if not sound.is_growing and name not in queued]:
            del self._sounds[item_id]


def _play_rest(item_id: str, pcm: bytes, sound: _Sound, sink: Sink) -> None:
    sink.play(item_id, pcm)
    if not sound.is_growing:
        sink.end(item_id)


def _is_same(sink: Sink, other: Sink) -> bool:
    """Whether both play to the same device: one of them may be recorded."""
    return sink is other or sink.head is other.head


def _silence(sink: Sink) -> None:
    with contextlib.suppress(Exception):  # it is not needed any more, and may be gone
        sink.flush(lambda: None)
    _let_go(sink)


def _let_go(sink: Sink) -> None:
    with contextlib.suppress(Exception):
        sink.close()
