"""A program, or a cell, in the middle of a reply: arguments are a folder for notes, and how to end."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

from realtime_helpers import RealtimeSession, State
from realtime_helpers.audio.sinks import QueueSink

NOTES, ENDING = Path(sys.argv[1]), sys.argv[2]


class Microphone:
    """Records silence."""

    is_live = True

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            while True:
                await asyncio.sleep(0.04)
                yield bytes(1920)
        finally:
            (NOTES / "microphone closed").touch()


class Loudspeaker(QueueSink):
    """Is never done."""

    def close(self) -> None:
        (NOTES / "loudspeaker closed").touch()


session = RealtimeSession()
session.start(source=Microphone(), sink=Loudspeaker())
session.send_text("Tell me a long story.")
session.wait_for(lambda now: now.state is State.SPEAKING)
sys.stdout.write("a reply sounds\n")
sys.stdout.flush()
if ENDING == "wait":
    threading.Event().wait(30)
