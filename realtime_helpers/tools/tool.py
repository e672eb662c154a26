"""One tool: a function, and what the model is told about it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import SettingsError

PATIENCE_S = 15.0
"""How long a tool may take unless it says otherwise."""
LONGEST_OUTPUT = 8_000
"""Characters of a result that the model is given, about 2,000 tokens: every later response reads them again."""
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class ToolError(Exception):
    """Raise it in a tool to tell the model what is wrong, in words it may pass on.

    Of any other exception the model learns only the kind: its text may hold a key or a path.
    """


class ArgumentsError(ValueError):
    """The model's arguments do not fit; the text says why, in words for the model."""


@dataclass(frozen=True)
class Tool:
    """A function that the model can ask for. `as_tool` makes one of a Python function; this is how to make it by hand.

    Attributes:
        name: What the model calls it.
        description: What it does and when to use it: all that the model knows of it.
        parameters: JSON schema of an object.
        call: Called with keyword arguments, in a thread of its own; an `async` function on a loop for tools.
        timeout_s: Seconds until the model is told that no answer came.
        max_characters: Longest result that the model is given whole.
        validate: Turns the model's arguments into those of `call`; raises `ArgumentsError` in words for the model.

    Raises:
        SettingsError: A value that cannot work.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    call: Callable[..., Any] = field(repr=False)
    timeout_s: float = PATIENCE_S
    max_characters: int = LONGEST_OUTPUT
    validate: Callable[[dict[str, Any]], dict[str, Any]] = field(default=dict, repr=False)

    def __post_init__(self) -> None:
        values: dict[str, Any] = vars(self)  # whoever makes one by hand may not check types
        if not _NAME.fullmatch(str(values["name"])):
            raise SettingsError(
                f"A tool cannot be called {self.name!r}.",
                "Use 1 to 64 letters, digits, _ and -: as_tool(function, name='get_weather').",
            )
        if not str(values["description"] or "").strip():
            raise SettingsError(
                f"Nothing tells the model what {self.name} does.",
                'Give the function a docstring, such as """The weather in a city.""".',
            )
        if not isinstance(values["parameters"], Mapping) or values["parameters"].get("type") != "object":
            raise SettingsError(
                f"The parameters of {self.name} are no JSON schema of an object.",
                "Use {'type': 'object', 'properties': {...}}, or as_tool(function).",
            )
        if not callable(values["call"]):
            raise SettingsError(f"The tool {self.name} has nothing to call.", "Give it a function.")
        if not 0 < self.timeout_s < math.inf or self.max_characters < 1:
            raise SettingsError(
                f"{self.name} has timeout_s={self.timeout_s!r} and max_characters={self.max_characters!r}.",
                f"Use seconds above 0, such as {PATIENCE_S:g}, and 1 or more characters.",
            )

    @property
    def wire(self) -> dict[str, Any]:
        """How it is declared to the server (reference §1.6)."""
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.parameters),
        }
