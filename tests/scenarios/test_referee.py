"""The referee by itself: what it calls lost, stuck and drifted."""

from __future__ import annotations

from typing import Any

from realtime_helpers.experiments.scenarios.referee import judge, lost_words
from realtime_helpers.experiments.scenarios.writer import Summary
from realtime_helpers.simulator.items import Item, Sound

DOG, HOME = "My dog is called Biscuit.", "I live in Lisbon."


def item(item_id: str, role: str, text: str) -> Item:
    return Item({"id": item_id, "type": "message", "role": role, "content": [{"type": "input_text", "text": text}]})


def spoken(item_id: str, heard: str) -> Item:
    wire: dict[str, Any] = {"id": item_id, "type": "message", "role": "user",
                            "content": [{"type": "input_audio", "transcript": None}]}  # fmt: skip
    return Item(wire, {0: Sound(bytearray(b"\0\0"), heard=heard)})


def word_of(items: list[Item], **more: Any) -> str:
    known = more.pop("known_ids", [one.id for one in items])
    return judge([DOG, HOME], items, more.pop("written", ()), known, more.pop("stuck", None), **more).word


def test_words_are_safe_in_audio_in_typed_items_and_in_summaries() -> None:
    assert word_of([spoken("a", "my dog is called biscuit"), item("b", "user", HOME)]) == "ok"
    assert word_of([item("sum_1", "assistant", f"Résumé: « {DOG} ». « {HOME} ».")]) == "ok"
    assert word_of([item("x", "system", f"{DOG} {HOME}")]) == "ok"


def test_what_the_assistant_says_of_it_is_no_record() -> None:
    assert word_of([item("a", "assistant", DOG), item("b", "user", HOME)]) == "lost 1 turn"


def test_half_of_the_words_are_not_the_words() -> None:
    assert word_of([item("a", "user", "My dog is called Bis"), item("b", "user", "I live")]) == "lost 2 turns"


def test_a_standing_summary_stands_for_what_it_was_written_from() -> None:
    first = Summary(f"User: {DOG}", "A dog.", is_real=True)
    second = Summary(f"Earlier summary: A dog.\nUser: {HOME}", "A dog and a home.", is_real=True)
    there = [item("sum_2", "system", "Memory: A dog and a home.")]
    assert lost_words([DOG, HOME], there, [first, second]) == []
    assert lost_words([DOG, HOME], [], [first, second]) == [DOG, HOME]
    unrelated = Summary(f"User: {HOME}", "A dog and a home.", is_real=True)
    assert lost_words([DOG, HOME], there, [first, unrelated]) == [DOG]


def test_an_answer_is_no_summary() -> None:
    answer = Summary(f"User: {DOG}\nUser: {HOME}", "I am fine.", is_real=False)
    assert word_of([item("sum_1", "system", "I am fine.")], written=[answer]) == "lost 2 turns"


def test_other_order_other_items_too_many_turns_and_standing_still() -> None:
    both = [item("a", "user", DOG), item("b", "user", HOME)]
    assert word_of(both, known_ids=["b", "a"]) == "drifts"
    assert word_of(both, known_ids=["a"]) == "drifts"
    assert word_of(both, most_turns=1) == "hangs"
    assert word_of(both, most_turns=2) == "ok"
    assert word_of(both, stuck="no answer") == "hangs"
