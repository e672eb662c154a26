"""This package: its session, its microphone and its speaker; only the sound library is the card."""

from __future__ import annotations

import asyncio
import os
import sys

from card import Card, as_sounddevice

from realtime_helpers import RealtimeSession
from realtime_helpers.audio.devices import PREBUFFER_MS, Microphone, Speaker
from realtime_helpers.audio.playback import PlayHead
from realtime_helpers.settings import Settings


async def talk(url: str, script: str, card: Card) -> None:
    class NotingSpeaker(Speaker):
        def __init__(self) -> None:
            super().__init__()
            self._head = PlayHead(int(os.environ.get("PREBUFFER_MS", PREBUFFER_MS)))

        def play(self, item_id: str, pcm: bytes) -> None:
            super().play(item_id, pcm)
            card.hand(pcm)

    sys.modules["sounddevice"] = as_sounddevice(card)
    session(url, script).start(Microphone(), NotingSpeaker())
    await asyncio.Event().wait()


async def listen(url: str, script: str, _card: Card) -> None:
    """Without microphone and speaker: every event is reduced, every sound is decoded and counted as heard."""
    session(url, script).start()
    await asyncio.Event().wait()


def session(url: str, script: str) -> RealtimeSession:
    settings = Settings.from_environment("simulator", model=script, simulator_url=url, environ={})
    return RealtimeSession(settings=settings)
