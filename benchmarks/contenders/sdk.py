"""The official SDK's connection, and nothing behind it."""

from __future__ import annotations

from card import Card
from openai import AsyncOpenAI


async def typed(url: str, script: str, _card: Card) -> None:
    """Iterate over typed events, and do nothing with them."""
    client = AsyncOpenAI(base_url=url, api_key="any")
    async with client.realtime.connect(model=script) as connection:
        await connection.send({"type": "session.update", "session": {"type": "realtime"}})
        async for _event in connection:
            pass


async def unread(url: str, script: str, _card: Card) -> None:
    """Receive frames without looking at them: the share of the socket."""
    client = AsyncOpenAI(base_url=url, api_key="any")
    async with client.realtime.connect(model=script) as connection:
        await connection.send({"type": "session.update", "session": {"type": "realtime"}})
        while True:
            await connection.recv_bytes()
