"""Tries, waits and what is told at once, without a server."""

from __future__ import annotations

import asyncio
import random
from typing import Any, cast

import httpx
import openai
import pytest

from realtime_helpers.conversation import Usage
from realtime_helpers.errors import SessionError
from realtime_helpers.memory import CarefulSummariser, SummaryError, SummaryRequest, SummaryStyle, Written

from .talks import request

DOG = request(("my dog is called biscuit", "Thank you."))
GOOD = "The user has a dog called biscuit."


def status_error(status: int, code: str | None = None, **headers: str) -> openai.APIStatusError:
    answer = httpx.Response(status, headers=headers, request=httpx.Request("POST", "http://localhost/v1"))
    body = {"code": code, "message": "The server's own words."}
    kinds = {401: openai.AuthenticationError, 400: openai.BadRequestError, 404: openai.NotFoundError,
             429: openai.RateLimitError}  # fmt: skip
    return kinds.get(status, openai.InternalServerError)("The server's own words.", response=answer, body=body)


class Script:
    """A summariser that does one thing after the other."""

    def __init__(self, *acts: Any) -> None:
        self.acts = list(acts)
        self.waits: list[float] = []

    async def __call__(self, _: SummaryRequest) -> Any:
        act = self.acts.pop(0)
        if isinstance(act, BaseException):
            raise act
        return act

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def carefully(self, **options: Any) -> Written:
        write = CarefulSummariser(self, SummaryStyle(), sleep=self.sleep, rng=random.Random(3), **options)
        return await write(DOG)


REQUEST = httpx.Request("POST", "http://localhost/v1")


@pytest.mark.parametrize(
    "failure",
    [
        status_error(429), status_error(500), status_error(503), TimeoutError(), ConnectionResetError("gone"),
        openai.APITimeoutError(REQUEST), openai.APIConnectionError(request=REQUEST), "", "Sure, it is biscuit.",
        SummaryError("The live model ended its answer as failed."),
    ],
)  # fmt: skip
async def test_what_passes_is_tried_again(failure: Any) -> None:
    script = Script(failure, GOOD)
    assert (await script.carefully()).text == GOOD
    assert len(script.waits) == 1


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (status_error(401), "refused the API key"),
        (status_error(400), "HTTP 400.*own words"),
        (status_error(404), "does not know the text model"),
        (status_error(429, "insufficient_quota"), "no credit"),
        (SessionError("The session has ended.", "Start a new one."), "The session has ended. Start a new one."),
        (KeyError("mistake"), r"KeyError\('mistake'\)"),
        (None, "returned None instead of a text. Have it return a string"),
        (7, "returned 7 instead"),
        (Written(text=cast("str", None)), "instead of a text"),
        (asyncio.CancelledError(), "own work was cancelled"),
    ],
)
async def test_what_stays_is_told_at_once(failure: Any, why: str) -> None:
    script = Script(failure, GOOD)
    with pytest.raises(SummaryError, match=why) as caught:
        await script.carefully()
    assert script.waits == []
    assert "tried" not in str(caught.value)


async def test_waits_double_with_jitter_and_have_an_end() -> None:
    script = Script(*[status_error(500)] * 9, GOOD)
    await script.carefully(tries=10)
    assert all(
        0.5 <= wait / most <= 1 for wait, most in zip(script.waits, (0.5, 1, 2, 4, 8, 16, 20, 20, 20), strict=True)
    )
    assert len({round(wait / most, 6) for wait, most in zip(script.waits, (0.5, 1, 2, 4), strict=False)}) == 4


async def test_a_server_that_says_how_long_is_believed_within_reason() -> None:
    script = Script(status_error(429, **{"retry-after": "7"}), status_error(429, **{"retry-after": "900"}), GOOD)
    await script.carefully()
    assert script.waits == [7.0, 20.0]


async def test_failed_tries_are_part_of_the_bill() -> None:
    wasted = Written("Sure!", Usage(100, output_text=2), "m")
    written = await Script(wasted, Written(GOOD, Usage(100, output_text=9), "m")).carefully()
    assert written.usage == Usage(200, output_text=11)
    with pytest.raises(SummaryError) as caught:
        await Script(wasted, status_error(500), wasted).carefully()
    assert caught.value.usage == Usage(200, output_text=4)


async def test_failed_tries_are_billed_at_the_prices_of_their_writer() -> None:
    wasted = Written("Sure!", Usage(100, output_text=2), "m")
    for last in (wasted, status_error(500), status_error(401), None):
        with pytest.raises(SummaryError) as caught:
            await Script(wasted, last).carefully(tries=2)
        assert caught.value.model == "m"
        assert caught.value.usage.input_text >= 100


async def test_a_cancelled_summary_stays_cancelled() -> None:
    begun = asyncio.Event()

    async def never(_: SummaryRequest) -> str:
        begun.set()
        await asyncio.Event().wait()
        return ""

    task = asyncio.ensure_future(CarefulSummariser(never, SummaryStyle())(DOG))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_summariser_that_never_answers_is_given_up() -> None:
    async def never(_: SummaryRequest) -> str:
        await asyncio.Event().wait()
        return ""

    with pytest.raises(SummaryError, match="did not answer in time"):
        await CarefulSummariser(never, SummaryStyle(), timeout_s=0.01, tries=1)(DOG)
