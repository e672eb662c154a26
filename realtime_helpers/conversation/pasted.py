"""Usage copied out of a real session: read, checked, and refused in words when it is something else. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import orjson

from ..errors import SettingsError
from .usage import Usage

_NEXT_STEP = (
    "Paste the whole `response.done` event, its `usage` object, or a list of them: with `input_token_details` and "
    "`output_token_details`, which say how much was audio, text and cached."
)


def read_usage(pasted: object) -> Usage:
    """Read usage as copied from a real session.

    Args:
        pasted: JSON text, or what it stands for: a `usage` object, a response or a `response.done` event that holds
            one, or a list of these, which is added up. A response without usage counts as zero.

    Raises:
        SettingsError: It is none of these, or its numbers cannot be.
    """
    found = pasted
    if isinstance(pasted, str | bytes):
        try:
            found = orjson.loads(pasted)
        except orjson.JSONDecodeError as error:
            raise SettingsError(f"This is not JSON ({error}).", _NEXT_STEP) from None
    if isinstance(found, Mapping):
        return _read_one(found)
    if isinstance(found, Sequence) and not isinstance(found, str) and found:
        total = Usage()
        for one in found:
            total += read_usage(one)
        return total
    raise SettingsError(f"This holds no usage: {_shown(pasted)}.", _NEXT_STEP)


def _read_one(found: Mapping[str, Any]) -> Usage:
    if isinstance(found.get("response"), Mapping):
        found = found["response"]
    if "usage" in found:
        if found["usage"] is None:
            return Usage()
        found = found["usage"] if isinstance(found["usage"], Mapping) else {}
    if not isinstance(found.get("input_token_details"), Mapping):
        raise SettingsError(f"This holds no usage of a realtime response: {_shown(found)}.", _NEXT_STEP)
    try:
        usage = Usage.from_wire(found)
    except AttributeError:
        raise SettingsError(f"The details of this usage are not objects: {_shown(found)}.", _NEXT_STEP) from None
    counts = [getattr(usage, field.name) for field in fields(usage)]
    if not all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts):
        raise SettingsError(
            f"A token count of this usage is not a whole number from zero: {_shown(found)}.", _NEXT_STEP
        )
    for kind in ("text", "audio", "image"):
        if getattr(usage, f"cached_{kind}") > getattr(usage, f"input_{kind}"):
            raise SettingsError(f"More {kind} tokens are cached than were read: {_shown(found)}.", _NEXT_STEP)
    for side, explained in (("input", usage.input_tokens), ("output", usage.output_tokens)):
        stated = found.get(f"{side}_tokens")
        if isinstance(stated, int) and stated > explained:
            raise SettingsError(f"The details explain {explained} of {stated} {side} tokens only.", _NEXT_STEP)
    stated = found["input_token_details"].get("cached_tokens")
    if isinstance(stated, int) and stated > usage.cached_tokens:
        raise SettingsError(f"The details explain {usage.cached_tokens} of {stated} cached tokens only.", _NEXT_STEP)
    return usage


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
