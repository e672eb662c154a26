"""Several worker processes behind one port, kept alive by gunicorn. Not for Windows, which cannot fork."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.worker import GunicornUVLoopWebWorker
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from .accounting import count_text
from .app import build_app, drain
from .config import Config
from .metrics import SHARED_DIRECTORY_VARIABLE
from .server import SHUTDOWN_SECONDS, Tls, listen, url_of, warm_up


def serve_workers(
    make_config: Callable[[], Config],
    announce: Callable[[str], None],
    *,
    workers: int,
    host: str,
    port: int,
    tls: Tls | None = None,
    drain_seconds: float = 0,
) -> None:
    """Run a simulator in several processes until Ctrl-C or a termination signal. A worker that dies is replaced.

    Args:
        make_config: Makes the configuration that all workers share. Called once, before they are forked.
        announce: Gets the URL, in a worker process, once all workers accept connections.
        workers: How many processes.
        host: Address to listen on.
        port: Port, or 0 for a free one.
        tls: Certificate and key.
        drain_seconds: How long open sessions may go on after a termination signal.

    Raises:
        WorkshopError: The port is taken or not allowed, or the certificate cannot be used.
    """
    parent = os.getpid()
    if tls is not None:
        tls.context()  # complain here, not in every worker
    listener = listen(host, port)
    url = url_of(listener, host, tls=tls is not None)
    figures = tempfile.mkdtemp(prefix="realtime-workshop-")
    os.environ[SHARED_DIRECTORY_VARIABLE] = figures
    from prometheus_client.multiprocess import mark_process_dead  # only now: see `Metrics`

    try:
        count_text("ready")  # the tokenizer is loaded once, and its memory is shared by the workers
        roll_call = _RollCall(workers, lambda: announce(url))
        options: dict[str, Any] = {
            "bind": f"fd://{listener.detach()}",
            "workers": workers,
            "worker_class": _Worker,
            "logger_class": _Log,
            "graceful_timeout": round(drain_seconds + 3 * SHUTDOWN_SECONDS),
            "control_socket_disable": True,
            "child_exit": lambda _server, worker: mark_process_dead(worker.pid),  # type: ignore[no-untyped-call]
        }
        if tls is not None:
            options |= {"certfile": str(tls.certificate), "keyfile": str(tls.key)}
        _Gunicorn(make_config(), options, drain_seconds, roll_call).run()
    finally:
        if os.getpid() == parent:  # the workers leave through here too
            shutil.rmtree(figures, ignore_errors=True)


class _RollCall:
    """A pipe with one token for each worker: whoever draws the last one knows that all are there."""

    def __init__(self, workers: int, complete: Callable[[], None]) -> None:
        self._complete = complete
        self._tokens, tokens = os.pipe()
        os.write(tokens, b"." * (workers - 1) + b"!")
        os.close(tokens)

    def here(self) -> None:
        """One more worker accepts connections. Those that replace a dead one find no token."""
        if os.read(self._tokens, 1) == b"!":
            self._complete()


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    def __init__(self, config: Config, options: dict[str, Any], drain_seconds: float, roll_call: _RollCall) -> None:
        self.config = config
        self.options = options
        self.drain_seconds = drain_seconds
        self.roll_call = roll_call
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[[], Awaitable[web.AppRunner]]:
        self.web_app = build_app(self.config)
        self.web_app.cleanup_ctx.append(self._speech_engines)

        async def runner() -> web.AppRunner:
            return web.AppRunner(
                self.web_app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True
            )

        return runner

    async def _speech_engines(self, _app: web.Application) -> AsyncIterator[None]:
        warming = asyncio.create_task(asyncio.to_thread(warm_up, self.config.parts))
        yield
        self.config.parts.close()  # this also ends a warm-up that still loads a model
        await asyncio.gather(warming, return_exceptions=True)


class _Worker(GunicornUVLoopWebWorker):
    _there = False

    def notify(self) -> None:
        """Called by the serving loop, first when its socket is open."""
        if not self._there:
            self._there = True
            self.app.roll_call.here()
        super().notify()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Let open sessions go on for a while before stopping."""
        self._leaving = self.loop.create_task(self._leave(sig, frame))

    async def _leave(self, sig: int, frame: Any) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await drain(self.app.web_app, self.app.drain_seconds)
        super().handle_exit(sig, frame)
        self._notify_waiter_done()

    @staticmethod
    def _create_ssl_context(cfg: Any) -> ssl.SSLContext:
        return Tls(Path(cfg.certfile), Path(cfg.keyfile)).context()


class _Log(Logger):  # type: ignore[misc]
    """gunicorn's words go where all others go: see `logs`."""

    def setup(self, cfg: Any) -> None:
        level = self.error_log.level
        super().setup(cfg)
        self.error_log.setLevel(level)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
