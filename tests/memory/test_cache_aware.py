from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from realtime_helpers.conversation import PRICES, TEXT_PRICES, Conversation, best_trigger
from realtime_helpers.errors import SettingsError
from realtime_helpers.memory import CacheAwareTrigger, Trigger, cache_aware

from ..conversation.events import added, response_created

LUNA = TEXT_PRICES["gpt-6-luna"]


class Talk:
    """A spoken conversation of equal turns, as its events tell it."""

    def __init__(self, model: str = "gpt-realtime-2.1", hit_rate: float = 1.0, **session: Any) -> None:
        self.conversation = Conversation()
        self.hit_rate = hit_rate
        self.turns = self.window = 0
        self.conversation.apply({"type": "session.created", "session": {"model": model, **session}})

    def say(self, user_s: float = 6.0, reply_s: float = 12.0) -> None:
        number, self.turns = self.turns, self.turns + 1
        user, reply, before = f"u{number}", f"a{number}", f"a{number - 1}" if number else None
        cacheable = self.window
        self.window += int(user_s * 10)
        usage = {
            "input_token_details": {
                "audio_tokens": self.window,
                "cached_tokens_details": {"audio_tokens": int(self.hit_rate * cacheable)},
            },
            "output_token_details": {"audio_tokens": int(reply_s * 20)},
        }
        self.window += int(reply_s * 20)
        said = {"type": "input_audio", "transcript": "word " * 16}
        parts = {"type": "message", "status": "completed"}
        for event in (
            {"type": "input_audio_buffer.speech_started", "item_id": user, "audio_start_ms": 0},
            {"type": "input_audio_buffer.speech_stopped", "item_id": user, "audio_end_ms": int(user_s * 1000)},
            added({"id": user, "role": "user", "content": [said], **parts}, before),
            response_created(f"r{number}"),
            added({"id": reply, "role": "assistant", "content": [], **parts}, user),
            {"type": "response.output_audio_transcript.done", "item_id": reply, "transcript": "word " * 32},
            {"type": "response.output_audio.delta", "item_id": reply, "delta": sound(reply_s)},
            {"type": "response.done", "response": {
                "id": f"r{number}", "conversation_id": "conv_1", "status": "completed", "usage": usage, "output": []}},
        ):  # fmt: skip
            self.conversation.apply(event)


def sound(seconds: float) -> str:
    return base64.b64encode(bytes(int(48_000 * seconds))).decode()


def talk(turns: int, **kwargs: Any) -> Conversation:
    made = Talk(**kwargs)
    for _ in range(turns):
        made.say()
    return made.conversation


def test_until_enough_is_measured_the_assumptions_stand() -> None:
    trigger = CacheAwareTrigger(summariser=LUNA, assumed_hit_rate=0.8)
    for turns in (0, 1, cache_aware.ENOUGH):  # the first response has nothing before it
        working = trigger.choice(talk(turns, hit_rate=0.2))
        assert working.hit_rate == 0.8
    assert trigger.choice(talk(cache_aware.ENOUGH + 1, hit_rate=0.2)).hit_rate == pytest.approx(0.2, abs=0.01)


def test_the_measured_turns_are_those_that_were_spoken() -> None:
    trigger = CacheAwareTrigger(summariser=LUNA)
    outlook = trigger._outlook_of(talk(10))
    rates = outlook.rates
    assert (rates.user_s, rates.assistant_s, rates.pause_s) == (6, 12, 2)
    assert (rates.user_words, rates.reply_words) == (20, 40)
    assert outlook.prices is PRICES["gpt-realtime-2.1"]
    choice = trigger.choice(talk(10))
    assert choice == best_trigger(replace(outlook, hit_rate=choice.hit_rate))


@pytest.mark.parametrize("hit_rate", [1.0, 0.9, 0.5])
def test_it_is_due_exactly_at_its_trigger(hit_rate: float) -> None:
    trigger, made = CacheAwareTrigger(summariser=LUNA), Talk(hit_rate=hit_rate)
    _: Trigger = trigger
    due = []
    for _turn in range(60):
        made.say()
        window, at = made.conversation.ledger.window_tokens, trigger.trigger_tokens(made.conversation)
        assert trigger.is_due(made.conversation) == (window >= at)
        due.append(window >= at)
    assert due == sorted(due)
    assert (False in due, True in due) == (True, True)


def test_a_worse_cache_makes_it_due_earlier() -> None:
    triggers = [CacheAwareTrigger(summariser=LUNA).trigger_tokens(talk(8, hit_rate=rate)) for rate in (1, 0.9, 0.6, 0)]
    assert triggers == sorted(triggers, reverse=True)
    assert triggers[0] > 2 * triggers[-1]


def test_where_summarising_loses_money_it_waits_until_the_server_would_drop_turns() -> None:
    for limits, room in (
        ({}, 96_000),
        ({"truncation": {"type": "retention_ratio", "retention_ratio": 0.8,
                         "token_limits": {"post_instructions": 8_000}}}, 8_000),
    ):  # fmt: skip
        conversation = talk(8, **limits)
        trigger = CacheAwareTrigger(hours=1 / 9, summariser=LUNA)
        assert trigger.choice(conversation).trigger_tokens is None
        assert room * 0.8 < trigger.trigger_tokens(conversation) <= room * 0.9
        assert f"At {trigger.trigger_tokens(conversation):,} tokens it is due all the same" in trigger.explain(
            conversation
        )


def test_the_search_is_repeated_only_when_the_measurements_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        searches.append(args)
        return best_trigger(*args, **kwargs)

    trigger, made = CacheAwareTrigger(summariser=LUNA), Talk(hit_rate=0.9)
    monkeypatch.setattr(cache_aware, "best_trigger", counted)
    for _ in range(100):
        made.say()
        trigger.is_due(made.conversation)
    assert 1 <= len(searches) <= 6
    made.hit_rate, before = 0.0, len(searches)
    for _ in range(30):
        made.say()
        trigger.is_due(made.conversation)
    assert len(searches) > before


def test_the_model_decides_the_prices_and_an_unknown_one_can_be_told() -> None:
    conversation = talk(8, model="my-deployment", hit_rate=0.9)
    assert CacheAwareTrigger()._outlook_of(conversation).prices is PRICES["gpt-realtime-2.1-mini"]
    told = CacheAwareTrigger(prices=PRICES["gpt-realtime"])._outlook_of(conversation)
    assert told.prices is PRICES["gpt-realtime"]
    assert told.truncation.usable_input_tokens == 28_672  # the smallest window there is
    observed = CacheAwareTrigger(retention="observed")
    assert observed._outlook_of(talk(1)).replies_kept_as_audio == 0
    assert observed._outlook_of(talk(1, model="gpt-realtime-2025-08-28")).replies_kept_as_audio == 1


def test_it_says_what_it_knows() -> None:
    trigger = CacheAwareTrigger(summariser=LUNA)
    assert "there are 2" in trigger.explain(talk(3))
    text = trigger.explain(talk(12, hit_rate=0.9))
    assert text.startswith("Measured over 11 responses. The cache returns ")
    assert "list prices of 2026-10-09" in text


@pytest.mark.parametrize(
    "wrong", [{"hours": 0}, {"keep_turns": 0}, {"verbatim_tokens": -1}, {"turns_apart": 0}, {"assumed_hit_rate": 2}]
)
def test_values_that_cannot_work_are_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="Use"):
        CacheAwareTrigger(**wrong)
