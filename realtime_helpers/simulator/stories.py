"""Small stories of any length, put together from parts with a seeded random source. No model wrote them live."""

from __future__ import annotations

import random

_HEROES = (
    "a retired pirate", "a very polite goose", "a lighthouse keeper named Olga", "a nervous robot",
    "a baker who could not count", "an owl with reading glasses", "a snail called Turbo", "a night-shift librarian",
)  # fmt: skip
_WISHES = (
    "wanted to learn the violin", "decided to bake the tallest cake in town", "set out to find the end of the rainbow",
    "entered a race by mistake", "tried to paint the wind", "opened a hotel for lost umbrellas",
)  # fmt: skip
_TROUBLES = (
    "Sadly, the goat next door ate the plan.", "Then it rained soup for three days.",
    "Nobody had mentioned the elephant in the cellar.", "The map turned out to be a menu.",
    "Every clock in the village began to run backwards.", "The only teacher was a parrot who lied.",
)  # fmt: skip
_ATTEMPTS = (
    "A kind neighbour lent a ladder that was far too short.", "They asked the mayor, who was asleep on the stamp.",
    "They tried again at midnight, wearing two left shoes.", "A passing orchestra offered to help, loudly.",
    "They wrote a letter to the moon and forgot the stamp.", "Someone suggested jam, and jam was a mistake.",
    "They practised all night until the chairs complained.", "A small dog found the missing piece and buried it.",
)  # fmt: skip
_ENDINGS = (
    "In the end everybody laughed, and the cake was delicious.", "And that is why the town now has two mayors.",
    "They went home happy, and slightly sticky.", "The goat apologised, which was the strangest part of all.",
    "It never worked, and it was the best week of the year.", "So they kept the elephant, and called it Monday.",
)  # fmt: skip
_FUNNY_ENDINGS = (
    "The goat asked for the recipe.", "The parrot wants royalties.", "The elephant still sends postcards.",
    "The left shoe was never seen again.", "The soup, everyone agreed, needed salt.",
)  # fmt: skip

_WORDS_PER_SENTENCE = 9


def tell_stories(rng: random.Random, *, count: int, words: int, funny: bool = False) -> list[str]:
    """Stories of about `words` words each (at least three sentences); no part repeats before all were used."""
    heroes, wishes, troubles, attempts = (_Deck(rng, parts) for parts in (_HEROES, _WISHES, _TROUBLES, _ATTEMPTS))
    endings = _Deck(rng, _FUNNY_ENDINGS if funny else _ENDINGS)
    middle = max(0, round(words / _WORDS_PER_SENTENCE) - 3)
    return [
        " ".join(
            [
                f"Once upon a time, {heroes.draw()} {wishes.draw()}.",
                troubles.draw(),
                *(attempts.draw() for _ in range(middle)),
                endings.draw(),
            ]
        )
        for _ in range(count)
    ]


class _Deck:
    """Deals its cards in random order, and shuffles again when all are dealt."""

    def __init__(self, rng: random.Random, cards: tuple[str, ...]) -> None:
        self._rng = rng
        self._cards = cards
        self._left: list[str] = []

    def draw(self) -> str:
        if not self._left:
            self._left = self._rng.sample(self._cards, len(self._cards))
        return self._left.pop()
