"""The simulator's HTTP and WebSocket doors: frames in, frames out, and nothing of the protocol itself."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from ..protocol.frames import encode
from ..protocol.ids import IdMint
from .connection import Connection
from .pace import PACES, Pace
from .parts import Parts
from .protocol_error import ProtocolError
from .session_config import knows_model
from .text_and_audio_doors import add_text_and_audio_doors, http_error

_MAX_FRAME_BYTES = 24 * 1024 * 1024
_PING_SECONDS = 20.0


@dataclass
class Config:
    """How a simulator behaves.

    Attributes:
        parts: Ears, voice and responder.
        pace: Waiting times; `PACES["fast"]` waits for nothing.
        required_key: The only API key that is accepted; `None` accepts any.
        clock: Seconds since the epoch.
        seed: Makes ids repeatable; `None` draws them at random.
    """

    parts: Parts = field(default_factory=Parts)
    pace: Pace = PACES["fast"]
    required_key: str | None = field(default=None, repr=False)
    clock: Callable[[], float] = time.time
    seed: int | None = None

    def new_ids(self) -> IdMint:
        """A source of ids for one connection."""
        return IdMint(self.clock, random.Random(self.seed))


CONFIG = web.AppKey("config", Config)
SOCKETS = web.AppKey("sockets", set["web.WebSocketResponse[bool]"])


def build_app(config: Config) -> web.Application:
    """The application: `/v1/realtime`, the doors for text and audio, and `/health`."""
    app = web.Application(client_max_size=_MAX_FRAME_BYTES)
    app[CONFIG] = config
    app[SOCKETS] = set()
    app.router.add_get("/v1/realtime", realtime)
    add_text_and_audio_doors(app, config, lambda request: _key_refusal(request, config))
    app.router.add_get("/health", health)
    app.router.add_route("*", "/{path:.*}", not_there)
    app.on_shutdown.append(_close_sockets)
    return app


async def _close_sockets(app: web.Application) -> None:
    sockets = app[SOCKETS]
    for socket in list(sockets):
        await socket.close(code=1001, message=b"The simulator is shutting down.")


async def health(_request: web.Request) -> web.Response:
    """Say that the server accepts connections."""
    return web.json_response({"status": "ok", "server": "realtime-workshop simulator"})


async def not_there(request: web.Request) -> web.Response:
    """Say in the API's own form what this server does not have."""
    return http_error(404, ProtocolError("not_simulated", f"{request.method} {request.path} is not simulated."))


async def realtime(request: web.Request) -> web.WebSocketResponse[bool]:
    """Hold one realtime session."""
    config = request.app[CONFIG]
    socket: web.WebSocketResponse[bool] = web.WebSocketResponse(
        compress=False, heartbeat=_PING_SECONDS, max_msg_size=_MAX_FRAME_BYTES
    )
    await socket.prepare(request)
    ids = config.new_ids()
    if (refusal := _refusal(request, config)) is not None:
        error, close_code = refusal
        await socket.send_str(encode(error.as_event(ids.new("event"), None)))
        reason = "invalid_request_error" + (f".{error.code}" if error.code else "")
        await socket.close(code=close_code, message=reason.encode())
        return socket

    outgoing: asyncio.Queue[str] = asyncio.Queue()
    connection = Connection(
        outgoing.put_nowait, model=request.query["model"], parts=config.parts, ids=ids, pace=config.pace,
        now_s=config.clock(),
    )  # fmt: skip
    writer = asyncio.create_task(_write(socket, outgoing))
    request.app[SOCKETS].add(socket)
    try:
        connection.start()
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                connection.receive(message.data)
                await asyncio.sleep(0)  # a client that never pauses must not starve its own replies
            elif message.type == WSMsgType.BINARY:
                connection.refuse_binary()
    finally:
        request.app[SOCKETS].discard(socket)
        await connection.close()
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    return socket


async def _write(socket: web.WebSocketResponse[bool], outgoing: asyncio.Queue[str]) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            await socket.send_str(await outgoing.get())


def _refusal(request: web.Request, config: Config) -> tuple[ProtocolError, int] | None:
    """Why this client is turned away after the upgrade, and the close code (reference §1.2)."""
    key = _key_of(request)
    if key is None:
        return ProtocolError(None, "Missing bearer or basic authentication in header"), 3000
    if config.required_key is not None and key != config.required_key:
        return _wrong_key(key), 3000
    if "realtime=v1" in request.headers.get("OpenAI-Beta", ""):
        return ProtocolError(
            "beta_api_shape_disabled",
            "The Realtime beta API is no longer supported. Use the GA API at /v1/realtime.",
        ), 4000
    model = request.query.get("model")
    if not model:
        return ProtocolError(
            "missing_model",
            "You must provide a model parameter, for example ws://127.0.0.1:8765/v1/realtime?model=gpt-realtime-2.1",
        ), 4000
    if not knows_model(model):
        return ProtocolError("invalid_model", f'Model "{model}" is not supported in realtime mode.'), 4000
    return None


def _key_of(request: web.Request) -> str | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" and key else None


def _wrong_key(key: str) -> ProtocolError:
    shown = f"{key[:3]}***{key[-2:]}" if len(key) > 8 else "***"
    return ProtocolError("invalid_api_key", f"Incorrect API key provided: {shown}.")


def _key_refusal(request: web.Request, config: Config) -> ProtocolError | None:
    """Why a request to the other doors is turned away."""
    key = _key_of(request)
    if key is None or (config.required_key is not None and key != config.required_key):
        return _wrong_key(key or "")
    return None
