"""Instructions: a text, or a Markdown file. The one place of this room that reads a file."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import SettingsError
from .values import text

MOST_CHARACTERS = 64_000
"""About 16,000 tokens, half of the window of the first models: every response reads them again."""

_check_text = text(MOST_CHARACTERS, "what the model should be")


def check_instructions(name: str, value: object) -> None:
    """Refuse what can be no instructions. A file is only looked at when it is read.

    Raises:
        SettingsError: So it is.
    """
    if isinstance(value, Path):
        return
    if value == "":
        raise SettingsError(
            f"{name} is empty: the service would bring its own default back (reference §1.5).",
            "Leave it out for the default, or write what the model should be.",
        )
    _check_text(name, value)
    if isinstance(value, str) and re.fullmatch(r"\S+\.(md|markdown|txt)", value):
        raise SettingsError(f"{name} looks like a file name.", f"Use instructions=Path({value!r}) to have it read.")


def read_instructions(file: Path) -> str:
    """The text of a Markdown file, without white space around it.

    Raises:
        SettingsError: It cannot be read, or holds no instructions.
    """
    try:
        words = file.read_text(encoding="utf-8-sig").strip()
    except FileNotFoundError:
        raise SettingsError(
            f"There is no file {file} with instructions in {Path.cwd()}.", "Check the name, or write the file."
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{file} is no text in UTF-8 (byte {error.start}).", "Save it as UTF-8: most editors offer it on saving."
        ) from None
    except OSError as error:
        raise SettingsError(f"{file} cannot be read ({error.strerror}).", "Name a Markdown file of yours.") from None
    if not words:
        raise SettingsError(f"{file} is empty.", "Write what the model should be, or leave the instructions out.")
    try:
        check_instructions("the text", words)
    except SettingsError as error:
        raise SettingsError(f"{file}: {error.what}", error.next_step) from None
    return words
