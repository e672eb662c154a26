"""`/v1/realtime`: one WebSocket, one session. Frames in, frames out, and nothing of the protocol itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Iterator

from aiohttp import WSMsgType, web

from ..protocol.frames import encode
from ..settings import LEARNER_HEADER
from .admission import Admission, RefusedError, admit, chosen_scenario
from .client_secrets import ClientSecrets
from .config import CONFIG, DRAINING, EMPTY, SOCKETS, Config
from .connection import Connection
from .faults import Faults
from .http_doors import http_error
from .inbox import Inbox
from .learners import Learner
from .new_session import new_session
from .outbox import Hangup, Outbox
from .protocol_error import ProtocolError
from .session import ServerSession
from .socket import FAREWELL_SECONDS, Socket

_log = logging.getLogger(__name__)

_PING_SECONDS = 20.26  # as recorded, with four bytes of payload (reference §1.1)
EXPIRED = "Your session hit the maximum duration of {minutes:g} minutes."


async def realtime(request: web.Request) -> web.StreamResponse:
    """Hold one realtime session."""
    config = request.app[CONFIG]
    if request.path.startswith("/openai/") and (refusal := _refusal_of_azure(request, config)) is not None:
        return refusal
    socket = Socket(config.limits.frame_bytes)
    await socket.prepare(request)
    luck = config.new_luck()
    try:
        admission = _admitted(request, config)
        scenario = chosen_scenario(request.query, config.scenario)
        _check_capacity(request.app)
        with contextlib.ExitStack() as seat:
            learner = _seated(request, config, seat)
            faults = Faults(scenario, luck)
            outbox = Outbox(faults, config.limits.outgoing_bytes, asyncio.get_running_loop().time)
            session = new_session(admission, config, luck, faults, outbox, learner)
            with _counted(request.app, socket, session):
                await _hold(socket, Connection(session), outbox, config)
    except RefusedError as reason:
        await _turn_away(socket, config, luck, reason)
    return socket


def learner_of(request: web.Request, config: Config) -> Learner | None:
    """Who asks, in a class."""
    classroom = config.classroom
    return None if classroom is None else classroom.find(request.headers.get(LEARNER_HEADER), request.remote)


def _seated(request: web.Request, config: Config, seat: contextlib.ExitStack) -> Learner | None:
    learner = learner_of(request, config)
    if config.classroom is not None and learner is not None:
        try:
            seat.enter_context(config.classroom.seat(learner))
        except ProtocolError as error:
            raise RefusedError(error, 1013) from None
    return learner


def _admitted(request: web.Request, config: Config) -> Admission:
    secrets = ClientSecrets(config.signing_key, config.clock)
    return admit(request.headers, request.query, required_key=config.required_key, client_secrets=secrets)


def _refusal_of_azure(request: web.Request, config: Config) -> web.Response | None:
    """Azure refuses before the upgrade, in HTTP (reference §1.1)."""
    try:
        _admitted(request, config)
    except RefusedError as reason:
        code = "OpperationNotSupported" if reason.error.code == "invalid_model" else reason.error.code  # its spelling
        return http_error(401 if reason.close_code == 3000 else 400, ProtocolError(code, reason.error.message))
    return None


def _check_capacity(app: web.Application) -> None:
    if app[DRAINING].is_set():
        raise RefusedError(ProtocolError("shutting_down", "The simulator is shutting down. Connect again."), 1012)
    most = app[CONFIG].limits.sessions
    if len(app[SOCKETS]) >= most:
        message = f"The simulator already holds {most} sessions. Try again later."
        raise RefusedError(ProtocolError("too_many_sessions", message), 1013)


async def _turn_away(socket: Socket, config: Config, luck: random.Random, refusal: RefusedError) -> None:
    """Refuse after the upgrade: an error, and a close code with the same words as its reason (reference §1.2)."""
    error, code = refusal.error, refusal.close_code
    event = error.as_event(config.new_ids(luck).new("event"), None)
    config.metrics.server_event(event)
    level = logging.WARNING if error.code == "too_many_sessions" else logging.INFO
    _log.log(level, "session refused", extra={"code": error.code, "close_code": code})
    with contextlib.suppress(ConnectionError):
        await socket.send_str(encode(event))
    await socket.end("refused", code, "invalid_request_error" + (f".{error.code}" if error.code else ""))


async def _hold(socket: Socket, connection: Connection, outbox: Outbox, config: Config) -> None:
    """Run a session until the client, the line or one of our limits ends it: then all of it ends."""
    inbox = Inbox(2 * config.limits.frame_bytes)
    work = [
        asyncio.create_task(part)
        for part in (
            _read(socket, inbox, connection.session.faults.up_ms),
            _serve(inbox, connection, outbox),
            _write(socket, outbox),
            _ping(socket, connection.session.rng.getrandbits(32)),
            _expire(connection, outbox, socket),
            _end_when_idle(connection, outbox, socket, config.limits.idle_seconds),
        )
    ]
    try:
        ended, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            if (error := task.exception()) is not None:
                _log.error("A session ended with a fault of ours.", exc_info=error)
                socket.cut("fault", 1011)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await connection.close()


async def _read(socket: Socket, inbox: Inbox, up_ms: float) -> None:
    """Take frames off the line as they come, so that pings are answered, and a close is seen, while others work."""
    async for message in socket.frames():
        await inbox.put(time.monotonic() + up_ms / 1000, message)


async def _serve(inbox: Inbox, connection: Connection, outbox: Outbox) -> None:
    connection.start()
    while True:
        due_s, message = await inbox.take()
        if (wait_s := due_s - time.monotonic()) > 0:
            await asyncio.sleep(wait_s)
        await outbox.room()
        if message.type is WSMsgType.TEXT:
            await connection.receive(message.data)
        else:
            connection.refuse_binary()
        await asyncio.sleep(0)  # a client that never pauses must not starve its own replies


async def _write(socket: Socket, outbox: Outbox) -> None:
    with contextlib.suppress(ConnectionError):
        async for entry in outbox.frames():
            if isinstance(entry, str):
                await socket.send_str(entry)
            elif entry.code is None:
                socket.cut(entry.reason)
            else:
                await socket.end(entry.reason, entry.code, entry.message)
                return


async def _ping(socket: Socket, payload: int) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            await asyncio.sleep(_PING_SECONDS)
            await socket.ping(payload.to_bytes(4))


async def _expire(connection: Connection, outbox: Outbox, socket: Socket) -> None:
    """End the session at the end of its life (reference §1.3)."""
    life_s = connection.session.life_s
    await asyncio.sleep(life_s)
    message = EXPIRED.format(minutes=life_s / 60)
    await _say_farewell(connection, outbox, socket, ProtocolError("session_expired", message))


async def _end_when_idle(connection: Connection, outbox: Outbox, socket: Socket, limit_s: float) -> None:
    while (left_s := socket.last_frame_s + limit_s - time.monotonic()) > 0:  # noqa: ASYNC110 - each frame moves the end
        await asyncio.sleep(left_s)
    error = ProtocolError("idle_session", f"Your session sent nothing for {limit_s:g} seconds.")
    await _say_farewell(connection, outbox, socket, error)


async def _say_farewell(connection: Connection, outbox: Outbox, socket: Socket, error: ProtocolError) -> None:
    connection.session.refuse(error)
    outbox.hang_up(Hangup(str(error.code), 1001, error.message))
    await asyncio.sleep(outbox.delay_s + FAREWELL_SECONDS)
    socket.cut(str(error.code), 1001)  # it does not read, or does not answer the close


@contextlib.contextmanager
def _counted(app: web.Application, socket: Socket, session: ServerSession) -> Iterator[None]:
    """Count a session and log its two ends. Nothing of what is said in it."""
    sockets, figures = app[SOCKETS], app[CONFIG].metrics
    began = time.monotonic()
    about = {"session": session.wire["id"], "model": session.wire.get("model", "transcription")}
    sockets.add(socket)
    app[EMPTY].clear()
    figures.session_opened()
    _log.info("session opened", extra=about)
    try:
        yield
    finally:
        sockets.discard(socket)
        if not sockets:
            app[EMPTY].set()
        reason, close_code = socket.ending
        figures.session_ended(reason, close_code)
        about |= {"reason": reason, "close_code": close_code, "seconds": round(time.monotonic() - began, 3)}
        _log.info("session closed", extra={**about, "frames_in": socket.frames_in, "frames_out": socket.frames_out})
