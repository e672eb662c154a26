"""Must hold: however a session ends, no task, thread, socket, file or device is left behind."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from realtime_helpers import RealtimeSession, State
from realtime_helpers.audio.formats import CHUNK_BYTES, CHUNK_MS
from realtime_helpers.audio.sinks import QueueSink, TimedSink
from realtime_helpers.runtime import background_loop
from realtime_helpers.simulator import Config

from .floor import PUSH_TO_TALK
from .test_session import LocalServer

STARTS = 500


class Devices:
    """Counts what is open."""

    def __init__(self) -> None:
        self.open = 0


class OpenMicrophone:
    """A microphone that records silence until it is closed."""

    is_live = True

    def __init__(self, devices: Devices) -> None:
        self._devices = devices

    async def chunks(self) -> AsyncIterator[bytes]:
        self._devices.open += 1
        try:
            while True:
                await asyncio.sleep(CHUNK_MS / 1000)
                yield bytes(CHUNK_BYTES)
        finally:
            self._devices.open -= 1


class OpenSpeaker(QueueSink):
    """A loudspeaker that never finishes what it plays."""

    def __init__(self, devices: Devices) -> None:
        super().__init__()
        self._devices = devices
        self._is_open = False

    def open(self) -> None:
        self._devices.open += 1
        self._is_open = True

    def close(self) -> None:
        self._devices.open -= self._is_open
        self._is_open = False


@pytest.fixture(scope="module")
def server(parts: Any) -> Iterator[LocalServer]:
    from tests.conftest import SharedParts

    running = LocalServer(Config(parts=SharedParts(voice=parts.voice, ears=parts.ears)))
    yield running
    running.stop()


def wait_connected(session: RealtimeSession) -> None:
    session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=20)


def at_once(_session: RealtimeSession) -> None:
    pass


def while_connecting(session: RealtimeSession) -> None:
    session.wait_for(lambda now: now.state is State.CONNECTING, timeout_s=20)
    threading.Event().wait(random.Random(id(session)).uniform(0, 0.02))  # somewhere on the way


def while_listening(session: RealtimeSession) -> None:
    wait_connected(session)


def while_thinking(session: RealtimeSession) -> None:
    wait_connected(session)
    session.send_text("Hello.")


def in_the_middle_of_a_reply(session: RealtimeSession) -> None:
    session.send_text("How are you?")
    session.wait_for(lambda now: now.state is State.SPEAKING, timeout_s=20)


def after_an_interruption(session: RealtimeSession) -> None:
    in_the_middle_of_a_reply(session)
    session.interrupt()


def while_the_button_is_held(session: RealtimeSession) -> None:
    wait_connected(session)
    session.begin_turn()
    session.wait_for(lambda now: now.state is State.HEARING, timeout_s=20)


def right_after_the_release(session: RealtimeSession) -> None:
    while_the_button_is_held(session)
    session.end_turn()


def with_another_microphone(session: RealtimeSession) -> None:
    wait_connected(session)
    session.use(source=OpenMicrophone(Devices()), sink=TimedSink())


Moment = Callable[[RealtimeSession], None]
OFTEN: list[Moment] = [at_once, while_connecting, while_listening, while_thinking, right_after_the_release]
SELDOM: list[Moment] = [
    in_the_middle_of_a_reply, after_an_interruption, while_the_button_is_held, with_another_microphone,
]  # fmt: skip


def stop(session: RealtimeSession) -> None:
    session.stop()


def stop_twice(session: RealtimeSession) -> None:
    session.stop()
    session.stop()


def stop_from_another_thread(session: RealtimeSession) -> None:
    thread = threading.Thread(target=session.stop)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


def stop_from_two_threads_at_once(session: RealtimeSession) -> None:
    threads = [threading.Thread(target=session.stop) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)


STOPS = [stop, stop_twice, stop_from_another_thread, stop_from_two_threads_at_once]


async def all_tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]


class Census:
    """What this process holds."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._tasks = background_loop().submit(all_tasks()).result(5)
        self.before = self._count()

    def _count(self) -> dict[str, int]:
        process = self._process
        pooled = sum(thread.name.startswith("asyncio_") for thread in threading.enumerate())  # the loop's own, bounded
        return {
            "descriptors": process.num_handles() if sys.platform == "win32" else process.num_fds(),
            "threads": process.num_threads() - pooled,
            "sockets": len(process.net_connections()),
            "children": len(process.children(recursive=True)),
        }

    def left(self) -> dict[str, Any]:
        """What is more than before, once everything has had time to go."""

        async def settle() -> set[asyncio.Task[Any]]:
            new = await all_tasks() - self._tasks
            return (await asyncio.wait(new, timeout=10))[1] if new else set()

        tasks = background_loop().submit(settle()).result(20)
        more = {kind: count - self.before[kind] for kind, count in self._count().items() if count > self.before[kind]}
        return more | ({"tasks": tasks} if tasks else {})


@pytest.mark.timeout(180)
def test_500_starts_and_stops_at_any_moment_leave_nothing(server: LocalServer) -> None:
    devices, rng = Devices(), random.Random(5)
    session = RealtimeSession(settings=server.settings, config=PUSH_TO_TALK)

    def once(moment: Moment, how: Callable[[RealtimeSession], None]) -> None:
        session.start(source=OpenMicrophone(devices), sink=OpenSpeaker(devices))
        moment(session)
        how(session)
        assert session.snapshot.state is State.STOPPED, session.snapshot.error
        assert devices.open == 0, f"a device is open after {moment.__name__}, {how.__name__}"

    for moment in [*OFTEN, *SELDOM]:  # threads of the process's own pools, and what is imported late, come now
        for how in STOPS:
            once(moment, how)
    census = Census()
    for number in range(STARTS):
        once(rng.choice(SELDOM if number % 10 == 0 else OFTEN), rng.choice(STOPS))
    assert census.left() == {}


ENDS = {
    "the interpreter exits": (None, 0),
    "the interrupt key": (signal.SIGINT, None),
    "a termination": (signal.SIGTERM, None),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_process_that_ends_in_the_middle_of_a_reply_leaves_nothing(end: str, tmp_path: Path) -> None:
    sign, code = ENDS[end]
    program = Path(__file__).with_name("talking_process.py")
    command = [sys.executable, str(program), str(tmp_path), "exit" if sign is None else "wait"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as talking:
        assert talking.stdout is not None
        assert talking.stdout.readline() == "a reply sounds\n", talking.communicate(timeout=20)[1]
        family = psutil.Process(talking.pid).children(recursive=True)
        assert family, "its voice is a process of its own"
        if sign is not None:
            talking.send_signal(sign)
        _, complaints = talking.communicate(timeout=20)
    assert psutil.wait_procs(family, timeout=10)[1] == [], "a child outlived its parent"
    if code is not None:
        assert talking.returncode == code
    if sign is not signal.SIGTERM:  # which asks nobody: the system closes what was open
        closed = sorted(file.name for file in tmp_path.iterdir())
        assert closed == ["loudspeaker closed", "microphone closed"]
    complaints = complaints.replace("KeyboardInterrupt", "")
    for word in ("Exception ignored", "was destroyed", "Fatal", "never awaited", "Error"):
        assert word not in complaints, complaints


@pytest.mark.timeout(240)
def test_a_kernel_that_is_shut_down_in_the_middle_of_a_reply_leaves_nothing(tmp_path: Path) -> None:
    from jupyter_client.manager import KernelManager

    program = Path(__file__).with_name("talking_process.py").read_text(encoding="utf-8")
    kernel = KernelManager(kernel_name="python3")
    kernel.shutdown_wait_time = (
        60  # Jupyter kills a kernel after 5 s; a crowded machine needs longer to close everything
    )
    kernel.start_kernel(cwd=str(Path(__file__).parents[2]))
    client = kernel.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        setup = f"import sys; sys.argv = ['talk', {str(tmp_path)!r}, 'return']\n"
        reply = client.execute_interactive(setup + program, timeout=60, output_hook=lambda _message: None)
        assert reply["content"]["status"] == "ok", reply["content"]
        assert kernel.provisioner is not None
        family = psutil.Process(kernel.provisioner.pid).children(recursive=True)  # type: ignore[attr-defined]
        assert family
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=False)
    assert psutil.wait_procs(family, timeout=10)[1] == [], "a child outlived its parent"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["loudspeaker closed", "microphone closed"]


def test_a_session_that_nobody_can_reach_any_more_lets_go_of_its_devices(server: LocalServer) -> None:
    """As in a notebook, where the cell that makes a session is run again."""
    devices = Devices()

    def session() -> RealtimeSession:
        made = RealtimeSession(settings=server.settings)
        made.start(source=OpenMicrophone(devices), sink=OpenSpeaker(devices))
        wait_connected(made)
        return made

    name = session()
    name = session()  # the first one ends, without waiting for the garbage to be collected
    census = Census()
    assert name.wait_for(lambda now: devices.open <= 2, timeout_s=10)
    name.stop()
    assert devices.open == 0
    assert not census.left()
