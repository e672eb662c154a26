"""A sequence that never changes, made from a list that grows, without copying the list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar, overload

T = TypeVar("T")


class FrozenView(Sequence[T]):
    """What a list holds now, whatever is appended to it later. Equal to a tuple or list of the same elements.

    Args:
        elements: A list whose first `shared` elements its owner leaves alone from now on.
        shared: How many; the rest is copied. Default: all of them.
    """

    __slots__ = ("_elements", "_rest", "_shared")

    def __init__(self, elements: list[T], shared: int | None = None) -> None:
        self._elements = elements
        self._shared = len(elements) if shared is None else max(0, shared)
        self._rest = tuple(elements[self._shared :])

    def is_of_the_list_of(self, other: object) -> bool:
        """Whether both are views of one list: what it holds now, and what it held earlier."""
        return isinstance(other, FrozenView) and other._elements is self._elements  # noqa: SLF001 - of the same class

    def __len__(self) -> int:
        return self._shared + len(self._rest)

    def __iter__(self) -> Iterator[T]:
        return chain(islice(self._elements, self._shared), self._rest)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(len(self))))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"element {index} of {len(self)}")
        return self._elements[place] if place < self._shared else self._rest[place - self._shared]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrozenView | tuple | list):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
