"""The well-known notebook's way, with its field names repaired: the device thread puts chunks into an asyncio queue,
and a reply is played whole when `response.done` has come. Its player cannot be interrupted.
"""

from __future__ import annotations

import asyncio
import base64
import json

from card import Card, Stream
from websockets.asyncio.client import connect


async def talk(url: str, script: str, card: Card) -> None:
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    address = f"{url.replace('http', 'ws', 1)}/realtime?model={script}"
    async with connect(address, additional_headers={"Authorization": "Bearer any"}, max_size=1 << 24) as socket:
        await socket.recv()
        await socket.send(json.dumps({"type": "session.update", "session": {"type": "realtime"}}))

        async def upload() -> None:
            while True:
                audio = base64.b64encode(await queue.get()).decode()
                await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))

        uploading = asyncio.create_task(upload())
        audio: list[bytes] = []
        with card.microphone(40, queue.put_nowait):
            async for frame in socket:
                event = json.loads(frame)
                if event["type"] == "response.output_audio.delta":
                    audio.append(base64.b64decode(event["delta"]))
                elif event["type"] == "response.done":
                    play_buffer(card, b"".join(audio)).start()
                    audio.clear()
        await uploading


def play_buffer(card: Card, pcm: bytes) -> Stream:
    """As in simpleaudio: a whole buffer, beside all others that play."""
    position = 0

    def fill(block: bytearray) -> None:
        nonlocal position
        part = pcm[position : position + len(block)]
        block[: len(part)] = part
        position += len(part)
        if not part:
            stream.stop()

    card.hand(pcm)
    stream = card.speaker(fill)
    return stream
