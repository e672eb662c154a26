"""Why there is no summary, in words, and whether another try makes sense."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from ..conversation import Usage
from ..errors import WorkshopError

_UNPAID = {"insufficient_quota", "billing_hard_limit_reached"}
_LATER = "Nothing is lost: the turns stay as they are, and a later response tries again."


class SummaryError(WorkshopError):
    """No summary could be written. The conversation is complete all the same.

    Args:
        what: What happened.
        next_step: What to do about it.
        is_worth_retrying: Whether the same request may work in a moment.
        retry_after_s: How long the server asked to wait, in seconds.

    Attributes:
        usage: Tokens that the tries took: they are billed although nothing came of them.
        model: Whose prices apply to them; `None` when it costs nothing, or nobody knows.
    """

    def __init__(
        self, what: str, next_step: str = _LATER, *, is_worth_retrying: bool = True, retry_after_s: float = 0.0
    ) -> None:
        super().__init__(what, next_step)
        self.is_worth_retrying = is_worth_retrying
        self.retry_after_s = retry_after_s
        self.usage = Usage()
        self.model: str | None = None


class SummaryRefusedError(SummaryError):
    """Something was written, but it cannot stand for the turns."""


def explained(error: Exception) -> SummaryError:
    """Whatever a writer raised, as a `SummaryError`. Works for the clients of OpenAI and for plain functions."""
    openai = sys.modules.get("openai")  # not imported for this: it takes most of a second
    if isinstance(error, SummaryError):
        return error
    if isinstance(error, WorkshopError):
        return SummaryError(error.what, error.next_step, is_worth_retrying=False)
    if isinstance(error, TimeoutError) or (openai and isinstance(error, openai.APITimeoutError)):
        return SummaryError("The summariser did not answer in time.")
    if isinstance(error, OSError) or (openai and isinstance(error, openai.APIConnectionError)):
        return SummaryError(f"The summariser could not be reached ({error}).")
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _refused_request(status, error)
    return SummaryError(
        f"The summariser failed: {error!r}.", "Correct it; the turns stay as they are.", is_worth_retrying=False
    )


def _refused_request(status: int, error: Exception) -> SummaryError:
    if status in {401, 403}:
        return SummaryError(
            "The summariser's server refused the API key.", "Set a valid key and restart.", is_worth_retrying=False
        )
    if status == 404:
        return SummaryError(
            "The summariser's server does not know the text model.",
            "Choose another: Settings.from_environment(..., summary_model=...).",
            is_worth_retrying=False,
        )
    if getattr(error, "code", None) in _UNPAID:
        return _unpaid()
    if status == 429:
        wait_s = _retry_after_s(getattr(getattr(error, "response", None), "headers", {}))
        return SummaryError("The summariser is busy: too many requests (HTTP 429).", retry_after_s=wait_s)
    if status >= 500 or status in {408, 409}:
        return SummaryError(f"The summariser's server failed (HTTP {status}).")
    message = getattr(error, "message", str(error))
    return SummaryError(
        f"The summariser's server refused the request (HTTP {status}): {message}",
        "Correct what it names: the model, the style or its prompt.",
        is_worth_retrying=False,
    )


def failed_response(response: Mapping[str, Any]) -> SummaryError:
    """Why a response of the live model did not end as `completed`."""
    status, details = response.get("status"), response.get("status_details") or {}
    error = details.get("error") or {}
    if error.get("code") in _UNPAID:
        return _unpaid()
    reason = error.get("message") or details.get("reason") or "no reason given"
    return SummaryError(
        f"The live model ended its answer as {status}: {reason}",
        is_worth_retrying=error.get("type") != "invalid_request_error",
    )


def _unpaid() -> SummaryError:
    return SummaryError(
        "The account of the summariser has no credit left.", "Add credit, then go on.", is_worth_retrying=False
    )


def _retry_after_s(headers: Mapping[str, str]) -> float:
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:  # absent, or a date, which no server of this kind sends
        return 0.0
