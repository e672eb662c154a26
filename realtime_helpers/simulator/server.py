"""Start and stop a simulator: in this process, or as the program behind `realtime-workshop serve`."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hmac
import ipaddress
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from ..errors import WorkshopError
from ..settings import SIMULATOR_KEY_VARIABLE
from ..speech.worker import WorkerError
from .accounting import count_text
from .app import build_app, drain
from .config import SOCKETS, Config
from .parts import Parts
from .socket import Socket

LOOPBACK = "127.0.0.1"
_BACKLOG = 1024  # a whole class connects in the same second
SHUTDOWN_SECONDS = 2.0


@dataclass(frozen=True)
class Tls:
    """A certificate and its private key, both PEM files.

    Attributes:
        certificate: The certificate, with its chain.
        key: The key, without a passphrase.
    """

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """What a TLS server needs.

        Raises:
            WorkshopError: A file cannot be read, or the two do not belong together.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")  # never ask on the terminal
        except ssl.SSLError:  # before OSError, whose subclass it is
            what = f"{self.certificate} and {self.key} are not a PEM certificate and its own key without a passphrase."
        except OSError as error:
            what = f"{self.certificate} or {self.key} cannot be read: {error.strerror}."
        else:
            return context
        raise WorkshopError(what, "docs/serving.md has the line that makes a throwaway pair.") from None


def check_exposure(host: str, key: str | None) -> None:
    """Refuse to serve beyond this machine without a key.

    Raises:
        WorkshopError: There is no such address, or it can be reached by others and no key is required.
    """
    if key is None and not is_local(host):
        raise WorkshopError(
            f"Everybody who reaches {host} could use this simulator, because no key is required.",
            f"Require one: {SIMULATOR_KEY_VARIABLE}=... realtime-workshop serve --host {host} --require-key",
        )


def is_local(host: str) -> bool:
    """Whether only this machine itself can reach an address.

    Raises:
        WorkshopError: There is no such address.
    """
    addresses = [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in _resolve(host, 0)]
    return all(address.is_loopback for address in addresses)


def signing_key_from(key: str) -> bytes:
    """The key that signs client secrets, the same on every machine that requires the API key `key`."""
    return hmac.digest(key.encode(), b"realtime-workshop client secrets", "sha256")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        WorkshopError: There is no such address, or the port is taken or not allowed.
    """
    family, _, _, _, address = _resolve(host, port)[0]
    try:
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        raise _cannot_listen(error, host, port) from None


def _resolve(host: str, port: int) -> list[Any]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise WorkshopError(
            f"There is no address {host}: {error.strerror}.", "Leave --host out to serve this machine only."
        ) from None


def url_of(listener: socket.socket, host: str, *, tls: bool) -> str:
    """URL to give to a client on this machine, ending in `/v1`."""
    address, port = listener.getsockname()[:2]
    if ipaddress.ip_address(address).is_unspecified:
        host = LOOPBACK if listener.family == socket.AF_INET else "::1"
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}/v1"


def warm_up(parts: Parts) -> None:
    """Load the recogniser and the tokenizer before the first learner needs them."""
    count_text("ready")
    with contextlib.suppress(WorkshopError, WorkerError):  # the first spoken turn will say what is missing
        parts.ears.load()


class Simulator:
    """A local Realtime server on the running event loop.

    Example:
        async with Simulator() as simulator:
            client = AsyncOpenAI(base_url=simulator.base_url, api_key="any")

    Args:
        config: How it behaves.
        host: Address to listen on.
        port: Port, or 0 for a free one.
        tls: Certificate and key; without them it speaks plain HTTP.
    """

    def __init__(
        self, config: Config | None = None, *, host: str = LOOPBACK, port: int = 0, tls: Tls | None = None
    ) -> None:
        self.config = config or Config()
        self._host = host
        self._port = port
        self._tls = tls
        self._url = ""
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """URL to give to a client, ending in `/v1`."""
        return self._url

    @property
    def sockets(self) -> list[Socket]:
        """Open connections, for tests that need to put their own frames into one."""
        if self._runner is None:
            return []
        sockets = self._runner.app[SOCKETS]
        return list(sockets)

    async def start(self) -> None:
        """Accept connections.

        Raises:
            WorkshopError: The port is taken or not allowed, or the certificate cannot be used.
        """
        tls = self._tls.context() if self._tls else None
        listener = listen(self._host, self._port)
        runner = web.AppRunner(
            build_app(self.config), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True
        )
        await runner.setup()
        await web.SockSite(runner, listener, ssl_context=tls, backlog=_BACKLOG).start()
        self._runner = runner
        self._url = url_of(listener, self._host, tls=tls is not None)
        self._warming = asyncio.create_task(asyncio.to_thread(warm_up, self.config.parts))

    async def drain(self, seconds: float) -> None:
        """Accept no more sessions, and wait at most `seconds` for those that are open to end."""
        if self._runner is not None:
            await drain(self._runner.app, seconds)

    async def stop(self) -> None:
        """Close every connection and end the speech engines."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            try:
                await runner.cleanup()
            finally:
                self.config.parts.close()  # this also ends a warm-up that still loads a model
                await asyncio.gather(self._warming, return_exceptions=True)

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
        f"Cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}.",
        "Choose another address: realtime-workshop serve --port 0",
    )


def _free_port(host: str) -> int:
    with listen(host, 0) as probe:
        return int(probe.getsockname()[1])


def serve(
    simulator: Simulator, announce: Callable[[str], None], *, drain_seconds: float = 0, leash: int | None = None
) -> None:
    """Run a simulator until Ctrl-C or a termination signal.

    Args:
        simulator: What to run.
        announce: Gets the URL once connections are accepted.
        drain_seconds: How long open sessions may go on after a termination signal; Ctrl-C ends them at once.
        leash: File descriptor that ends when the process that started this one does, however it dies; then we stop too.
    """

    async def run() -> None:
        stop = asyncio.Event()
        draining: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()

        def terminate() -> None:
            if draining:
                stop.set()  # asked twice
            draining.append(asyncio.create_task(simulator.drain(drain_seconds)))
            draining[0].add_done_callback(lambda _: stop.set())

        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(signal.SIGTERM, terminate)
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
