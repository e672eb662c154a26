"""A jitter buffer on a corpus of arrival patterns, and on everything Hypothesis can think of."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_helpers.audio.formats import CHUNK_BYTES
from realtime_helpers.audio.jitter import JitterBuffer

CORPUS = tomllib.loads((Path(__file__).parent / "corpus" / "arrivals.toml").read_text(encoding="utf-8"))["pattern"]
SILENCE = bytes(CHUNK_BYTES)


def chunk(number: int) -> bytes:
    return (number + 1).to_bytes(8, "big") * (CHUNK_BYTES // 8)


def name_of(pcm: bytes) -> str:
    assert len(pcm) == CHUNK_BYTES
    return "." if pcm == SILENCE else str(int.from_bytes(pcm[:8], "big") - 1)


def counts(buffer: JitterBuffer) -> dict[str, int]:
    return {name: getattr(buffer, name) for name in ("missing", "late", "duplicated", "restarts")}


@pytest.mark.parametrize("pattern", CORPUS, ids=lambda pattern: pattern["name"])
def test_a_pattern_of_the_corpus(pattern: dict[str, Any]) -> None:
    buffer = JitterBuffer(pattern.get("patience_ms", 120))
    for step in pattern["steps"]:
        arrives, gives = step.split(">")
        if "-" in arrives:
            first, last = map(int, arrives.split("-"))
            for number in range(first, last + 1):
                assert buffer.add(number, chunk(number)) == [chunk(number)]
        else:
            given_out = buffer.end() if arrives == "end" else buffer.add(int(arrives), chunk(int(arrives)))
            assert [name_of(pcm) for pcm in given_out] == gives.split(), step
    assert counts(buffer) == {name: pattern.get(name, 0) for name in counts(buffer)}


arrivals = st.lists(st.integers(0, 60), max_size=150)


@settings(deadline=None)
@given(arrivals, st.sampled_from([0, 40, 120, 400, 4_000]))
def test_nothing_is_doubled_or_reordered_and_the_time_line_holds(numbers: list[int], patience_ms: int) -> None:
    buffer = JitterBuffer(patience_ms)
    out: list[bytes] = []
    for count, number in enumerate(numbers, start=1):
        out += buffer.add(number, chunk(number))
        waited_for = max(numbers[:count]) + 1 - len(out)
        assert waited_for <= patience_ms // 40, "nothing is held back longer than the patience"
    out += buffer.end()
    assert len(out) == max(numbers, default=-1) + 1
    assert all(name_of(pcm) in {".", str(place)} for place, pcm in enumerate(out))
    assert buffer.missing == out.count(SILENCE)
    assert len(numbers) == len(out) - buffer.missing + buffer.late + buffer.duplicated
    assert buffer.restarts == 0


@settings(deadline=None)
@given(st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_what_is_late_by_no_more_than_the_patience_is_not_lost(delays: list[float]) -> None:
    """Delays in chunks: a chunk that comes before the third one after it has its place kept."""
    numbers = sorted(range(len(delays)), key=lambda number: number + delays[number])
    buffer = JitterBuffer(patience_ms=160)
    out = [pcm for number in numbers for pcm in buffer.add(number, chunk(number))] + buffer.end()
    assert out == [chunk(number) for number in range(len(delays))]
    assert set(counts(buffer).values()) == {0}


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), max_size=60), st.sampled_from([0, 120]))
def test_wild_numbers_cost_neither_memory_nor_sanity(numbers: list[int], patience_ms: int) -> None:
    buffer = JitterBuffer(patience_ms)
    out = [pcm for number in numbers for pcm in buffer.add(number, chunk(number))] + buffer.end()
    assert len(out) <= len(numbers) * 250, "a jump is at most ten seconds of silence"
    real = [name_of(pcm) for pcm in out if pcm != SILENCE]
    assert len(real) + buffer.late + buffer.duplicated == len(numbers)
    assert len(real) <= len(numbers)


def test_two_hours_keep_nothing() -> None:
    buffer = JitterBuffer()
    for number in range(180_000):
        if number % 3:
            buffer.add(number, b"")
    assert buffer.missing == pytest.approx(60_000, abs=5)
    assert len(buffer._waiting) <= 5
    assert len(buffer._given_up) <= 250
