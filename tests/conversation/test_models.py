from __future__ import annotations

from datetime import date

import pytest

from realtime_helpers.conversation import MODELS, PRICES, find_model, find_prices, find_text_prices
from realtime_helpers.simulator import models as simulated


def test_every_model_has_a_price_and_every_price_a_model() -> None:
    assert set(MODELS) == set(PRICES)


@pytest.mark.parametrize("name", MODELS)
def test_client_and_simulator_believe_the_same_facts(name: str) -> None:
    ours, theirs = find_model(name), simulated.find_model(name)
    assert ours is not None
    assert theirs is not None
    assert (ours.window_tokens, ours.max_output_tokens, ours.usable_input_tokens, ours.replies_kept_as_audio) == (
        theirs.window_tokens, theirs.max_output_tokens, theirs.usable_input_tokens, theirs.replies_kept_as_audio,
    )  # fmt: skip
    assert ours.reasons == theirs.reasons


def test_dated_names_are_known_with_their_own_end() -> None:
    model = find_model("gpt-realtime-2025-08-28")
    assert model is not None
    assert (model.name, model.usable_input_tokens) == ("gpt-realtime-2025-08-28", 28_672)
    assert model.shutdown == date(2027, 1, 20)
    gone = find_model("gpt-realtime-mini-2025-10-06")
    assert gone is not None
    assert gone.shutdown == date(2026, 7, 23)
    assert find_prices("gpt-realtime-2025-08-28") is PRICES["gpt-realtime"]
    assert find_text_prices("gpt-4o-mini-2024-07-18") is not None


def test_what_nobody_knows_is_said_to_be_unknown() -> None:
    assert find_model("my-deployment") is find_prices("my-deployment") is find_text_prices("my-model") is None
