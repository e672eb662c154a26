"""openai-agents: its session and its OpenAI websocket model, with the player and recorder of its command line example.

The example's half-duplex gate is left out: with it, nobody could interrupt. Its model asks the server to interrupt.
"""

from __future__ import annotations

import asyncio
import queue

import agents
from agents.realtime import RealtimeAgent, RealtimePlaybackTracker, RealtimeRunner, RealtimeSession
from card import Card

CHUNK_MS = 40
POLL_S = 0.01
agents.set_tracing_disabled(True)


class Player:
    """What its example does in the output callback: a queue, the rest of a chunk, and a flag that empties both."""

    def __init__(self, tracker: RealtimePlaybackTracker) -> None:
        self.queue: queue.Queue[tuple[bytes, str, int]] = queue.Queue()
        self.is_interrupted = False
        self._tracker = tracker
        self._chunk: tuple[bytes, str, int] | None = None
        self._position = 0

    def fill(self, block: bytearray) -> None:
        if self.is_interrupted:
            while not self.queue.empty():
                self.queue.get_nowait()
            self._chunk, self._position, self.is_interrupted = None, 0, False
            return
        filled = 0
        while filled < len(block):
            if self._chunk is None:
                try:
                    self._chunk, self._position = self.queue.get_nowait(), 0
                except queue.Empty:
                    return
            pcm, item_id, content_index = self._chunk
            part = pcm[self._position : self._position + len(block) - filled]
            block[filled : filled + len(part)] = part
            filled += len(part)
            self._position += len(part)
            self._tracker.on_play_bytes(item_id=item_id, item_content_index=content_index, bytes=part)
            if self._position >= len(pcm):
                self._chunk = None


async def talk(url: str, script: str, card: Card) -> None:
    tracker = RealtimePlaybackTracker()
    player = Player(tracker)
    runner = RealtimeRunner(RealtimeAgent[None](name="Guide"), config={"model_settings": {"model_name": script}})
    address = f"{url.replace('http', 'ws', 1)}/realtime?model={script}"
    model_config = {"url": address, "api_key": "any", "playback_tracker": tracker}
    async with await runner.run(model_config=model_config) as session:
        recording = asyncio.create_task(record(session, card))
        with card.speaker(player.fill):
            async for event in session:
                if event.type == "audio":
                    player.queue.put_nowait((event.audio.data, event.item_id, event.content_index))
                    card.hand(event.audio.data)
                elif event.type == "audio_interrupted":
                    player.is_interrupted = True
        await recording


async def record(session: RealtimeSession, card: Card) -> None:
    """Its example asks the device every 10 ms whether a chunk is ready."""
    ready: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    with card.microphone(CHUNK_MS, ready.put):
        while True:
            if ready.empty():
                await asyncio.sleep(POLL_S)
                continue
            await session.send_audio(ready.get())
            await asyncio.sleep(0)


async def listen(url: str, script: str, _card: Card) -> None:
    """Its session without microphone and player."""
    runner = RealtimeRunner(RealtimeAgent[None](name="Guide"), config={"model_settings": {"model_name": script}})
    address = f"{url.replace('http', 'ws', 1)}/realtime?model={script}"
    async with await runner.run(model_config={"url": address, "api_key": "any"}) as session:
        async for _event in session:
            pass
