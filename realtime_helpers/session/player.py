"""The way down: the format of the wire, and a sink that may be changed, or fail, in the middle of a reply."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ..audio.formats import BYTES_PER_MS, AudioFormat
from ..audio.resampling import Converter, decoder
from ..audio.sinks import DeviceSink, SilentSink, Sink, Telling
from ..errors import WorkshopError


@dataclass
class _Sound:
    """What came of a reply, as long as not all of it was heard.

    Attributes:
        decoder: From the format of the wire.
        pcm: All of it, for another sink to go on with.
        is_growing: Whether more is to come.
    """

    decoder: Converter
    pcm: bytearray = field(default_factory=bytearray)
    is_growing: bool = True


class Player:
    """Plays replies, item by item.

    Args:
        sink: Where they are played.
        tell: Tells the user of a problem.
        plays_on: Is told of the sink that plays from now on.
    """

    def __init__(self, sink: Sink, tell: Callable[[str], None], plays_on: Callable[[Sink], None]) -> None:
        self._sink = sink
        self._plays_on = plays_on
        self._tell = tell
        self._is_open = False
        self._sounds: dict[str, _Sound] = {}
        self._played: set[str] = set()
        self._heard_elsewhere_ms: dict[str, int] = {}

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
            self._played.add(item_id)
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
        if not self._try(lambda sink: sink.flush(settled)):
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
            await sink.opened()

    def use(self, sink: Sink) -> None:
        """Play on another sink from now on: it goes on where the one before was heard last.

        Raises:
            AudioError: It cannot be used; the one before plays on.
        """
        if self._is_open:
            self._take_up(sink)
            self._change_to(sink)
        else:
            self._sink = sink

    def _take_up(self, sink: Sink) -> None:
        if isinstance(sink, Telling):
            sink.tell = self._tell
        sink.open()
        if isinstance(sink, DeviceSink):
            sink.watch(partial(self._lose, sink))

    def close(self) -> None:
        """Let go of the sink."""
        try:
            self._sink.close()
        except Exception as error:  # noqa: BLE001 - whoever waits for the end must be told all the same
            self._tell(f"The sink could not be closed: {error!r}")

    def _go_on(self, item_id: str, pcm: bytes) -> None:
        if pcm:
            self._sounds[item_id].pcm += pcm
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
        if sink is not self._sink:
            return
        why = f"{error.what} {error.next_step}" if isinstance(error, WorkshopError) else f"{error!r}."
        self._tell(
            f"The sink {type(sink).__name__} failed: {why} Replies are not played any more. "
            "Plug in another one: session.use(sink=speaker())."
        )
        self._change_to(SilentSink())

    def _change_to(self, sink: Sink) -> None:
        before, queued = self._sink, self.queued_items
        heard_ms = {item_id: self.heard_ms(item_id) for item_id in self._played}
        self._sink, self._heard_elsewhere_ms = sink, heard_ms
        self._plays_on(sink)
        _silence(before)
        for item_id, sound in self._sounds.items():
            if item_id in queued or sound.is_growing:
                rest = bytes(sound.pcm[heard_ms[item_id] * BYTES_PER_MS :])
                self._try(partial(_play_rest, item_id, rest, sound))

    def _forget_heard(self) -> None:
        queued = self.queued_items
        for item_id in [name for name, sound in self._sounds.items() if not sound.is_growing and name not in queued]:
            del self._sounds[item_id]


def _play_rest(item_id: str, pcm: bytes, sound: _Sound, sink: Sink) -> None:
    sink.play(item_id, pcm)
    if not sound.is_growing:
        sink.end(item_id)


def _silence(sink: Sink) -> None:
    with contextlib.suppress(Exception):  # it is not needed any more, and may be gone
        sink.flush(lambda: None)
    with contextlib.suppress(Exception):
        sink.close()
