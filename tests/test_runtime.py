from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from realtime_helpers.runtime import SWITCH_INTERVAL_S, BackgroundLoop, background_loop, prompt_threads


def test_there_is_one_background_loop_a_process() -> None:
    found: list[BackgroundLoop] = []
    threads = [threading.Thread(target=lambda: found.append(background_loop())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


def test_a_call_from_a_foreign_thread_wakes_the_loop_at_once() -> None:
    # queue.put_nowait from another thread wakes nobody: the loop would sleep until something else happens
    loop = background_loop()

    async def wait_for_item(queue: asyncio.Queue[str]) -> str:
        return await queue.get()

    async def nothing() -> None:
        await asyncio.sleep(0)

    async def make_queue() -> asyncio.Queue[str]:
        return asyncio.Queue()

    queue = loop.submit(make_queue()).result(5)
    waiting = loop.submit(wait_for_item(queue))
    later = threading.Timer(0.2, loop.call, args=(queue.put_nowait, "hello"))  # by then the loop sleeps
    loop.submit(nothing()).result(5)
    later.start()
    assert waiting.result(5) == "hello"


def test_a_result_can_be_awaited_or_waited_for() -> None:
    async def work() -> int:
        return 7

    async def elsewhere() -> int:
        return await background_loop().submit(work())

    assert background_loop().submit(work()).result(5) == 7
    assert asyncio.run(elsewhere()) == 7


def test_waiting_on_the_loop_for_itself_is_refused_instead_of_hanging() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    async def foolish() -> None:
        pending = background_loop().submit(forever())
        try:
            pending.result(5)
        finally:
            pending.cancel()

    with pytest.raises(RuntimeError, match="await"):
        background_loop().submit(foolish()).result(5)


def test_threads_switch_promptly_until_the_last_session_ends() -> None:
    usual_s = sys.getswitchinterval()
    assert usual_s > SWITCH_INTERVAL_S
    with prompt_threads():
        with prompt_threads():
            assert sys.getswitchinterval() == SWITCH_INTERVAL_S
        assert sys.getswitchinterval() == SWITCH_INTERVAL_S
    assert sys.getswitchinterval() == usual_s


def test_threads_that_switch_still_sooner_are_left_alone() -> None:
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S / 5)
    try:
        sooner_s = sys.getswitchinterval()
        with prompt_threads():
            assert sys.getswitchinterval() == sooner_s
        assert sys.getswitchinterval() == sooner_s
    finally:
        sys.setswitchinterval(usual_s)
