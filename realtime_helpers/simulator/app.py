"""The simulator's application: which door is where."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from importlib.metadata import version

from aiohttp import web

from .admission import check_key, key_in
from .classroom_door import add_classroom, refusal_of_learner
from .config import CONFIG, DRAINING, EMPTY, SOCKETS, Config
from .cors import cors
from .http_doors import add_http_doors, http_error
from .protocol_error import ProtocolError
from .realtime_door import realtime
from .socket import FAREWELL_SECONDS


def build_app(config: Config) -> web.Application:
    """The application: `/v1/realtime`, the doors for text and audio, `/health`, `/metrics`, a class's overview."""
    app = web.Application(client_max_size=config.limits.frame_bytes, middlewares=[cors, errors])
    app[CONFIG] = config
    app[SOCKETS] = set()
    app[DRAINING], app[EMPTY] = asyncio.Event(), asyncio.Event()
    app[EMPTY].set()
    for path in (
        "/v1/realtime",
        "/openai/v1/realtime",
        "/v1//realtime",
    ):  # OpenAI's, Azure's, and what some clients dial
        app.router.add_get(path, realtime)
    add_http_doors(app, config, lambda request: _key_refusal(request, config) or refusal_of_learner(request, config))
    if config.classroom is not None:
        add_classroom(app, config.classroom)
    app.router.add_get("/health", health)
    app.router.add_get("/metrics", metrics)
    app.router.add_route("*", "/{path:.*}", not_there)
    app.on_shutdown.append(_close_sockets)
    return app


@web.middleware
async def errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Put the server's own refusals, such as a body that is too large, into the API's form."""
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        if refusal.status < 400:
            raise
        return http_error(refusal.status, ProtocolError("invalid_request", refusal.text or refusal.reason))


async def drain(app: web.Application, seconds: float) -> None:
    """Accept no more sessions, and wait at most `seconds` for those that are open to end."""
    app[DRAINING].set()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await app[EMPTY].wait()


async def _close_sockets(app: web.Application) -> None:
    app[DRAINING].set()
    closing = [
        asyncio.create_task(socket.end("shutdown", 1001, "The simulator is shutting down.")) for socket in app[SOCKETS]
    ]
    if closing:
        await asyncio.wait(closing, timeout=FAREWELL_SECONDS)


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
    return http_error(404, ProtocolError("not_simulated", f"{request.method} {request.path} is not simulated."))


def _key_refusal(request: web.Request, config: Config) -> ProtocolError | None:
    try:
        check_key(key_in(request.headers), config.required_key)
    except ProtocolError as error:
        return error
    return None
