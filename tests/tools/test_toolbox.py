"""Whatever a tool does, its call ends with an output the model can use, in time, and tells it no secret."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import pytest

from realtime_helpers import SettingsError
from realtime_helpers.tools import Tool, Toolbox, ToolError, as_output, as_tool

WHO = contextvars.ContextVar("WHO", default="nobody")


def made(call: Any, **values: Any) -> Toolbox:
    """A toolbox with one tool, `t`, that takes anything."""
    return Toolbox([Tool("t", "Does it.", {"type": "object"}, call, **values)])


def error_in(output: str) -> str:
    data = json.loads(output)
    assert list(data) == ["error"]
    return str(data["error"])


@dataclass
class Report:
    day: date
    degrees: float


@pytest.mark.parametrize(
    ("result", "output"),
    [
        ("as it is", "as it is"),
        ("", ""),
        (None, "null"),
        ({"a": [1, 2.5, None]}, '{"a":[1,2.5,null]}'),
        (Report(date(2027, 1, 31), 2.5), '{"day":"2027-01-31","degrees":2.5}'),
        ([True, {1}], "[true,[1]]"),
        ("half a \ud83d pair", "half a ? pair"),
    ],
)
async def test_results_become_text(result: object, output: str) -> None:
    async def later() -> object:
        return result

    for call in (lambda: result, later):
        outcome = await made(call).call("t", "{}")
        assert (outcome.ending, outcome.output, outcome.problem) == ("answered", output, None)
    assert as_output(result) == output


@pytest.mark.parametrize("text", ["{}", "", " \n", "{  \n  } \n"])
async def test_arguments_may_be_pretty_or_missing(text: str) -> None:
    assert (await made(lambda: "done").call("t", text)).output == "done"


@pytest.mark.parametrize("text", ["{", "[]", "null", '"Paris"', '{"a": 1', "[" * 5000])
async def test_what_is_no_object_is_refused_with_what_to_send(text: str) -> None:
    outcome = await made(lambda **_: "done").call("t", text)
    assert outcome.ending == "refused"
    assert "Call it again with arguments that do" in error_in(outcome.output)


async def test_arguments_are_checked_before_the_function_is_called() -> None:
    called = []

    def book(seats: int) -> str:
        """Book seats."""
        called.append(seats)
        return "booked"

    box = Toolbox([book])
    refused = await box.call("book", '{"seats": "many"}')
    assert "seats: Input should be a valid integer" in error_in(refused.output)
    assert (await box.call("book", ' { "seats" : 2 } ')).output == "booked"
    assert called == [2]


def broken() -> None:
    raise OSError("cannot reach https://key-4711@example.org/")


async def broken_later() -> None:
    broken()


def leave() -> None:
    raise SystemExit(3)


async def leave_later() -> None:
    raise SystemExit(3)


async def cancelled() -> None:
    raise asyncio.CancelledError


def late() -> None:
    raise TimeoutError("too late: key-4711")


def unshowable() -> object:
    return object()


def endless() -> Iterator[object]:
    yield object()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (broken, "t failed (OSError)"), (broken_later, "t failed (OSError)"), (late, "t failed (TimeoutError)"),
        (leave, "t failed (SystemExit)"), (leave_later, "t failed (SystemExit)"), (cancelled, "t was cancelled"),
        (unshowable, "a result that cannot be shown"), (endless, "a result that cannot be shown"),
    ],
)  # fmt: skip
async def test_an_exception_becomes_an_output_that_tells_its_kind_and_no_more(call: Any, told: str) -> None:
    outcome = await made(call).call("t", "{}")
    assert outcome.ending == "failed"
    assert told in error_in(outcome.output)
    assert "4711" not in outcome.output
    assert outcome.problem


async def test_the_developer_learns_what_the_model_does_not() -> None:
    assert "key-4711" in str((await made(broken).call("t", "{}")).problem)


async def test_a_tool_error_is_told_word_for_word() -> None:
    def pick() -> None:
        raise ToolError("There is none left. Offer the blue one.")

    outcome = await made(pick).call("t", "{}")
    assert (outcome.ending, outcome.problem) == ("failed", None), "it was said on purpose: nothing is broken"
    assert error_in(outcome.output) == "There is none left. Offer the blue one."


async def test_an_unknown_tool_is_answered_with_those_there_are() -> None:
    outcome = await made(str).call("get_wether", "{}")
    assert outcome.ending == "unknown"
    assert error_in(outcome.output) == "There is no tool get_wether. There are: t."


async def test_large_results_are_cut_with_a_note() -> None:
    outcome = await made(lambda: "x" * 30, max_characters=10).call("t", "{}")
    assert outcome.output.splitlines()[0] == "x" * 10
    assert "only the first 10 of 30 characters" in outcome.output
    assert "from 30 to 10" in str(outcome.problem)
    assert (await made(lambda: "x" * 10, max_characters=10).call("t", "{}")).output == "x" * 10


async def test_an_async_tool_that_hangs_is_given_up_and_cancelled() -> None:
    ended = threading.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    began_s = time.monotonic()
    outcome = await made(hang, timeout_s=0.1).call("t", "{}")
    assert time.monotonic() - began_s < 5
    assert outcome.ending == "timed out"
    assert "gave no answer within 0.1 seconds" in error_in(outcome.output)
    assert await asyncio.to_thread(ended.wait, 5)


async def test_a_thread_that_hangs_is_left_behind_and_its_late_result_ignored() -> None:
    go_on, done = threading.Event(), threading.Event()

    def block() -> str:
        go_on.wait(10)
        done.set()
        return "too late"

    outcome = await made(block, timeout_s=0.1).call("t", "{}")
    assert outcome.ending == "timed out"
    assert "Its thread cannot be ended" in str(outcome.problem)
    go_on.set()
    assert await asyncio.to_thread(done.wait, 5)
    assert (await made(lambda: "next").call("t", "{}")).output == "next"


async def test_a_hundred_hanging_tools_hold_nobody_up() -> None:
    go_on = threading.Event()
    box = made(lambda: go_on.wait(20) and "done", timeout_s=0.2)
    hanging = [asyncio.create_task(box.call("t", "{}")) for _ in range(100)]
    await asyncio.sleep(0)
    began_s = time.monotonic()
    assert (await made(lambda: "quick").call("t", "{}")).output == "quick"
    assert {(await one).ending for one in hanging} == {"timed out"}
    assert time.monotonic() - began_s < 10
    go_on.set()


async def test_no_tool_runs_on_the_callers_loop() -> None:
    async def where_async() -> int:
        time.sleep(0.3)  # noqa: ASYNC251 - badly written on purpose: it stops its own loop, and no other
        return threading.get_ident()

    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    threads = {(await made(call).call("t", "{}")).output for call in (threading.get_ident, where_async)}
    ticking.cancel()
    assert str(threading.get_ident()) not in threads
    assert len(threads) == 2
    assert ticks > 10


async def test_tools_see_the_context_variables_of_their_caller() -> None:
    async def who_later() -> str:
        return WHO.get()

    WHO.set("Ada")
    for call in (WHO.get, who_later):
        assert (await made(call).call("t", "{}")).output == "Ada"


async def test_a_partial_of_an_async_function_and_a_function_that_returns_a_coroutine_are_awaited() -> None:
    async def add(a: int, b: int) -> int:
        await asyncio.sleep(0)
        return a + b

    for call in (partial(add, b=2), lambda a: add(a, 2)):
        assert (await made(call).call("t", '{"a": 1}')).output == "3"


async def test_an_object_whose_call_is_async_is_awaited() -> None:
    class Adder:
        async def __call__(self, a: int) -> int:
            """Add two."""
            return a + 2

    assert (await Toolbox([Adder()]).call("Adder", '{"a": 1}')).output == "3"


async def test_who_cancels_a_call_cancels_the_tool() -> None:
    began, ended = threading.Event(), threading.Event()

    async def hang() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    calling = asyncio.create_task(made(hang).call("t", "{}"))
    assert await asyncio.to_thread(began.wait, 5)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert await asyncio.to_thread(ended.wait, 5)


def work() -> str:
    """Work."""
    return "done"


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match="Two tools are called work"):
        Toolbox([work, work])
    with pytest.raises(SettingsError, match="Two tools are called work"):
        Toolbox([work]).declared_in({"tools": [{"type": "function", "name": "work"}]})
    assert "rest" in Toolbox([work, as_tool(work, name="rest")])


@pytest.mark.parametrize("tools", [work, "a name", {"work": work}, {work}, None])
def test_tools_are_a_list(tools: Any) -> None:
    with pytest.raises(SettingsError, match="tools cannot be of the kind"):
        Toolbox(tools)


def test_tools_of_the_config_stay_beside_ours() -> None:
    raw = {"type": "mcp", "server_label": "maps"}
    config = {"voice": "marin", "tools": [raw]}
    declared = Toolbox([work]).declared_in(config)
    assert [tool.get("name") for tool in declared["tools"]] == ["work", None]
    assert config == {"voice": "marin", "tools": [raw]}
    assert Toolbox().declared_in({"voice": "marin"}) == {"voice": "marin"}, "nothing is said where there is nothing"


async def test_no_warning_is_left_behind() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for call in (broken, broken_later, unshowable, cancelled):
            await made(call).call("t", "{}")
