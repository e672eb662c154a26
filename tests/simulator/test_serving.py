"""The simulator as a server: real processes, real sockets; several workers, TLS, limits, figures and logs."""

from __future__ import annotations

import ast
import asyncio
import base64
import os
import queue
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import psutil
import pytest
import trustme
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as dial
from websockets.exceptions import ConnectionClosed

import realtime_helpers.simulator
from realtime_helpers.audio.formats import silence
from realtime_helpers.settings import SIMULATOR_KEY_VARIABLE
from realtime_helpers.simulator import Config, Limits, Simulator
from realtime_helpers.simulator.metrics import ERROR_CODES, Metrics
from realtime_helpers.simulator.server import signing_key_from
from realtime_helpers.speech import Voice
from tests.wire.stream import connect

KEY = "swordfish-0123456789"
PATIENCE_S = 30.0
MODEL = "/realtime?model=gpt-realtime-2.1-mini"

needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="several workers need fork")
one_and_two = pytest.mark.parametrize("workers", [1, pytest.param(2, marks=needs_fork)])


@dataclass
class Server:
    """`realtime-workshop serve`, running."""

    process: subprocess.Popen[str]
    base_url: str
    errors: list[str] = field(default_factory=list)

    @property
    def root(self) -> str:
        return self.base_url.removesuffix("/v1")

    def workers(self) -> list[psutil.Process]:
        """Worker processes; the speech engines are their children."""
        return psutil.Process(self.process.pid).children()

    def family(self) -> list[psutil.Process]:
        """The server's process and all below it."""
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]

    def open(self, key: str = "any", **options: Any) -> dial:
        """A connection for one session."""
        url = self.base_url.replace("http", "ws", 1) + MODEL
        return dial(url, additional_headers={"Authorization": f"Bearer {key}"}, **options)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.checked_simulator", "serve", "--port", "0", "--pace", "fast", *arguments]


@contextmanager
def serving(*arguments: str, key: str | None = None) -> Iterator[Server]:
    environment = os.environ | ({SIMULATOR_KEY_VARIABLE: key} if key else {})
    process = subprocess.Popen(
        command(*arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        encoding="utf-8",
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    server = Server(process, "")
    readers = [
        threading.Thread(target=lambda out=process.stdout: [said.put(line) for line in out]),
        threading.Thread(target=lambda out=process.stderr: server.errors.extend(out)),
    ]
    for reader in readers:
        reader.start()
    family: list[psutil.Process] = []
    try:
        ready = said.get(timeout=PATIENCE_S).split()
        assert ready[0] == "ready"
        server.base_url = ready[1]
        yield server
        assert said.empty(), "ready is said once"
    finally:
        if process.poll() is None:
            family = server.family()
            process.terminate()
        process.wait(PATIENCE_S)
        for reader in readers:  # they end when nobody has the pipes any more
            reader.join(PATIENCE_S)
        process.stdout.close()
        process.stderr.close()
        assert not psutil.wait_procs(family, timeout=PATIENCE_S)[1], "a process outlived the server"


async def until(holds: Callable[[], Awaitable[Any]]) -> Any:
    """Ask again until the answer is true, with a deadline."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := await holds()):
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)
    return answer


async def get(url: str, **options: Any) -> tuple[int, str]:
    # a connection each, so that every worker gets its turn
    async with aiohttp.ClientSession() as session, session.get(url, **options) as response:
        return response.status, await response.text()


async def figure(root: str, name: str, **labels: str) -> float:
    """One value of the metrics page; 0 if it is not there yet."""
    _, page = await get(root + "/metrics")
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items())


async def event(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        return orjson.loads(await socket.recv())


async def ending(socket: ClientConnection) -> tuple[int | None, str | None]:
    """Close code and reason."""
    async with asyncio.timeout(PATIENCE_S):
        await socket.wait_closed()
    return socket.close_code, socket.close_reason


async def refusal(opening: dial) -> tuple[str, int | None]:
    """Error code and close code that a client is turned away with."""
    async with opening as socket:
        error = await event(socket)
        return error["error"]["code"], (await ending(socket))[0]


async def works(socket: ClientConnection) -> bool:
    await socket.send('{"type": "input_audio_buffer.clear"}')
    return (await event(socket))["type"] == "input_audio_buffer.cleared"


def complaint(*arguments: str) -> str:
    """What a `serve` that does not start says."""
    run = subprocess.run(
        command(*arguments), capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE_S, check=False
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1
    return run.stderr


# -- processes ----------------------------------------------------------------------------------------


def busy(worker: psutil.Process) -> bool:
    """Whether a client is connected to it."""
    return any(connection.status == psutil.CONN_ESTABLISHED for connection in worker.net_connections())


@needs_fork
async def test_two_workers_share_a_port_add_up_their_figures_and_are_replaced_when_they_die() -> None:
    with serving("--workers", "2") as server:
        first, second = server.workers()
        async with AsyncExitStack() as stack:
            sockets = []

            async def both_busy() -> bool:
                socket = await stack.enter_async_context(server.open())
                assert (await event(socket))["type"] == "session.created"
                sockets.append(socket)
                return busy(first) and busy(second)

            async def open_sessions() -> float:
                return await figure(server.root, "realtime_sessions_open")

            await until(both_busy)
            assert await open_sessions() == len(sockets)

            engines = first.children()
            first.kill()

            async def two_again() -> bool:
                return first.pid not in {worker.pid for worker in server.workers()} and len(server.workers()) == 2

            await until(two_again)
            assert not psutil.wait_procs(engines, timeout=PATIENCE_S)[1], "its speech engine outlived it"
            alive = []
            for socket in sockets:
                try:
                    alive.append(await works(socket))
                except ConnectionClosed:
                    continue
            assert 0 < len(alive) < len(sockets), "the other worker's sessions go on, the dead one's are lost"
            assert await open_sessions() == len(alive), "a dead worker's sessions are not open any more"

            async def new_one_busy() -> bool:
                socket = await stack.enter_async_context(server.open())
                newest = max(server.workers(), key=lambda worker: worker.create_time())
                return (await event(socket))["type"] == "session.created" and busy(newest)

            await until(new_one_busy)


@one_and_two
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_stopping_ends_sessions_and_every_process(workers: int, sign: signal.Signals) -> None:
    with serving("--workers", str(workers)) as server:
        async with server.open() as socket:
            await event(socket)
            family = server.family()
            assert len(family) >= workers
            server.process.send_signal(sign)
            assert await ending(socket) == (1001, "The simulator is shutting down.")
        assert server.process.wait(PATIENCE_S) == 0
        assert not psutil.wait_procs(family, timeout=PATIENCE_S)[1]
    assert server.errors == []


@one_and_two
async def test_health_says_no_while_open_sessions_end(workers: int) -> None:
    with serving("--workers", str(workers), "--drain", "60") as server:
        status, body = await get(server.root + "/health")
        assert status == 200
        assert orjson.loads(body) == {
            "status": "ok", "server": "realtime-workshop simulator", "version": "0.1.0", "sessions": 0,
        }  # fmt: skip
        async with server.open() as socket:
            await event(socket)
            server.process.terminate()

            async def draining() -> bool:
                try:
                    return await get(server.root + "/health") == (503, body_while_draining)
                except aiohttp.ClientError:  # the worker without a session was just closing its door
                    return False

            body_while_draining = body.replace('"ok"', '"shutting down"').replace('"sessions": 0', '"sessions": 1')
            await until(draining)
            assert await refusal(server.open()) == ("shutting_down", 1012)
            assert await works(socket)
            assert server.process.poll() is None
        assert server.process.wait(PATIENCE_S) == 0


async def test_a_second_termination_signal_does_not_wait() -> None:
    with serving("--drain", "600") as server:
        async with server.open() as socket:
            await event(socket)
            server.process.terminate()

            async def draining() -> bool:
                return (await get(server.root + "/health"))[0] == 503

            await until(draining)
            server.process.terminate()
            assert await ending(socket) == (1001, "The simulator is shutting down.")
        assert server.process.wait(PATIENCE_S) == 0


@needs_fork
def test_a_leash_is_for_one_process() -> None:
    assert "--leash holds one process only." in complaint("--workers", "2", "--leash")


# -- who may come -------------------------------------------------------------------------------------


def test_a_key_is_needed_to_serve_beyond_this_machine() -> None:
    said = complaint("--host", "0.0.0.0")
    assert "because no key is required" in said
    assert "realtime-workshop serve --host 0.0.0.0 --require-key" in said


@one_and_two
async def test_with_a_key_every_address_serves(workers: int) -> None:
    with serving("--host", "0.0.0.0", "--require-key", "--workers", str(workers), key=KEY) as server:
        assert server.base_url.startswith("http://127.0.0.1:")
        assert await refusal(server.open("wrong")) == ("invalid_api_key", 3000)
        async with server.open(KEY) as socket:
            assert (await event(socket))["type"] == "session.created"


def test_machines_with_the_same_key_sign_alike_and_nobody_sees_how() -> None:
    assert signing_key_from(KEY) == signing_key_from(KEY) != signing_key_from(KEY + "x")
    config = Config(signing_key=signing_key_from(KEY))
    assert "signing_key" not in repr(config)
    assert Config().signing_key != Config().signing_key


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, ssl.SSLContext]:
    """Certificate and key for 127.0.0.1, and a client that trusts them."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return folder / "cert.pem", folder / "key.pem", trusting


@one_and_two
async def test_tls(certificate: tuple[Path, Path, ssl.SSLContext], workers: int) -> None:
    cert, key, trusting = certificate
    with serving("--tls-cert", str(cert), "--tls-key", str(key), "--workers", str(workers)) as server:
        assert server.base_url.startswith("https://127.0.0.1:")
        async with server.open(ssl=trusting) as socket:
            assert (await event(socket))["type"] == "session.created"
            assert socket.transport.get_extra_info("cipher")
        assert (await get(server.root + "/health", ssl=trusting))[0] == 200


def test_unusable_certificates_are_refused_in_words(
    certificate: tuple[Path, Path, ssl.SSLContext], tmp_path: Path
) -> None:
    cert, _, _ = certificate
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_pem.write_to_path(other)
    assert "go together" in complaint("--tls-cert", str(cert))
    assert "not a PEM certificate and its own key" in complaint("--tls-cert", str(cert), "--tls-key", str(other))
    assert "cannot be read" in complaint("--tls-cert", str(cert), "--tls-key", str(tmp_path / "none.pem"))


# -- limits -------------------------------------------------------------------------------------------


async def test_one_session_too_many(config: Config) -> None:
    config.limits = Limits(sessions=1)
    async with Simulator(config) as simulator:
        async with connect(simulator) as first:
            async with open_in(simulator) as socket:
                error = await event(socket)
                assert error["error"]["code"] == "too_many_sessions"
                assert await ending(socket) == (1013, "invalid_request_error.too_many_sessions")
            await first.send("input_audio_buffer.clear")
            await first.until("input_audio_buffer.cleared")

        async def free_again() -> bool:
            async with open_in(simulator) as socket:
                return (await event(socket))["type"] == "session.created"

        await until(free_again)


def open_in(simulator: Simulator) -> dial:
    url = simulator.base_url.replace("http", "ws", 1) + MODEL
    return dial(url, additional_headers={"Authorization": "Bearer x"})


async def test_a_session_that_sends_nothing_is_ended_and_one_that_does_is_not(config: Config) -> None:
    config.limits = Limits(idle_seconds=0.5)
    async with Simulator(config) as simulator, open_in(simulator) as quiet, open_in(simulator) as busy:
        told = asyncio.create_task(ended_idle(quiet))
        await event(busy)
        while not told.done():
            assert await works(busy)
            await asyncio.sleep(0.05)
        assert await told == ("idle_session", 1001, "Your session sent nothing for 0.5 seconds.")
        assert await works(busy)


async def ended_idle(socket: ClientConnection) -> tuple[str, int | None, str | None]:
    await event(socket)
    error = await event(socket)
    return error["error"]["code"], *await ending(socket)


async def test_a_client_that_does_not_read_is_ended_too(config: Config) -> None:
    config.limits = Limits(idle_seconds=0.5)
    async with Simulator(config) as simulator, open_in(simulator) as socket:
        await event(socket)
        content = {"type": "input_audio", "audio": base64.b64encode(bytes(700_000)).decode()}
        item = {"id": "item_long", "type": "message", "role": "user", "content": [content]}
        socket.transport.pause_reading()
        await socket.send(orjson.dumps({"type": "conversation.item.create", "item": item}).decode())
        for _ in range(40):  # more than the network's buffers hold
            await socket.send('{"type": "conversation.item.retrieve", "item_id": "item_long"}')

        async def ended() -> bool:
            return not simulator.sockets

        await until(ended)
        root = simulator.base_url.removesuffix("/v1")
        assert await figure(root, "realtime_sessions_ended_total", reason="idle_session", code="1001") == 1
        socket.transport.abort()


@pytest.mark.parametrize("size", [70_000, 30_000_000])
async def test_a_frame_that_is_too_big_is_refused_with_a_reason(config: Config, size: int) -> None:
    config.limits = Limits(frame_bytes=65_536)
    async with Simulator(config) as simulator, open_in(simulator) as socket:
        await event(socket)
        sending = asyncio.create_task(socket.send("x" * size))
        assert await ending(socket) == (1009, "A frame may have at most 65536 bytes.")
        await asyncio.gather(sending, return_exceptions=True)


# -- figures ------------------------------------------------------------------------------------------


async def test_the_page_counts_sessions_by_how_they_ended(config: Config) -> None:
    async with Simulator(config) as simulator:
        root = simulator.base_url.removesuffix("/v1")
        async with open_in(simulator) as socket:
            await event(socket)
            assert await figure(root, "realtime_sessions_open") == 1

        async def closed() -> bool:
            return await figure(root, "realtime_sessions_ended_total", reason="client", code="1000") == 1

        await until(closed)
        assert await figure(root, "realtime_sessions_open") == 0

        lost = open_in(simulator)
        async with lost as socket:
            await event(socket)
            socket.transport.abort()

            async def gone() -> bool:
                return await figure(root, "realtime_sessions_ended_total", reason="lost", code="1006") == 1

            await until(gone)


def page(figures: Metrics) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(figures.page()[0].decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_responses_tokens_and_errors_are_read_from_the_events() -> None:
    figures, others = Metrics(), Metrics()
    usage = {
        "input_token_details": {"text_tokens": 100, "audio_tokens": 20, "cached_tokens": 64},
        "output_token_details": {"text_tokens": 7, "audio_tokens": 30},
    }
    failed = {"status": "failed", "status_details": {"error": {"code": "made-up-by-a-model-server"}}, "usage": None}
    for response in ({"status": "completed", "status_details": None, "usage": usage}, failed):
        figures.server_event({"type": "response.done", "response": response})
    for code in ("invalid_json", None):
        figures.server_event({"type": "error", "error": {"code": code}})
    figures.first_audio(0.3)
    counted = page(figures)
    assert counted["realtime_server_events_total", "response.done"] == 2
    assert counted["realtime_responses_total", "completed"] == counted["realtime_responses_total", "failed"] == 1
    kinds = {key[1]: value for key, value in counted.items() if key[0] == "realtime_tokens_total"}
    assert kinds == {"input_text": 100, "input_audio": 20, "cached": 64, "output_text": 7, "output_audio": 30}
    errors = {key[1]: value for key, value in counted.items() if key[0] == "realtime_errors_total"}
    assert errors == {"other": 1, "invalid_json": 1, "none": 1}
    assert counted["realtime_first_audio_seconds_bucket", "0.25"] == 0
    assert counted["realtime_first_audio_seconds_bucket", "0.5"] == 1
    assert ("realtime_responses_total", "completed") not in page(others), "two simulators in a process do not meet"


def test_clients_cannot_make_up_labels() -> None:
    figures = Metrics()
    for kind in ("response.create", "a", "b"):
        figures.client_event(kind)
    for code in (1000, 4321, 4322):
        figures.session_opened()
        figures.session_ended("client", code)
    counted = page(figures)
    assert {key[1] for key in counted if key[0] == "realtime_client_events_total"} == {"response.create", "unknown"}
    assert {key[1] for key in counted if key[0] == "realtime_sessions_ended_total"} == {"1000", "other"}


def test_every_code_the_simulator_raises_has_its_own_figure() -> None:
    raised = set()
    for file in Path(realtime_helpers.simulator.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ProtocolError":
                raised |= {node.args[0].value} if isinstance(node.args[0], ast.Constant) else set()
    assert len(raised) > 20
    assert raised - {None} <= ERROR_CODES


# -- logs ---------------------------------------------------------------------------------------------


@one_and_two
async def test_logs_name_sessions_and_keep_quiet_about_what_is_said(workers: int) -> None:
    typed, spoken = "my pin is 4711", "my dog is called biscuit"
    with serving("--log-level", "debug", "--require-key", "--workers", str(workers), key=KEY) as server:
        await refusal(server.open("sk-mistyped-secret"))
        voice = Voice()
        pcm = voice.speak(spoken).pcm
        voice.close()
        heard = await talk(server, typed, pcm)
    lines = [orjson.loads(line) for line in server.errors]
    opened, closed = (
        next(line for line in lines if line["message"] == f"session {what}") for what in ("opened", "closed")
    )
    assert opened["session"] == closed["session"] == heard[0]["session"]["id"]
    assert closed["model"] == "gpt-realtime-2.1-mini"
    assert (closed["reason"], closed["close_code"]) == ("client", 1000)
    assert closed["seconds"] > 0
    assert closed["frames_out"] == len(heard)
    refused = next(line for line in lines if line["message"] == "session refused")
    assert (refused["code"], refused["close_code"]) == ("invalid_api_key", 3000)
    transcript = next(
        told["transcript"] for told in heard if told["type"].endswith("input_audio_transcription.completed")
    )
    assert "biscuit" in transcript
    replies = [told["transcript"] for told in heard if told["type"] == "response.output_audio_transcript.done"]
    log = "".join(server.errors)
    for secret in (KEY, "mistyped", typed, "4711", spoken, "biscuit", transcript, *replies, "Authorization"):
        assert secret not in log


async def talk(server: Server, typed: str, pcm: bytes) -> list[dict[str, Any]]:
    """One typed and one spoken turn; all events."""
    heard: list[dict[str, Any]] = []

    async def hear(socket: ClientConnection, kind: str) -> None:
        while not heard or heard[-1]["type"] != kind:
            heard.append(await event(socket))

    async with server.open(KEY) as socket:
        await hear(socket, "session.created")
        audio_in = {"transcription": {"model": "gpt-transcribe"}}
        frames: list[dict[str, Any]] = [
            {"type": "session.update", "session": {"type": "realtime", "audio": {"input": audio_in}}},
            {"type": "conversation.item.create", "item": {
                "type": "message", "role": "user", "content": [{"type": "input_text", "text": typed}]}},
            {"type": "response.create"},
        ]  # fmt: skip
        for frame in frames:
            await socket.send(orjson.dumps(frame).decode())
        await hear(socket, "rate_limits.updated")
        padded = silence(200) + pcm + silence(800)
        append = {"type": "input_audio_buffer.append", "audio": base64.b64encode(padded).decode()}
        await socket.send(orjson.dumps(append).decode())
        heard.append(await event(socket))
        await hear(socket, "rate_limits.updated")
    return heard


def test_a_failure_is_logged_by_type_and_place_without_its_words() -> None:
    code = """
import logging
from realtime_helpers.simulator.logs import configure
configure("info")
try:
    raise ValueError("my dog is called biscuit")
except ValueError:
    logging.getLogger("realtime_helpers.x").exception("A client event could not be handled.")
import asyncio
async def lose():
    async def fail(): raise ValueError("biscuit")
    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
asyncio.run(lose())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    ours, asyncios = (orjson.loads(line) for line in run.stderr.splitlines())
    assert ours["exc_info"].endswith("ValueError")
    assert "<module>" in ours["exc_info"]
    assert asyncios["message"] == "Task exception was never retrieved"
    assert "biscuit" not in run.stderr
