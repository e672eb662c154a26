"""The simulator's HTTP and WebSocket doors: frames in, frames out, and nothing of the protocol itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from ..protocol.frames import encode
from ..protocol.ids import IdMint
from . import completions
from .connection import Connection
from .limits import Limits
from .metrics import Metrics
from .pace import PACES, Pace
from .parts import Parts
from .protocol_error import ProtocolError
from .session_config import knows_model
from .socket import Socket

_log = logging.getLogger(__name__)

_FAREWELL_SECONDS = 2.0


@dataclass
class Config:
    """How a simulator behaves.

    Attributes:
        parts: Ears, voice and responder.
        pace: Waiting times; `PACES["fast"]` waits for nothing.
        required_key: The only API key that is accepted; `None` accepts any.
        clock: Seconds since the epoch.
        seed: Makes ids repeatable; `None` draws them at random.
        limits: How much it takes on.
        metrics: Its figures.
        signing_key: Signs client secrets; servers behind one address need the same.
    """

    parts: Parts = field(default_factory=Parts)
    pace: Pace = PACES["fast"]
    required_key: str | None = field(default=None, repr=False)
    clock: Callable[[], float] = time.time
    seed: int | None = None
    limits: Limits = field(default_factory=Limits)
    metrics: Metrics = field(default_factory=Metrics)
    signing_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def new_ids(self) -> IdMint:
        """A source of ids for one connection."""
        return IdMint(self.clock, random.Random(self.seed))


CONFIG = web.AppKey("config", Config)
SOCKETS = web.AppKey("sockets", set[Socket])
DRAINING = web.AppKey("draining", asyncio.Event)
_EMPTY = web.AppKey("empty", asyncio.Event)


def build_app(config: Config) -> web.Application:
    """The application: `/v1/realtime`, two text endpoints for summaries, `/health` and `/metrics`."""
    app = web.Application(client_max_size=config.limits.frame_bytes)
    app[CONFIG] = config
    app[SOCKETS] = set()
    app[DRAINING], app[_EMPTY] = asyncio.Event(), asyncio.Event()
    app[_EMPTY].set()
    app.router.add_get("/v1/realtime", realtime)
    app.router.add_post("/v1/chat/completions", chat_completions)
    app.router.add_post("/v1/responses", responses)
    app.router.add_get("/health", health)
    app.router.add_get("/metrics", metrics)
    app.router.add_route("*", "/{path:.*}", not_there)
    app.on_shutdown.append(_close_sockets)
    return app


async def drain(app: web.Application, seconds: float) -> None:
    """Accept no more sessions, and wait at most `seconds` for those that are open to end."""
    app[DRAINING].set()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await app[_EMPTY].wait()


async def _close_sockets(app: web.Application) -> None:
    app[DRAINING].set()
    closing = [
        asyncio.create_task(socket.end("shutdown", 1001, "The simulator is shutting down.")) for socket in app[SOCKETS]
    ]
    if closing:
        await asyncio.wait(closing, timeout=_FAREWELL_SECONDS)


async def health(request: web.Request) -> web.Response:
    """Say whether new sessions are welcome (200) or the server is about to stop (503)."""
    draining = request.app[DRAINING].is_set()
    state = {
        "status": "shutting down" if draining else "ok",
        "server": "realtime-workshop simulator",
        "version": version("realtime-helpers"),
        "sessions": len(request.app[SOCKETS]),
    }
    return web.json_response(state, status=503 if draining else 200)


async def metrics(request: web.Request) -> web.Response:
    """The figures, for Prometheus."""
    page, content_type = request.app[CONFIG].metrics.page()
    return web.Response(body=page, headers={"Content-Type": content_type})


async def not_there(request: web.Request) -> web.Response:
    """Say in the API's own form what this server does not have."""
    return _http_error(404, ProtocolError("not_simulated", f"{request.method} {request.path} is not simulated."))


async def realtime(request: web.Request) -> Socket:
    """Hold one realtime session."""
    config = request.app[CONFIG]
    socket = Socket(config.limits.frame_bytes)
    await socket.prepare(request)
    ids = config.new_ids()
    if (refusal := _refusal(request, config)) is not None:
        error, close_code = refusal
        event = error.as_event(ids.new("event"), None)
        config.metrics.server_event(event)
        level = logging.WARNING if error.code == "too_many_sessions" else logging.INFO
        _log.log(level, "session refused", extra={"code": error.code, "close_code": close_code})
        await socket.send_str(encode(event))
        reason = "invalid_request_error" + (f".{error.code}" if error.code else "")
        await socket.close(code=close_code, message=reason.encode())
        return socket

    outgoing: asyncio.Queue[str] = asyncio.Queue()
    connection = Connection(
        outgoing.put_nowait, model=request.query["model"], parts=config.parts, ids=ids, pace=config.pace,
        now_s=config.clock(),
    )  # fmt: skip
    writer = asyncio.create_task(_write(socket, outgoing))
    patience = asyncio.create_task(_end_when_idle(socket, config, ids))
    with _session(request.app, socket, connection):
        try:
            connection.start()
            async for message in socket.frames():
                if message.type == WSMsgType.TEXT:
                    connection.receive(message.data)
                    await asyncio.sleep(0)  # a client that never pauses must not starve its own replies
                else:
                    connection.refuse_binary()
        finally:
            await connection.close()
            for task in (writer, patience):
                task.cancel()
            await asyncio.gather(writer, patience, return_exceptions=True)
    return socket


@contextlib.contextmanager
def _session(app: web.Application, socket: Socket, connection: Connection) -> Iterator[None]:
    """Count a session and log its two ends. Nothing of what is said in it."""
    sockets, figures = app[SOCKETS], app[CONFIG].metrics
    began = time.monotonic()
    about = {"session": connection.session["id"], "model": connection.session["model"]}
    sockets.add(socket)
    app[_EMPTY].clear()
    figures.session_opened()
    _log.info("session opened", extra=about)
    try:
        yield
    finally:
        sockets.discard(socket)
        if not sockets:
            app[_EMPTY].set()
        reason, close_code = socket.ending
        figures.session_ended(reason, close_code)
        about |= {"reason": reason, "close_code": close_code, "seconds": round(time.monotonic() - began, 3)}
        _log.info("session closed", extra={**about, "frames_in": socket.frames_in, "frames_out": socket.frames_out})


async def _end_when_idle(socket: Socket, config: Config, ids: IdMint) -> None:
    limit_s = config.limits.idle_seconds
    while True:
        left_s = socket.last_frame_s + limit_s - time.monotonic()
        if left_s <= 0:
            break
        await asyncio.sleep(left_s)
    error = ProtocolError("idle_session", f"Your session sent nothing for {limit_s:g} seconds.")
    event = error.as_event(ids.new("event"), None)
    config.metrics.server_event(event)
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(_FAREWELL_SECONDS):  # it may not read either
            await socket.send_str(encode(event))
    await socket.end("idle_session", 1001, error.message)


async def _write(socket: Socket, outgoing: asyncio.Queue[str]) -> None:
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
    if request.app[DRAINING].is_set():
        return ProtocolError("shutting_down", "The simulator is shutting down. Connect again."), 1012
    if len(request.app[SOCKETS]) >= config.limits.sessions:
        return ProtocolError(
            "too_many_sessions", f"The simulator already holds {config.limits.sessions} sessions. Try again later."
        ), 1013
    return None


def _key_of(request: web.Request) -> str | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" and key else None


def _wrong_key(key: str) -> ProtocolError:
    shown = f"{key[:3]}***{key[-2:]}" if len(key) > 8 else "***"
    return ProtocolError("invalid_api_key", f"Incorrect API key provided: {shown}.")


async def chat_completions(request: web.Request) -> web.Response:
    """`POST /v1/chat/completions`, for the ordinary OpenAI client."""
    return await _complete(request, completions.chat_completion)


async def responses(request: web.Request) -> web.Response:
    """`POST /v1/responses`, for the ordinary OpenAI client."""
    return await _complete(request, completions.response)


async def _complete(
    request: web.Request, answer: Callable[[dict[str, Any], IdMint, float], dict[str, Any]]
) -> web.Response:
    config = request.app[CONFIG]
    key = _key_of(request)
    if key is None or (config.required_key is not None and key != config.required_key):
        return _http_error(401, _wrong_key(key or ""))
    try:
        body = orjson.loads(await request.read())
        if not isinstance(body, dict):
            raise ProtocolError("invalid_json", "The request body must be a JSON object.")
        await asyncio.sleep(config.pace.summary_ms / 1000)
        reply = answer(body, config.new_ids(), config.clock())
    except orjson.JSONDecodeError as error:
        return _http_error(
            400, ProtocolError("invalid_json", f"We could not parse the JSON body of your request: {error}")
        )
    except ProtocolError as error:
        return _http_error(400, error)
    return web.Response(body=orjson.dumps(reply), content_type="application/json")


def _http_error(status: int, error: ProtocolError) -> web.Response:
    body = {
        "type": "invalid_request_error",
        "code": error.code,
        "message": error.message,
        "param": error.param,
    }
    return web.json_response({"error": body}, status=status)
