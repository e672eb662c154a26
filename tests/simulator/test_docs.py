"""docs/simulator.md promises a table of every event and every field: it is held to that."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from openai.types.realtime.realtime_session_create_request_param import RealtimeSessionCreateRequestParam

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)))


def types_of(union: Any) -> set[str]:
    models = get_args(get_args(union)[0]) or get_args(union)
    return {get_args(model.model_fields["type"].annotation)[0] for model in models}


def test_every_event_of_the_sdk_is_named() -> None:
    events = types_of(RealtimeServerEvent) | types_of(RealtimeClientEvent)
    assert len(events) > 50
    assert events <= NAMED, events - NAMED


@pytest.mark.parametrize("side", ["", "audio.input.", "audio.output."])
def test_every_field_of_a_session_is_named(side: str) -> None:
    known: Any = RealtimeSessionCreateRequestParam
    for name in filter(None, side.split(".")):
        known = inner(get_type_hints(known)[name])
    fields = {f"{side}{name}" for name in get_type_hints(known)} - {"audio", "audio.input", "audio.output"}
    assert fields
    assert fields <= NAMED, fields - NAMED


def inner(hint: Any) -> Any:
    """The TypedDict in `Required[...]`, `Optional[...]` and the like."""
    while get_origin(hint) is not None:
        hint = next(argument for argument in get_args(hint) if argument is not type(None))
    return hint
