"""What a value of an option may be, and the sentence that says so where it is not. Pure."""

from __future__ import annotations

import difflib
import math
import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from enum import Enum
from functools import wraps
from typing import Any, Final, TypeVar

from ..errors import SettingsError

T = TypeVar("T")


class Default(Enum):
    """Nothing was chosen: nothing is sent, and the server does what it does by default."""

    SERVER = "the server's default"

    def __repr__(self) -> str:
        return "SERVER_DEFAULT"


SERVER_DEFAULT: Final = Default.SERVER

Check = Callable[[str, Any], None]
"""Takes an option's name and a value; raises `SettingsError` with what is allowed, and why."""


@dataclass(frozen=True)
class Option:
    """What is to be known of one option.

    Attributes:
        what: What it does, in a few words.
        good_for: When to change it.
        allowed: Values and their unit.
        default: What the server does when nothing is chosen.
        section: Where the reference tells of it.
        check: Refuses wrong values.
    """

    what: str
    good_for: str
    allowed: str
    default: str
    section: str
    check: Check


def option(check: Check, *, what: str, good_for: str, allowed: str, default: str, section: str = "§1.6") -> Any:
    """A field of `Options`; by default nothing is chosen."""
    about = Option(what, good_for, allowed, default, section, check)
    return field(default=SERVER_DEFAULT, metadata={"option": about})


def option_of(of: Field[Any]) -> Option:
    """What is to be known of a field."""
    about: Option = of.metadata["option"]
    return about


class Options:
    """Options that are checked when they are made. What was not chosen is `SERVER_DEFAULT`."""

    def __post_init__(self) -> None:
        for name, value in chosen(self).items():
            option_of(self.__dataclass_fields__[name]).check(name, value)  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in chosen(self).items())})"


def chosen(options: Any) -> dict[str, Any]:
    """What was chosen, by name."""
    values = {of.name: getattr(options, of.name) for of in fields(options)}
    return {name: value for name, value in values.items() if value is not SERVER_DEFAULT}


def unchecked(kind: type[T], **values: Any) -> T:
    """Options as a server states them: it is right whatever we would have refused."""
    made = object.__new__(kind)
    for of in fields(kind):  # type: ignore[arg-type]
        object.__setattr__(made, of.name, values.get(of.name, SERVER_DEFAULT))
    return made


def understandable(reasons: Mapping[str, str]) -> Callable[[type[T]], type[T]]:
    """A decorator of `Options`: names that do not exist are refused in words, not with a `TypeError`.

    Args:
        reasons: For names that people try, what to do instead; `*` for all others.
    """

    def decorate(kind: type[T]) -> type[T]:
        make, names = kind.__init__, [of.name for of in fields(kind)]  # type: ignore[arg-type]

        @wraps(make)
        def init(self: T, *values: object, **named: object) -> None:
            if values:
                raise SettingsError(
                    f"{kind.__name__} takes its options by name.", f"Use {kind.__name__}({_example(names)})."
                )
            for name in named:
                if name not in names:
                    what = f"{kind.__name__} has no option {name!r}."
                    raise SettingsError(what, reasons.get(name) or reasons.get("*") or nearest(name, names))
            make(self, **named)

        kind.__init__ = init  # type: ignore[assignment]
        return kind

    return decorate


def _example(names: list[str]) -> str:
    return f"{names[0]}=..." if names else ""


def nearest(value: object, allowed: list[str] | tuple[str, ...]) -> str:
    """The next step for a name that does not exist."""
    close = difflib.get_close_matches(str(value).lower(), allowed, 1, 0.5)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    return f"{meant}Use one of: {', '.join(allowed)}."


def is_value(name: str, value: object) -> str:
    """The beginning of a refusal."""
    return f"{name} is {reprlib.repr(value)}"


def number(low: float, high: float, unit: str, usual: float, why: str, *, whole: bool = False) -> Check:
    """A number in a range, both ends allowed."""
    kind = ("a whole number" if whole else "a number") + (f" of {unit}" if unit else "")
    numbers: Any = int if whole else int | float

    def check(name: str, value: Any) -> None:
        is_one = isinstance(value, numbers) and not isinstance(value, bool) and not math.isnan(value)
        if not is_one or not low <= value <= high:
            raise SettingsError(
                f"{is_value(name, value)}: {why}",
                f"Use {kind} from {low:,} to {high:,}, such as {name}={_meant(value, low, high) or usual}.",
            )

    return check


def _meant(value: object, low: float, high: float) -> str:
    """The number in a text such as '500ms'."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*[a-z]*\s*", value) if isinstance(value, str) else None
    return found[1] if found and low <= float(found[1]) <= high else ""


def choice(allowed: tuple[str, ...], why: str) -> Check:
    """One of some names."""

    def check(name: str, value: object) -> None:
        if value not in allowed:
            raise SettingsError(f"{is_value(name, value)}: {why}", nearest(value, allowed))

    return check


def or_none(check: Check) -> Check:
    """The same, or `None`."""

    def check_unless_none(name: str, value: object) -> None:
        if value is not None:
            check(name, value)

    return check_unless_none


def flag(why: str) -> Check:
    """True or False."""

    def check(name: str, value: object) -> None:
        if not isinstance(value, bool):
            raise SettingsError(f"{is_value(name, value)}: {why}", f"Use {name}=True or {name}=False.")

    return check


def text(most: int, what: str) -> Check:
    """Words that can be sent, at most `most` characters."""

    def check(name: str, value: object) -> None:
        if not isinstance(value, str) or not value.strip():
            raise SettingsError(f"{is_value(name, value)}: it takes {what}.", "Use a text, or leave it out.")
        if len(value) > most:
            raise SettingsError(f"{name} has {len(value):,} characters.", f"Use {most:,} at most.")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise SettingsError(
                f"{name} holds half a character at position {error.start}: it cannot be sent.", "Use whole characters."
            ) from None

    return check


def one_of(kinds: tuple[type, ...], usable: str, others: Check | None = None) -> Check:
    """An object of one of some kinds; what `others` allows is allowed too."""

    def check(name: str, value: object) -> None:
        if isinstance(value, kinds):
            return
        if others is not None and isinstance(value, str):
            others(name, value)
            return
        if isinstance(value, type) and issubclass(value, kinds):
            raise SettingsError(f"{name} is the class {value.__name__}, not an object of it.", f"Add (): use {usable}.")
        word = str(value).replace("_", "").lower()
        meant = next((kind.__name__ for kind in kinds if kind.__name__.lower() == word), None)
        if meant is not None:
            raise SettingsError(f"{is_value(name, value)}: it takes an object.", f"Use {name}={meant}().")
        given = value.__name__ if isinstance(value, type) else reprlib.repr(value)
        raise SettingsError(f"{name} is {given}: it takes an object that was checked.", f"Use {usable}.")

    return check
