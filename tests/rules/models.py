"""The SDK's own models judge single frames."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel

Event = dict[str, Any]


@cache
def _models() -> dict[str, type[BaseModel]]:
    """The SDK's model for each type of server event."""
    union = get_args(RealtimeServerEvent)[0]
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(union)}


def validate(event: Event) -> None:
    """Validate strictly: no coercion, every required field there, every type known to the SDK."""
    _models()[event["type"]].model_validate(event, strict=True)
