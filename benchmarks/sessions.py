"""How many spoken sessions one simulator carries at real-time pace, and what one costs.

Each session streams a microphone in 40 ms frames without a pause: a sentence every ten seconds, silence between. The
load generator is a process of its own; where the system allows, server and generator are pinned to different cores.

Event lag, the figure that counts: how late audio deltas come. The simulator sends 250 ms of audio every 31 ms (eight
times real time), so within one reply delta n is due n * 31.25 ms after the first; what it is later than that is lag.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time

import orjson
import psutil
from served import pin, served
from websockets.asyncio.client import connect

from realtime_helpers.audio.formats import chunks_of, silence
from realtime_helpers.speech import Voice

CHUNK_S = 0.04
DUE_S = 0.250 / 8
CYCLE_S = 10.0
SECONDS = 24.0
LIMIT_S = 0.050
STEPS = (10, 25, 50, 75, 100, 125)


def cpu_seconds(process: psutil.Process) -> dict[str, float]:
    """CPU time of the server and of its speech engines."""
    spent = {"server": process.cpu_times().user + process.cpu_times().system, "speech": 0.0}
    for child in process.children(recursive=True):
        spent["speech"] += child.cpu_times().user + child.cpu_times().system
    return spent


async def converse(url: str, frames: list[str], delay_s: float, lags: list[float]) -> None:
    address = url.replace("http", "ws", 1) + "/realtime?model=gpt-realtime-2.1-mini"
    async with connect(address, additional_headers={"Authorization": "Bearer any"}, max_size=None) as socket:
        ends = time.perf_counter() + SECONDS
        speaking = asyncio.create_task(stream(socket, frames, delay_s, ends))
        first_s, count = 0.0, 0
        while (left := ends - time.perf_counter()) > 0:
            try:
                frame = await asyncio.wait_for(socket.recv(), left)
            except TimeoutError:
                break
            if '"response.output_audio.delta"' in frame[:60]:
                now = time.perf_counter()
                first_s = now if count == 0 else first_s
                lags.append(max(0.0, now - first_s - count * DUE_S))
                count += 1
            elif '"response.created"' in frame[:40]:
                count = 0
        await speaking


async def stream(socket, frames: list[str], delay_s: float, ends: float) -> None:
    await asyncio.sleep(delay_s)
    started = time.perf_counter()
    number = 0
    while time.perf_counter() < ends:
        await socket.send(frames[number % len(frames)])
        number += 1
        await asyncio.sleep(max(0.0, started + number * CHUNK_S - time.perf_counter()))


def microphone() -> list[str]:
    """Ten seconds of frames: a sentence, then silence."""
    voice = Voice()
    pcm = voice.speak("How are you today?").pcm
    voice.close()
    pcm = (pcm + silence(int(CYCLE_S * 1000)))[: int(CYCLE_S * 48_000)]
    return [
        orjson.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(chunk).decode()}).decode()
        for chunk in chunks_of(pcm)
    ]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)] if values else float("nan")


async def load(url: str, sessions: int, frames: list[str]) -> list[float]:
    lags: list[float] = []
    await asyncio.gather(*(converse(url, frames, CYCLE_S * number / sessions, lags) for number in range(sessions)))
    return lags


async def open_idle(url: str, count: int) -> list[object]:
    address = url.replace("http", "ws", 1) + "/realtime?model=gpt-realtime-2.1-mini"
    return [await connect(address, additional_headers={"Authorization": "Bearer any"}) for _ in range(count)]


async def idle_cost(url: str, process: psutil.Process) -> None:
    before = process.memory_info().rss
    sockets = await open_idle(url, 200)
    each_kib = (process.memory_info().rss - before) / 200 / 1024
    spent = cpu_seconds(process)["server"]
    await asyncio.sleep(5)
    share = (cpu_seconds(process)["server"] - spent) / 5 / 200
    print(f"an idle session: {each_kib:.0f} KiB, {share * 100:.4f} % of a core")
    await asyncio.gather(*(socket.close() for socket in sockets))


def main() -> None:
    pin(os.getpid(), {2, 3})
    started = time.perf_counter()
    with served("--pace", "realtime") as (url, process):
        print(f"start-up to ready: {time.perf_counter() - started:.2f} s")
        frames = microphone()
        asyncio.run(load(url, 2, frames))  # the recogniser and the voice are loaded
        asyncio.run(idle_cost(url, process))
        for sessions in STEPS:
            memory, spent = process.memory_info().rss, cpu_seconds(process)
            lags = asyncio.run(load(url, sessions, frames))
            now = cpu_seconds(process)
            cores = {name: (now[name] - spent[name]) / SECONDS for name in now}
            late = percentile(lags, 0.99)
            print(
                f"{sessions:4} sessions: lag of {len(lags)} deltas p50 {percentile(lags, 0.5) * 1000:.1f} ms, "
                f"p99 {late * 1000:.1f} ms; server {cores['server']:.2f} cores, speech {cores['speech']:.2f} cores; "
                f"{(process.memory_info().rss - memory) / sessions / 1024:.0f} KiB each"
            )
            if late > LIMIT_S or not lags:
                break


if __name__ == "__main__":
    main()
