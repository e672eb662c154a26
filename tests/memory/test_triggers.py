"""When a summary is due, trigger by trigger."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_helpers.conversation import Conversation
from realtime_helpers.errors import SettingsError
from realtime_helpers.memory import (
    AtCost,
    AtShareOfWindow,
    AtTokens,
    AtTurns,
    CacheAwareTrigger,
    SummaryPolicy,
    Trigger,
    all_of,
    any_of,
)

from ..conversation.events import added, response_created, text


def talk(*, turns: int = 1, audio: int = 0, cached: int = 0, model: str = "gpt-realtime-2.1-mini") -> Conversation:
    """A conversation whose latest response read so many audio tokens, and so many of them from the cache."""
    conversation = Conversation()
    conversation.apply({"type": "session.created", "session": {"model": model, "instructions": ""}})
    previous = None
    for number in range(turns):
        conversation.apply(added(text(f"u{number}", "user", "hello"), previous))
        previous = f"u{number}"
        conversation.apply(added(text(f"a{number}", "assistant", "hello"), previous))
        previous = f"a{number}"
    usage = {
        "total_tokens": audio, "input_tokens": audio, "output_tokens": 0,
        "input_token_details": {
            "text_tokens": 0, "audio_tokens": audio, "cached_tokens": cached,
            "cached_tokens_details": {"audio_tokens": cached, "text_tokens": 0},
        },
    }  # fmt: skip
    conversation.apply(response_created("r"))
    done = {"id": "r", "conversation_id": "conv", "status": "completed", "output": [], "usage": usage}
    conversation.apply({"type": "response.done", "response": done})
    return conversation


@pytest.mark.parametrize(
    ("trigger", "below", "at"),
    [
        (AtTokens(1_000), {"audio": 999}, {"audio": 1_000}),
        (AtTurns(4), {"turns": 3}, {"turns": 4}),
        (AtShareOfWindow(0.5), {"audio": 47_999}, {"audio": 48_000}),  # of 96,000 that the model can read
        (AtShareOfWindow(0.5), {"audio": 14_335, "model": "unheard-of"}, {"audio": 14_336, "model": "unheard-of"}),
        (AtCost(0.01), {"audio": 999}, {"audio": 1_000}),  # 10 USD a million
        (AtCost(0.01), {"audio": 10_000, "cached": 9_800}, {"audio": 10_000, "cached": 9_200}),
    ],
)
def test_it_is_due_from_here_on(trigger: Trigger, below: dict[str, Any], at: dict[str, Any]) -> None:
    assert not trigger.is_due(talk(**below))
    assert trigger.is_due(talk(**at))


def test_nothing_is_due_before_the_first_response() -> None:
    for trigger in (AtTokens(1), AtTurns(2), AtShareOfWindow(0.1), AtCost(0.01), CacheAwareTrigger()):
        assert not trigger.is_due(Conversation())


def test_triggers_are_combined() -> None:
    many, large = AtTurns(3), AtTokens(1_000)
    assert any_of(many, large).is_due(talk(turns=3))
    assert not all_of(many, large).is_due(talk(turns=3))
    assert all_of(many, large).is_due(talk(turns=3, audio=1_000))
    assert SummaryPolicy(trigger=any_of(many, CacheAwareTrigger())).is_due(talk(turns=3))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (AtTokens, (0,)),
        (AtTurns, (1,)),
        (AtShareOfWindow, (1.0,)),
        (AtCost, (0,)),
        (AtTokens, ("2000",)),
        (AtTokens, (float("nan"),)),
        (AtTurns, (2.5,)),
        (AtShareOfWindow, ("half",)),
        (AtShareOfWindow, (float("nan"),)),
        (AtCost, (float("nan"),)),
    ],
)
def test_values_that_cannot_work_are_refused_in_words(kind: Any, values: tuple[Any, ...]) -> None:
    with pytest.raises(SettingsError, match="Use"):
        kind(*values)
