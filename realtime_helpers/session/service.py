"""What a session connects to: a line that carries frames, and whoever writes summaries there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self, runtime_checkable

from ..backends import find_server
from ..memory import ChatSummariser, ResponsesSummariser, Summariser, SummaryStyle
from ..settings import Settings
from .failures import not_connected

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.resources.realtime.realtime import AsyncRealtimeConnection

TextWriter = Literal["chat", "responses"]
"""Endpoints of a text model that can write summaries."""
Writer = TextWriter | Literal["out_of_band"]
"""The same, or the live model itself, outside of its conversation."""

ROUND_TRIP_EVERY_S = 5.0
CONNECT_PATIENCE_S = 15.0
_CLOSE_PATIENCE_S = 2.0


class LineLostError(Exception):
    """The line is closed.

    Attributes:
        code: Close code; 1006 when there was none. 1001 is no normal end (reference §1.3).
        reason: Why, in a sentence, where it is known.
    """

    def __init__(self, code: int, reason: str | None = None) -> None:
        super().__init__(f"close code {code}")
        self.code = code
        self.reason = reason


class Line(Protocol):
    """One connection: frames in order, both ways."""

    async def send(self, frame: str) -> None:
        """Send a frame.

        Raises:
            LineLostError: The line is closed.
        """
        ...

    async def receive(self) -> str | bytes:
        """The next frame.

        Raises:
            LineLostError: The line is closed.
        """
        ...

    async def close(self) -> None:
        """Close in the ordinary way. Never raises."""
        ...


@runtime_checkable
class PingableLine(Line, Protocol):
    """A line that can tell how far away the server is."""

    async def ping(self) -> float | None:
        """Seconds until the server has answered a ping; `None` when it will not."""
        ...


async def round_trips(line: Line, tell: Callable[[float], None]) -> None:
    """Ping the server every few seconds, and tell how many seconds each took; nothing on a line that cannot."""
    if isinstance(line, PingableLine):
        while (took_s := await line.ping()) is not None:
            tell(took_s)
            await asyncio.sleep(ROUND_TRIP_EVERY_S)


class Service(Protocol):
    """A server that sessions run on. Entered once a session, connected to as often as needed."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def connect(self) -> Line:
        """Open a new line.

        Raises:
            SessionError: It cannot be opened; the message says what to do.
        """
        ...

    def summariser(self, style: SummaryStyle, writer: TextWriter) -> Summariser:
        """The text model of this server, through one of its endpoints."""
        ...


class OpenAIService:
    """OpenAI, Azure, a proxy or the simulator, through the official SDK: they differ only in settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: AsyncOpenAI | None = None

    async def __aenter__(self) -> Self:
        openai = await asyncio.to_thread(import_module, "openai")  # takes most of a second: not on this loop
        self._settings = await find_server(self._settings)
        self._client = openai.AsyncOpenAI(
            base_url=self._settings.base_url, api_key=self._settings.api_key, default_headers=self._settings.headers
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

    async def connect(self) -> Line:
        """See `Service.connect`."""
        assert self._client is not None
        try:
            async with asyncio.timeout(CONNECT_PATIENCE_S):
                return _SocketLine(await self._client.realtime.connect(model=self._settings.model).enter())
        except Exception as error:
            raise not_connected(self._settings, error) from error

    def summariser(self, style: SummaryStyle, writer: TextWriter) -> Summariser:
        """See `Service.summariser`."""
        assert self._client is not None
        kind = ChatSummariser if writer == "chat" else ResponsesSummariser
        return kind(self._client, self._settings.summary_model, style)


class _SocketLine:
    """The SDK's connection. Frames stay text: typed models on the hot path would be many times dearer."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        self._connection = connection
        self._closed = ConnectionClosed

    async def send(self, frame: str) -> None:
        try:
            await self._connection.send_raw(frame)
        except self._closed as end:
            raise LineLostError(end.rcvd.code if end.rcvd else 1006) from None

    async def receive(self) -> bytes:
        try:
            return await self._connection.recv_bytes()
        except self._closed as end:
            raise LineLostError(end.rcvd.code if end.rcvd else 1006) from None

    async def ping(self) -> float | None:
        """See `PingableLine.ping`. The SDK has none of its own, so its socket is asked, if there is one."""
        ping = getattr(getattr(self._connection, "_connection", None), "ping", None)
        if ping is None:
            return None
        try:
            took_s: float = await (await ping())
        except self._closed:
            return None  # whoever receives knows why, and says so
        return took_s

    async def close(self) -> None:
        """Close, and read on meanwhile: unread audio would keep the server's own close from being seen."""

        async def drain() -> None:
            while True:
                await self._connection.recv_bytes()

        draining = asyncio.ensure_future(drain())
        try:
            with contextlib.suppress(Exception):  # the socket may be gone or deaf; there is nothing to save
                async with asyncio.timeout(_CLOSE_PATIENCE_S):
                    await self._connection.close()
        finally:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)
