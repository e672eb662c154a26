"""Runs sessions of one contender in a process of its own, and obeys its standard input.

`cpu` prints the CPU seconds so far, `compute N` computes for N seconds in the main thread, `end` prints what the card
saw. Used by audio.py; the sessions live on a loop in a thread, as a notebook's main thread must stay free to compute.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path

from card import Card


def compute(seconds: float) -> int:
    """What a notebook cell does that never yields: pure Python."""
    until_s, found = time.monotonic() + seconds, 0
    while time.monotonic() < until_s:
        found += sum(number * number % 7 for number in range(10_000))
    return found


def main(name: str, url: str, script: str, sessions: int, block_ms: int) -> None:
    card = Card(block_ms)

    async def talk_all() -> None:
        if name == "nobody":  # the card alone
            for _ in range(sessions):
                card.microphone(40, bytes).start()
                card.speaker(len).start()
            await asyncio.Event().wait()
        module, _, way = name.partition(":")
        contender = getattr(importlib.import_module(f"contenders.{module}"), way)
        await asyncio.gather(*(contender(url, script, card) for _ in range(sessions)))

    def live() -> None:
        try:
            asyncio.run(talk_all())
        except BaseException:  # noqa: BLE001 - whatever it is, the parent must not wait for it
            traceback.print_exc()
            os._exit(1)

    threading.Thread(target=live, daemon=True).start()
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "cpu":
            print(time.process_time(), flush=True)
        elif command == "compute":
            compute(float(arguments[0]))
        else:
            break
    if journals := os.environ.get("CARD_JOURNALS"):
        card.read_journals(Path(journals))
        shutil.rmtree(journals, ignore_errors=True)
    print(json.dumps(card.log))
    sys.stdout.flush()
    os._exit(0)  # whoever hangs on to something must not hold up the others


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
