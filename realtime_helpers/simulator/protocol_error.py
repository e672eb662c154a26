"""A refused client event."""

from __future__ import annotations

from typing import Any

_MOST_CHARACTERS = 1000


class ProtocolError(Exception):
    """What an `error` event says (reference §2.1, §2.4).

    Args:
        code: Machine-readable code, or `None` where the service sends none.
        message: Sentence for a person.
        param: Path of the offending field.
        kind: `invalid_request_error`, or `server_error` for a fault of ours.
    """

    def __init__(
        self, code: str | None, message: str, param: str | None = None, kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = _shortened(message)  # it repeats what the client sent, which may be megabytes
        self.param = param if param is None else _shortened(param)
        self.kind = kind

    def as_event(self, event_id: str, client_event_id: str | None) -> dict[str, Any]:
        """The `error` event that names the client's `event_id`."""
        return {
            "type": "error",
            "event_id": event_id,
            "error": {
                "type": self.kind,
                "code": self.code,
                "message": self.message,
                "param": self.param,
                "event_id": client_event_id,
            },
        }


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def wrong_type(param: str, expected: str) -> ProtocolError:
    """A value has the wrong JSON type."""
    return ProtocolError("invalid_type", f"Invalid type for '{param}': expected {expected}.", param)


def optional_text(source: dict[str, Any], name: str, path: str = "") -> str | None:
    """A field that is a string, null or absent.

    Raises:
        ProtocolError: It is something else.
    """
    value = source.get(name)
    if value is not None and not isinstance(value, str):
        raise wrong_type(path + name, "a string")
    return value


def missing(param: str) -> ProtocolError:
    """A required field is absent."""
    return ProtocolError("missing_required_parameter", f"Missing required parameter: '{param}'.", param)


def unsupported(value: object, allowed: list[str], param: str) -> ProtocolError:
    """A value is not one of those allowed."""
    if len(allowed) == 1:
        rule = f"Value must be '{allowed[0]}'."
    else:
        names = [f"'{name}'" for name in allowed]
        rule = f"Supported values are: {', '.join(names[:-1])}{',' if len(names) > 2 else ''} and {names[-1]}."
    return ProtocolError("invalid_value", f"Invalid value: '{value}'. {rule}", param)
