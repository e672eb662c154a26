"""A server's WebSocket that knows who ended it and why, and always gives the client a reason."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Literal

from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_websocket import WSMessageDecodeText

FAREWELL_SECONDS = 2.0
"""How long an end waits for a client that does not read, or does not answer."""


class Socket(web.WebSocketResponse[Literal[True]]):
    """One client's connection.

    Args:
        frame_bytes: Size of the largest frame it takes.

    Attributes:
        frames_in: Frames from the client.
        frames_out: Frames to the client.
        last_frame_s: When the client last sent one, on the monotonic clock.
        ending: Who ended the connection (`client`, `lost`, or a reason of ours) and the close code.
    """

    def __init__(self, frame_bytes: int) -> None:
        super().__init__(protocols=("realtime",), compress=False, max_msg_size=frame_bytes)
        self._line: asyncio.Transport | None = None
        self._frame_bytes = frame_bytes
        self.frames_in = 0
        self.frames_out = 0
        self.last_frame_s = time.monotonic()
        self.ending: tuple[str, int] = ("lost", int(WSCloseCode.ABNORMAL_CLOSURE))

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Answer the upgrade; a browser's `realtime` subprotocol is accepted."""
        self._line = request.transport
        return await super().prepare(request)

    def cut(self, reason: str, code: int = WSCloseCode.ABNORMAL_CLOSURE) -> None:
        """End the connection without a word: no close frame, and what waits is lost.

        Args:
            reason: A word for the log.
            code: The close code that counts as its ending.
        """
        if self._line is not None and not self._line.is_closing():
            self.ending = (reason, int(code))
            self._line.abort()

    async def frames(self) -> AsyncIterator[WSMessageDecodeText]:
        """The client's text and binary frames, until the connection ends."""
        while True:
            message = await self.receive()
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self.frames_in += 1
                self.last_frame_s = time.monotonic()
                yield message
                continue
            if message.type is WSMsgType.CLOSE:
                self.ending = ("client", message.data or int(WSCloseCode.OK))
            return

    async def send_str(self, data: str, compress: int | None = None) -> None:
        """Send a text frame."""
        await super().send_str(data, compress)
        self.frames_out += 1

    async def end(self, reason: str, code: int, message: str) -> None:
        """Close the connection from this side, whether or not the client reads.

        Args:
            reason: A word for the log.
            code: WebSocket close code.
            message: Sentence for the client, at most 123 bytes.
        """
        if self.closed:
            return
        self.ending = (reason, code)
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self.close(code=code, message=message.encode())
        except (ConnectionError, TimeoutError):  # a polite close would wait until what was sent is read
            self.cut(reason, code)

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        """Close the connection; a frame that was too big gets a reason too."""
        if code == WSCloseCode.MESSAGE_TOO_BIG and not message:
            self.ending = ("frame_too_big", code)
            message = f"A frame may have at most {self._frame_bytes} bytes.".encode()
        return await super().close(code=code, message=message, drain=drain)
