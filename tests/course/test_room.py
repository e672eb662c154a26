"""Lesson 00: dates and prices are those of the package's tables; the exercise is judged by what is left running."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from realtime_helpers import RealtimeSession, SpeechSource
from realtime_helpers.conversation import MODELS, TEXT_PRICES, TRANSCRIPTION_PRICES
from realtime_helpers.course.room import GPT_LIVE_USD_PER_MINUTE, billing, check_ask_once, shutdowns
from realtime_helpers.errors import SettingsError


def test_every_model_with_an_end_is_listed_in_the_order_of_their_ends() -> None:
    table = shutdowns()
    ends = [date.fromisoformat(row[0]) for row in table.rows]
    assert ends == sorted(ends)
    known = {**MODELS, **TEXT_PRICES, **TRANSCRIPTION_PRICES}
    assert {row[1] for row in table.rows} == {name for name, of in known.items() if of.shutdown}
    assert ("2027-01-20", "gpt-realtime", "talks", "gpt-realtime-2.1") in table.rows
    assert "gpt-realtime-2.1-mini" in table.after
    assert "gpt-realtime," not in table.after


def test_a_minute_by_tokens_gets_dearer_and_a_minute_by_the_minute_does_not() -> None:
    rows = billing((5, 15, 60)).rows
    by_tokens = [float(row[1][1:]) for row in rows]
    assert by_tokens == sorted(by_tokens)
    assert by_tokens[0] < GPT_LIVE_USD_PER_MINUTE < by_tokens[-1]
    assert {row[2] for row in rows} == {"$0.050"}


def test_a_model_without_a_price_is_refused() -> None:
    with pytest.raises(SettingsError, match="No list price of 'gpt-next'"):
        billing(model="gpt-next")


def careful(session: RealtimeSession, user: SpeechSource, words: str) -> str:
    with session:
        session.start(source=user)
        user.say(words)
        return session.wait_for_answer(1).turns[-1].assistant_text


def careless(session: RealtimeSession, user: SpeechSource, words: str) -> str:
    session.start(source=user)
    user.say(words)
    answer = session.wait_for_answer(1).turns[-1].assistant_text
    session.stop()
    return answer


def never_starts(session: RealtimeSession, user: SpeechSource, words: str) -> None:
    pass


def never_stops(session: RealtimeSession, user: SpeechSource, words: str) -> str:
    session.start(source=user)
    user.say(words)
    return session.wait_for_answer(1).turns[-1].assistant_text


def does_not_wait(session: RealtimeSession, user: SpeechSource, words: str) -> None:
    with session:
        session.start(source=user)
        user.say(words)


def returns_the_question(session: RealtimeSession, user: SpeechSource, words: str) -> str:
    careful(session, user, words)
    return words


def fails(session: RealtimeSession, user: SpeechSource, words: str) -> None:
    raise KeyError("sesion")


@pytest.mark.parametrize(
    ("ask_once", "why"),
    [
        (careful, "Passed: "),
        (careless, "Not yet: it stops when all goes well. But when user.say fails"),
        (never_starts, "Not yet: the session was never started"),
        (never_stops, "Not yet: the session is still listening"),
        (does_not_wait, "Not yet: the session ended before the bot answered"),
        (returns_the_question, "Not yet: the bot said 'I am fine"),
        (fails, "Not yet: ask_once raised KeyError: 'sesion'"),
    ],
    ids=lambda value: getattr(value, "__name__", "why"),
)
def test_the_exercise_is_judged_by_what_it_does(ask_once: Callable[..., object], why: str) -> None:
    assert repr(check_ask_once(ask_once)).startswith(why)
