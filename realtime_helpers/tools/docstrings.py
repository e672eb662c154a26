"""What a docstring says of a function and of its parameters, in Google's style. Pure."""

from __future__ import annotations

import re

_SECTION = re.compile(
    r"(args|arguments|parameters|returns|raises|yields|examples?|notes?|attributes|side effects|warnings?|see also):",
    re.IGNORECASE,
)
_OF_PARAMETERS = {"args", "arguments", "parameters"}
_ENTRY = re.compile(r"(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")


def read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """The description, which is all before the first section, and what is said of each parameter.

    Args:
        text: A docstring without its indentation, as `inspect.getdoc` gives it.
    """
    description: list[str] = []
    entries: list[str] = []
    section: str | None = None
    margin: int | None = None
    for line in text.splitlines():
        words = line.strip()
        if words and not line[0].isspace() and (heading := _SECTION.fullmatch(words)):
            section, margin = heading[1].lower(), None
        elif section is None:
            description.append(line)
        elif section in _OF_PARAMETERS and words:
            indent = len(line) - len(line.lstrip())
            margin = indent if margin is None else margin
            if indent > margin and entries:
                entries[-1] += f" {words}"
            else:
                entries.append(words)
    found = {match[1]: match[2].strip() for entry in entries if (match := _ENTRY.fullmatch(entry))}
    return "\n".join(description).strip(), {name: said for name, said in found.items() if said}
