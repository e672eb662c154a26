"""The inspector itself: it lets a good stream pass, and notices whatever is wrong with a bad one."""

from __future__ import annotations

import copy
from itertools import pairwise
from pathlib import Path

import pytest

from tests.simulator.desk import Desk

from .models import Event, validate
from .stream import StreamRules

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


async def recorded() -> list[Event]:
    """A typed turn and a function call."""
    desk = Desk("gpt-realtime-2.1")
    await desk.say("session.update", session={"type": "realtime", "tools": [WEATHER]})
    await desk.type_turn("How are you?")
    await desk.type_turn("What is the weather in Lisbon?")
    await desk.close()
    return desk.sent


def is_accepted(events: list[Event]) -> bool:
    rules = StreamRules()
    try:
        for event in events:
            validate(event)
            rules.see(event)
        rules.end()
    except (AssertionError, KeyError, ValueError):
        return False
    return True


async def test_a_good_stream_passes() -> None:
    assert is_accepted(await recorded())


async def test_a_missing_event_is_noticed() -> None:
    events = await recorded()
    for index, event in enumerate(events):
        if event["type"] not in ("session.updated", "rate_limits.updated"):
            assert not is_accepted(events[:index] + events[index + 1 :]), f"without {event['type']}"


async def test_an_event_sent_twice_is_noticed() -> None:
    events = await recorded()
    for index, event in enumerate(events):
        twin = {**event, "event_id": "event_twin"}
        is_harmless = event["type"] == "session.updated"
        assert is_accepted([*events[: index + 1], twin, *events[index + 1 :]]) == is_harmless, event["type"]


async def test_events_in_the_wrong_order_are_noticed() -> None:
    events = await recorded()
    for index, (event, after) in enumerate(pairwise(events)):
        kinds = {event["type"], after["type"]}
        deltas_that_say_the_same = len(kinds) == 1 and event["delta"] == after["delta"]
        # Between two turns nothing is promised about what the client sends when.
        if "session.updated" in kinds and "session.created" not in kinds:
            continue
        if deltas_that_say_the_same or kinds == {"rate_limits.updated", "conversation.item.added"}:
            continue
        assert not is_accepted([*events[:index], after, event, *events[index + 2 :]]), kinds


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("response.output_item.added", ("output_index",), 1),
        ("response.output_text.delta", ("delta",), "other"),
        ("response.output_text.delta", ("obfuscation",), ""),
        ("response.output_text.delta", ("item_id",), "item_other"),
        ("response.output_text.delta", ("output_index",), "0"),
        ("response.content_part.done", ("part", "text"), "other"),
        ("response.function_call_arguments.done", ("arguments",), "{}"),
        ("response.function_call_arguments.delta", ("call_id",), "call_other"),
        ("conversation.item.added", ("previous_item_id",), "item_other"),
        ("conversation.item.added", ("event_id",), None),
        ("response.done", ("response", "usage", "total_tokens"), 1),
        ("response.done", ("response", "usage", "input_token_details", "cached_tokens"), 1),
        ("response.done", ("response", "status"), "cancelled"),
        ("response.done", ("response", "output"), []),
        ("rate_limits.updated", ("rate_limits", 0, "name"), "requests"),
    ],
)
async def test_a_wrong_value_is_noticed(kind: str, path: tuple[str | int, ...], value: object) -> None:
    events = await recorded()
    spoilt = copy.deepcopy(next(event for event in events if event["type"] == kind))
    target: dict[str | int, object] = spoilt
    for step in path[:-1]:
        target = target[step]  # type: ignore[assignment]
    target[path[-1]] = value
    at = next(index for index, event in enumerate(events) if event["type"] == kind)
    assert not is_accepted([*events[:at], spoilt, *events[at + 1 :]])


def test_a_server_that_breaks_a_rule_fails_its_test(broken_rules: Path) -> None:
    desk = Desk()
    desk.session.emit("response.output_text.delta", response_id="resp_1", item_id="item_1", output_index=0,
                      content_index=0, delta="no such response", obfuscation="")  # fmt: skip
    assert "outside its response" in broken_rules.read_text(encoding="utf-8")
    broken_rules.write_text("", encoding="utf-8")
