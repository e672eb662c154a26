"""What no log, panel or message may show: keys, and what looks like one."""

from __future__ import annotations

import re
from typing import Any

_HIDDEN = "<hidden>"
_SECRET_FIELDS = frozenset({
    "authorization", "api_key", "api-key", "x-api-key", "access_token", "client_secret", "headers", "password",
})  # fmt: skip
_SECRETS = re.compile(
    r"\b(sk|ek)[-_][A-Za-z0-9_*-]{6,}|\bBearer\s+\S+|(?<=//)[^/?#\s\"'<>]+(?=@)"
    r"|(?<=[?&])(?i:(api|subscription)[-_]?key|key|(\w+[-_])?token|sig|signature|secret|password)=[^&#\s\"'<>]+",
)


def hide_keys(text: str) -> str:
    """The text without anything that looks like a key."""
    return _SECRETS.sub(_HIDDEN, text)


def without_keys(value: Any) -> Any:
    """The same data without keys: what stands in fields for them, and what looks like one."""
    match value:
        case dict():
            return {
                name: _HIDDEN if part and str(name).lower() in _SECRET_FIELDS else without_keys(part)
                for name, part in value.items()
            }
        case list():
            return [without_keys(part) for part in value]
        case str():
            return hide_keys(value)
    return value
