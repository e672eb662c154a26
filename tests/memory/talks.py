"""Turns for tests of summaries, and ten facts that must outlive them."""

from __future__ import annotations

import random
from collections.abc import Iterable

from realtime_helpers.conversation import Item, Turn
from realtime_helpers.memory import SummaryRequest

FACTS = {
    "my dog is called biscuit": "biscuit",
    "i live in lisbon": "lisbon",
    "My name is Ada.": "Ada",
    "my favorite color is green": "green",
    "I play the violin, badly": "violin",
    "I'm allergic to peanuts": "peanuts",
    "I work as a baker and my sister is called Ines": "Ines",
    "My appointment is at 9.30 on Friday": "9.30",
    "please remember that my locker code is 4711": "4711",
    "I have a cat named Max and I like jazz": "Max",
}
"""What is said, and the word of it that must still be there."""


def user(text: str, number: int = 0, **fields: object) -> Item:
    return Item(f"u{number}", "message", "user", text=text, **fields)  # type: ignore[arg-type]


def reply(text: str, number: int = 0, **fields: object) -> Item:
    return Item(f"a{number}", "message", "assistant", text=text, **fields)  # type: ignore[arg-type]


def turns(*said: tuple[str, str]) -> tuple[Turn, ...]:
    return tuple(Turn((user(asked, n), reply(told, n))) for n, (asked, told) in enumerate(said))


def request(*said: tuple[str, str], previous: str | None = None) -> SummaryRequest:
    return SummaryRequest(turns(*said), previous)


def facts() -> list[tuple[str, str]]:
    return [(fact, "Thank you, I will keep that in mind.") for fact in FACTS]


def chatter(rng: random.Random, count: int = 4) -> list[tuple[str, str]]:
    """Turns that say nothing about anybody."""
    animals, places = ("goose", "dragon", "snail", "robot"), ("lighthouse", "library", "harbour", "bakery")
    return [
        (
            f"tell me a story about a {rng.choice(animals)} in a {rng.choice(places)} {rng.choice('xyz')}{n}",
            "Once upon a time, somebody wanted to cross the sea. It went well.",
        )
        for n in range(count)
    ]


def missing(summary: str, words: Iterable[str] = FACTS.values()) -> list[str]:
    """Words of the facts that a summary has lost."""
    return [word for word in words if word not in summary]
