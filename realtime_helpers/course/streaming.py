"""For the lesson on streaming: a device's thread to hand over from, slow and uneven lines, and the exercise's check."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from ..audio.formats import BYTES_PER_MS, CHUNK_MS, duration_ms, silence
from ..audio.playback import PlayHead
from ..protocol import Event
from ..protocol.frames import base64_to_pcm
from .verdict import Verdict

HandOver = Callable[[asyncio.AbstractEventLoop, "asyncio.Queue[Any]", Any], object]
"""What a device's thread calls with each chunk: the loop that sends, its queue, and the chunk."""

_EVERY_S = 0.02
_FALLING_ASLEEP_S = 0.05
_GRACE_S, _LEAST_GRACE_S = 5.0, 0.3
_BOUND = 10
_BUSY_S = 0.8
_TICK_MS = 20


# -- from a device's thread to a loop ----------------------------------------------------------------


@dataclass(frozen=True)
class Arrivals:
    """What became of the chunks of a device.

    Attributes:
        delays: When each one that arrived was made, and how much later it arrived, in milliseconds.
        numbers: Which ones arrived, in this order; the first is 0.
        sent: How many the device made.
        by_themselves: How many arrived before something else woke the loop.
        touched: How often the device's own thread put something into the queue.
        error: What was raised meanwhile.
    """

    delays: tuple[tuple[float, float], ...]
    numbers: tuple[int, ...]
    sent: int
    by_themselves: int
    touched: int = 0
    error: str = ""

    @property
    def longest_ms(self) -> float:
        """The longest delay, in milliseconds."""
        return max((late for _, late in self.delays), default=0.0)

    @property
    def median_ms(self) -> float:
        """The delay in the middle, in milliseconds."""
        return median(late for _, late in self.delays) if self.delays else 0.0


class _WatchedQueue(asyncio.Queue[Any]):
    """Knows which thread it belongs to."""

    def __init__(self, bound: int) -> None:
        self._owner = threading.get_ident()
        self.touched = 0
        super().__init__(bound)

    def _put(self, item: Any) -> None:
        self.touched += threading.get_ident() != self._owner
        super()._put(item)


def watch_hand_over(hand_over: HandOver, *, chunks: int = 20, bound: int = 0, busy_s: float = 0.0) -> Arrivals:
    """Let a device's thread hand chunks to an event loop that has nothing else to do, and see when they arrive.

    After the last chunk the loop is left alone for a moment; then it is woken, and takes what is still there.

    Args:
        hand_over: Called on the device's thread, every 20 ms.
        chunks: How many the device makes.
        bound: Most chunks that the queue holds; 0 for no bound.
        busy_s: How long nobody takes anything out of the queue at first: the network is slow.
    """
    with ThreadPoolExecutor(1) as pool:  # a loop of its own: a notebook's is woken by the notebook all the time
        return pool.submit(asyncio.run, _watch(hand_over, chunks, bound, busy_s)).result()


async def _watch(hand_over: HandOver, count: int, bound: int, busy_s: float) -> Arrivals:
    loop = asyncio.get_running_loop()
    queue = _WatchedQueue(bound)
    arrived: list[tuple[int, float, float]] = []
    errors: list[str] = []
    is_last_here, is_over = threading.Event(), asyncio.Event()
    by_themselves = 0
    begun_s = time.perf_counter()
    loop.set_exception_handler(lambda _loop, context: errors.append(repr(context.get("exception"))))

    def device() -> None:
        nonlocal by_themselves
        time.sleep(_FALLING_ASLEEP_S)
        for number in range(count):
            try:
                hand_over(loop, queue, (number, time.perf_counter()))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a learner's function: what it raises is the lesson
                errors.append(repr(error))
            time.sleep(_EVERY_S)
        is_last_here.wait(_GRACE_S if arrived else _LEAST_GRACE_S + busy_s)
        by_themselves = len(arrived)
        loop.call_soon_threadsafe(is_over.set)

    async def take() -> None:
        if busy_s:
            await asyncio.sleep(busy_s)
        while True:
            number, made_s = await queue.get()
            late_s = time.perf_counter() - made_s
            arrived.append((number, (made_s - begun_s) * 1000, late_s * 1000))
            if number == count - 1:
                is_last_here.set()

    taking = loop.create_task(take())
    thread = threading.Thread(target=device, name="fake-device")
    thread.start()
    await is_over.wait()
    await asyncio.sleep(_EVERY_S)  # awake now, it takes all that is still there in one step
    taking.cancel()
    thread.join()
    delays = tuple((made_ms, late_ms) for _, made_ms, late_ms in arrived)
    numbers = tuple(number for number, _, _ in arrived)
    return Arrivals(delays, numbers, count, by_themselves, queue.touched, errors[0] if errors else "")


def check_hand_over(hand_over: HandOver) -> Verdict:
    """Whether chunks arrive by themselves, and the newest survive a slow network, without an error."""
    idle = watch_hand_over(hand_over)
    if idle.error:
        return Verdict(False, f"it raised {idle.error}.")
    if idle.by_themselves < idle.sent:
        why = f"{idle.by_themselves} of {idle.sent} chunks arrived before something else woke the loop"
        return Verdict(False, f"{why}; the longest waited {idle.longest_ms:.0f} ms. Knock: the loop is asleep.")
    if idle.touched:
        why = f"chunks arrive, but the device's own thread put them into the queue, {idle.touched} times"
        return Verdict(False, f"{why}. It is not made for that: some day one is lost. Let the loop do it.")
    slow = watch_hand_over(hand_over, chunks=_BOUND * 2, bound=_BOUND, busy_s=_BUSY_S)
    if slow.error:
        why = f"chunks arrive at once, but when the queue was full it raised {slow.error}"
        return Verdict(False, f"{why}. Make room before you put.")
    newest = tuple(range(slow.sent - _BOUND, slow.sent))
    if slow.numbers != newest:
        what = f"chunks {slow.numbers[0]} to {slow.numbers[-1]}" if slow.numbers else "nothing"
        why = f"chunks arrive at once, but after a slow network {what} came, not the newest {_BOUND}"
        return Verdict(False, f"{why} ({newest[0]} to {newest[-1]}). Take the oldest out when it is full.")
    passed = f"all {idle.sent} chunks arrived by themselves, and the newest {_BOUND} survived a slow network."
    return Verdict(True, passed)


# -- a line that is too slow -------------------------------------------------------------------------


@dataclass(frozen=True)
class SlowLine:
    """How a queue did before a line that takes less than a microphone brings. Computed, not measured.

    Attributes:
        delays: When each chunk that was sent was recorded, and how much later it was through, in milliseconds.
        dropped: How many chunks were dropped.
        most_waiting: Most chunks that waited at once.
    """

    delays: tuple[tuple[float, float], ...]
    dropped: int
    most_waiting: int


def over_a_slow_line(seconds: float, *, takes_ms: float, bound: int | None = None) -> SlowLine:
    """Send the chunks of a microphone over a line that needs `takes_ms` for each 40 ms of them.

    Args:
        seconds: How long somebody talks.
        takes_ms: What a chunk takes.
        bound: Most chunks that may wait; then the oldest is dropped. `None`: no bound.
    """
    waiting: deque[float] = deque()
    delays: list[tuple[float, float]] = []
    free_at_ms, dropped, most = 0.0, 0, 0

    def send_until(now_ms: float) -> None:
        nonlocal free_at_ms
        while waiting and max(free_at_ms, waiting[0]) <= now_ms:
            made_ms = waiting.popleft()
            free_at_ms = max(free_at_ms, made_ms) + takes_ms
            delays.append((made_ms, free_at_ms - made_ms))

    for number in range(round(seconds * 1000 / CHUNK_MS)):
        send_until(number * CHUNK_MS)
        waiting.append(number * CHUNK_MS)
        if bound is not None and len(waiting) > bound:
            waiting.popleft()
            dropped += 1
        most = max(most, len(waiting))
    send_until(float("inf"))
    return SlowLine(tuple(delays), dropped, most)


# -- a reply that comes in pieces --------------------------------------------------------------------


@dataclass(frozen=True)
class RecordedReply:
    """When the pieces of a spoken reply came, counted from the end of the question.

    Attributes:
        deltas: When each came, and the length of its sound, in milliseconds.
        done_ms: When the server said that it was complete.
    """

    deltas: tuple[tuple[float, float], ...]
    done_ms: float

    @property
    def first_ms(self) -> float:
        """When there was something to play."""
        return self.deltas[0][0]

    @property
    def sound_ms(self) -> float:
        """How long it sounds."""
        return sum(length for _, length in self.deltas)


def record_reply(events: Iterable[tuple[Literal["sent", "received"], Event, float]]) -> RecordedReply:
    """Read the first spoken reply out of the events of a session.

    Raises:
        ValueError: There is none, or it is not complete.
    """
    asked_s = done_s = None
    deltas: list[tuple[float, float]] = []
    for _, event, at_s in events:
        match event["type"]:
            case "input_audio_buffer.speech_stopped" if not deltas:
                asked_s = at_s
            case "response.output_audio.delta" if asked_s is not None:
                deltas.append(((at_s - asked_s) * 1000, duration_ms(base64_to_pcm(event["delta"]))))
            case "response.output_audio.done" if deltas:
                done_s = at_s
                break
            case _:
                pass
    if asked_s is None or done_s is None:
        raise ValueError("These events hold no complete spoken reply to a spoken question.")
    return RecordedReply(tuple(deltas), (done_s - asked_s) * 1000)


def uneven_line(seconds: float, *, seed: int = 1) -> tuple[tuple[float, float], ...]:
    """Pieces of a reply on a line that is just fast enough: mostly a little late, now and then held up.

    Returns:
        When each piece of 40 ms comes, and its length, in milliseconds; in order, as over TCP.
    """
    luck = random.Random(seed)
    pieces: list[tuple[float, float]] = []
    for number in range(round(seconds * 1000 / CHUNK_MS)):
        late_ms = luck.uniform(0, 15) + (luck.uniform(80, 220) if luck.random() < 0.06 else 0)
        before_ms = pieces[-1][0] if pieces else 0.0
        pieces.append((max(before_ms, number * CHUNK_MS + late_ms), float(CHUNK_MS)))
    return tuple(pieces)


@dataclass(frozen=True)
class Played:
    """How a reply sounded.

    Attributes:
        first_ms: When its first sound came.
        underruns: How often it ran dry in its middle.
        gaps_ms: How long it was silent in its middle, all gaps together.
    """

    first_ms: float
    underruns: int
    gaps_ms: float


def play(pieces: Sequence[tuple[float, float]], *, prebuffer_ms: int) -> Played:
    """Play pieces as they come through a play-head, on a clock that is computed: 20 ms a step.

    Args:
        pieces: When each comes, and its length, in milliseconds.
        prebuffer_ms: How much must wait before the first of it sounds, and again after it ran dry.
    """
    head = PlayHead(prebuffer_ms)
    coming = deque(pieces)
    left_ms = sum(length for _, length in pieces)
    now_ms, first_ms, gaps_ms = 0.0, None, 0.0
    while left_ms > 0:
        while coming and coming[0][0] <= now_ms:
            head.push("reply", silence(round(coming.popleft()[1])))
        if not coming:
            head.end("reply")
        heard_ms = len(head.pull(_TICK_MS * BYTES_PER_MS)) / BYTES_PER_MS
        if heard_ms and first_ms is None:
            first_ms = now_ms
        left_ms -= heard_ms
        if first_ms is not None and left_ms > 0:
            gaps_ms += _TICK_MS - heard_ms
        now_ms += _TICK_MS
    return Played(first_ms or 0.0, head.underruns, gaps_ms)
