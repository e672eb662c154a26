"""This package: its session, its microphone and its speaker; only the sound library is the card."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

from card import Card

from realtime_helpers import RealtimeSession
from realtime_helpers.audio.devices import PREBUFFER_MS, Microphone, Speaker
from realtime_helpers.audio.sinks import QueueSink, Sink
from realtime_helpers.audio.sources import Source
from realtime_helpers.settings import Settings

BENCHMARKS = Path(__file__).parents[1]


async def talk(url: str, script: str, card: Card) -> None:
    """With its devices, each in a process of its own."""

    class NotingSpeaker(Speaker):
        def play(self, item_id: str, pcm: bytes) -> None:
            super().play(item_id, pcm)
            card.hand(pcm)

    os.environ["CARD_JOURNALS"] = tempfile.mkdtemp()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(BENCHMARKS / "virtual"), str(BENCHMARKS)])
    speaker = NotingSpeaker(prebuffer_ms=int(os.environ.get("PREBUFFER_MS", PREBUFFER_MS)))
    await hold(session(url, script), Microphone(), speaker)


async def serve(url: str, script: str, card: Card) -> None:
    """As on a server, where nobody has a sound card: a live source and a sink that something else feeds and empties."""
    sink = QueueSink()
    speaker = card.speaker(lambda block: take(sink, block))
    speaker.start()
    await hold(session(url, script), CardSource(card), sink)


async def listen(url: str, script: str, _card: Card) -> None:
    """Without microphone and speaker: every event is reduced, every sound is decoded and counted as heard."""
    await hold(session(url, script))


async def hold(session: RealtimeSession, source: Source | None = None, sink: Sink | None = None) -> None:
    """Until this process is ended: a session that nobody holds any more stops."""
    session.start(source, sink)
    await asyncio.Event().wait()


def session(url: str, script: str) -> RealtimeSession:
    settings = Settings.from_environment("simulator", model=script, simulator_url=url, environ={})
    return RealtimeSession(settings=settings)


def take(sink: QueueSink, block: bytearray) -> None:
    pcm = sink.head.pull(len(block))
    block[: len(pcm)] = pcm


class CardSource:
    """Chunks of the card, handed over from its thread."""

    is_live = True

    def __init__(self, card: Card) -> None:
        self._card = card

    async def chunks(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        waiting: deque[bytes] = deque()
        ready = asyncio.Event()

        def accept(chunk: bytes) -> None:
            waiting.append(chunk)
            ready.set()

        with self._card.microphone(40, lambda chunk: loop.call_soon_threadsafe(accept, chunk)):
            while True:
                await ready.wait()
                ready.clear()
                while waiting:
                    yield waiting.popleft()
