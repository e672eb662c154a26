"""Start and stop a simulator: in this process, or as the program behind `realtime-workshop serve`."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from ..errors import WorkshopError
from ..speech.worker import WorkerError
from .accounting import count_text
from .app import SOCKETS, Config, build_app

LOOPBACK = "127.0.0.1"


class Simulator:
    """A local Realtime server on the running event loop.

    Example:
        async with Simulator() as simulator:
            client = AsyncOpenAI(base_url=simulator.base_url, api_key="any")

    Args:
        config: How it behaves.
        host: Address to listen on.
        port: Port, or 0 for a free one.
    """

    def __init__(self, config: Config | None = None, *, host: str = LOOPBACK, port: int = 0) -> None:
        self.config = config or Config()
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """URL to give to a client, ending in `/v1`."""
        return f"http://{self._host}:{self._port}/v1"

    @property
    def sockets(self) -> list[web.WebSocketResponse[bool]]:
        """Open connections, for tests that need to put their own frames into one."""
        if self._runner is None:
            return []
        sockets = self._runner.app[SOCKETS]
        return list(sockets)

    async def start(self) -> None:
        """Accept connections.

        Raises:
            WorkshopError: The port is taken or not allowed.
        """
        runner = web.AppRunner(build_app(self.config), access_log=None, shutdown_timeout=2)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise _cannot_listen(error, self._host, self._port) from None
        self._runner = runner
        self._port = runner.addresses[0][1]
        self._warming = asyncio.create_task(asyncio.to_thread(self._warm_up))

    def _warm_up(self) -> None:
        """Load the recogniser and the tokenizer before the first learner needs them."""
        count_text("ready")
        with contextlib.suppress(WorkshopError, WorkerError):  # the first spoken turn will say what is missing
            self.config.parts.ears.load()

    async def stop(self) -> None:
        """Close every connection and end the speech engines."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()
            await self._warming
            self.config.parts.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _cannot_listen(error: OSError, host: str, port: int) -> WorkshopError:
    if error.errno == errno.EADDRINUSE:
        return WorkshopError(
            f"Port {port} on {host} is already in use, perhaps by another simulator.",
            f"Use that one, stop it, or choose another port: realtime-workshop serve --port {_free_port(host)}",
        )
    return WorkshopError(
        f"Cannot listen on {host}:{port}: {error.strerror}.",
        "Choose another address: realtime-workshop serve --port 0",
    )


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def serve(simulator: Simulator, announce: Callable[[str], None], *, leash: int | None = None) -> None:
    """Run a simulator until Ctrl-C or a termination signal.

    Args:
        simulator: What to run.
        announce: Gets the URL once connections are accepted.
        leash: File descriptor that ends when the process that started this one does, however it dies; then we stop too.
    """

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(signal.SIGTERM, stop.set)
            # on a leash, Ctrl-C in the shared terminal is for the one who holds it
            loop.add_signal_handler(signal.SIGINT, stop.set if leash is None else lambda: None)
        if leash is not None:
            threading.Thread(target=_hold, args=(leash, loop, stop), daemon=True).start()
        async with simulator:
            announce(simulator.base_url)
            await stop.wait()

    with contextlib.suppress(KeyboardInterrupt):
        _run(run())


def _hold(leash: int, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(leash, 1024):  # not a buffered stream: its lock would crash the interpreter's shutdown
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself
        loop.call_soon_threadsafe(stop.set)


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:  # Windows
        asyncio.run(work)
    else:
        uvloop.run(work)
