"""The audio benchmark still runs: its script is what the service would send, and a contender plays it whole."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
OWN = ("audio", "card", "scripted_server")
REPLY_MS, CUT_S = 1_000, 0.4


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield import_module("audio")
    for name in OWN:
        sys.modules.pop(name)


def test_every_scripted_event_is_one_the_sdk_knows(bench: ModuleType) -> None:
    known = TypeAdapter(RealtimeServerEvent)
    for cut_s in (None, 0.01, 9.0):
        for step in bench.reply(1, 1.0, bench.steady(500), cut_s=cut_s):
            known.validate_python(step.event, strict=True)


@pytest.mark.parametrize("kind", ["ours", "notebook"])
async def test_a_reply_is_played_whole_and_the_microphone_arrives_whole(bench: ModuleType, kind: str) -> None:
    steps = [*bench.reply(0, 0.6, bench.steady(REPLY_MS)), *bench.reply(1, 2.8, bench.steady(REPLY_MS), cut_s=CUT_S)]
    server = bench.ScriptedServer({"tiny": steps})
    async with server.serving():
        seen = await bench.follow(server, bench.Contender(kind, f"{kind}:talk"), "tiny", tail_s=0.2)
    reply_mark = import_module("card").reply_mark
    played = [first for _speaker, _number, _at_s, first, _last in seen.blocks(0)]
    assert played == [reply_mark(0, block) for block in range(REPLY_MS // bench.MARK_MS)]
    assert all(0 < ms < 10_000 for ms in (*seen.handed_ms([0]), *seen.sounds_ms([0]), *seen.silent_ms([1])))
    assert len(seen.uploads_ms()) > 50
    if kind == "ours":
        assert seen.lost_ms() == 0
        assert len(seen.blocks(1)) < len(seen.blocks(0)), "the interruption cut it"
