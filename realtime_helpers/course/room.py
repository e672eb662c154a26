"""Lesson 00: what will be switched off and when, how billing by the minute differs, and the check of its exercise."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import date

from ..audio.sources import SpeechSource
from ..conversation import MODELS, PRICES_AS_OF, TEXT_PRICES, TRANSCRIPTION_PRICES, Outlook, find_prices, forecast_cost
from ..errors import SettingsError
from ..session import RealtimeSession, State
from ..settings import DEFAULT_MODEL
from ..tables import Table
from .verdict import Verdict

GPT_LIVE_USD_PER_MINUTE = 0.05
"""Voice on GPT-Live: list price as read in 2026-10 (reference §5.2)."""
_IN_ITS_PLACE = {
    "gpt-4o-mini-transcribe": "gpt-transcribe",
    "gpt-4o-transcribe": "gpt-transcribe",
    "whisper-1": "gpt-transcribe",
    "gpt-4.1-mini": "gpt-6-luna",
    "gpt-4o-mini": "gpt-6-luna",
    "gpt-5-mini": "a newer mini",
    "gpt-5-nano": "a newer mini",
}
"""Reference §5.4."""


def shutdowns() -> Table:
    """Every model of our dated tables that will be switched off, the next one first."""
    dated: list[tuple[date, str, str, str]] = [
        (model.shutdown, model.name, "talks", model.replacement or "") for model in MODELS.values() if model.shutdown
    ]
    for name, hearer in TRANSCRIPTION_PRICES.items():
        if hearer.shutdown:
            dated.append((hearer.shutdown, name, "transcribes", _IN_ITS_PLACE.get(name, "")))
    for name, writer in TEXT_PRICES.items():
        if writer.shutdown:
            dated.append((writer.shutdown, name, "writes summaries", _IN_ITS_PLACE.get(name, "")))
    lasting = ", ".join(model.name for model in MODELS.values() if not model.shutdown)
    rows = [(f"{day}", name, task, replacement) for day, name, task, replacement in sorted(dated)]
    return Table(("off on", "model", "what it does", "in its place"), rows, f"No date is known for: {lasting}.")


def billing(minutes: Sequence[int] = (5, 15, 60), model: str = DEFAULT_MODEL) -> Table:
    """What a minute of talk costs on average, by tokens without a summary, and by the minute.

    Args:
        minutes: Lengths of the talk.
        model: Whose tokens.

    Raises:
        SettingsError: No list price of the model is known.
    """
    prices = find_prices(model)
    if prices is None:
        raise SettingsError(f"No list price of {model!r} is known.", "Choose another model.")
    rows = []
    for length in minutes:
        by_tokens = forecast_cost(Outlook(prices, hours=length / 60)).total_usd / length
        rows.append((f"{length}", f"${by_tokens:.3f}", f"${GPT_LIVE_USD_PER_MINUTE:.3f}"))
    columns = ("minutes of talk", f"a minute of {model}", "a minute of GPT-Live")
    return Table(columns, rows, f"Tokens: a model of ours at the list prices of {PRICES_AS_OF}. GPT-Live: list price.")


class _Hoarse(SpeechSource):
    """A user who loses the voice."""

    def say(self, text: str) -> None:  # type: ignore[override]
        raise RuntimeError(f"Nobody could say {text!r}.")


def check_ask_once(ask_once: Callable[[RealtimeSession, SpeechSource, str], object]) -> Verdict:
    """Whether it asks, tells the answer, and leaves nothing running: also when the user cannot speak."""
    with RealtimeSession() as session:
        try:
            answer = ask_once(session, SpeechSource(), "How are you today?")
        except Exception as error:  # noqa: BLE001 - a learner's function may raise anything
            return Verdict(False, f"ask_once raised {type(error).__name__}: {error}")
        now = session.snapshot
        if now.state is State.NEW:
            return Verdict(False, "the session was never started. Begin with session.start(source=user).")
        said = now.turns[-1].assistant_text if now.turns else ""
        if not said:
            return Verdict(False, "the session ended before the bot answered. Wait: session.wait_for_answer(1).")
        if answer != said:
            return Verdict(False, f"the bot said {said!r}, and ask_once returned {answer!r}. Return the bot's words.")
        if now.state is not State.STOPPED:
            return Verdict(False, f"the session is still {now.state.value}. Stop it before you return.")
    with RealtimeSession() as session:
        with contextlib.suppress(Exception):  # it may go on, or be dealt with
            ask_once(session, _Hoarse(), "How are you today?")
        if session.snapshot.state not in (State.STOPPED, State.NEW):
            return Verdict(
                False,
                "it stops when all goes well. But when user.say fails, the session stays open. "
                "What stops it then? Look at the with form.",
            )
    return Verdict(True, "it answers, and nothing is left running, whatever happens on the way.")
