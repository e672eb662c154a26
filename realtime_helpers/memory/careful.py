"""A writer that tries again, and lets nothing through that cannot stand for the turns."""

from __future__ import annotations

import asyncio
import random
import reprlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from ..conversation import Usage
from .checks import check_summary
from .failures import SummaryError, explained
from .styles import SummaryStyle
from .summariser import Summariser, SummaryRequest, Written

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 20.0


class CarefulSummariser:
    """Any summariser, with a time-out, retries and a check of what it wrote.

    Tried again, after a wait that doubles: rate limits, server errors, time-outs, lost connections, summaries that
    are refused. Told at once: a wrong key, an unknown model, a bad request, a mistake in a summariser of one's own.

    Args:
        summariser: Who writes.
        style: What was asked for: the form and the length are held against it.
        timeout_s: Longest wait for one try, in seconds.
        tries: How often it is tried at most.
        sleep: Waits between tries, in seconds.
        rng: Draws how much of each wait is waited: between half and all of it.
    """

    def __init__(
        self,
        summariser: Summariser,
        style: SummaryStyle,
        *,
        timeout_s: float = 30.0,
        tries: int = 3,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._summariser = summariser
        self._style = style
        self._timeout_s = timeout_s
        self._tries = tries
        self._sleep = sleep
        self._rng = rng or random.Random()

    async def __call__(self, request: SummaryRequest) -> Written:
        """Write a summary that passes `check_summary`. Its usage holds that of the failed tries too.

        Raises:
            SummaryError: None could be had; its `usage` is what the tries took, at the prices of its `model`.
        """
        spent, model = Usage(), None
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._tries),
            wait=self._wait_s,
            retry=retry_if_exception(lambda error: isinstance(error, SummaryError) and error.is_worth_retrying),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    try:
                        written = await self._try_once(request)
                    except SummaryError as error:
                        spent = error.usage = error.usage + spent
                        model = error.model = error.model or model
                        raise
                    return replace(written, usage=written.usage + spent)
        except SummaryError as error:
            tries = retrying.statistics.get("attempt_number", 1)
            raise _after(error, tries) from error.__cause__
        raise AssertionError("tenacity ends with a result or an error")

    async def _try_once(self, request: SummaryRequest) -> Written:
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._summariser(request)
        except asyncio.CancelledError as end:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            raise SummaryError(
                "The summariser's own work was cancelled.",
                "Correct it; the turns stay as they are.",
                is_worth_retrying=False,
            ) from end
        except Exception as error:
            raise explained(error) from error
        written = _as_written(answer)
        written = replace(written, text=self._style.tidy(written.text))
        try:
            check_summary(written.text, request, self._style)
        except SummaryError as refusal:
            refusal.usage, refusal.model = written.usage, written.model
            raise
        return written

    def _wait_s(self, state: RetryCallState) -> float:
        wait_s: float = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (state.attempt_number - 1)) * self._rng.uniform(
            0.5, 1
        )
        error = state.outcome.exception() if state.outcome else None
        asked_s = error.retry_after_s if isinstance(error, SummaryError) else 0.0
        return max(wait_s, min(asked_s, _LONGEST_WAIT_S))


def _as_written(answer: object) -> Written:
    match answer:
        case str():
            return Written(answer)
        case Written(text=str(), usage=Usage()):
            return answer
    raise SummaryError(
        f"The summariser returned {reprlib.repr(answer)} instead of a text.",
        "Have it return a string, or Written(text, usage, model).",
        is_worth_retrying=False,
    )


def _after(error: SummaryError, tries: int) -> SummaryError:
    """The last failure, which says how often it was tried."""
    if tries > 1:
        error.what = f"{error.what} It was tried {tries} times."
    return error
