"""Every item there ever was, in order, and the turns they make. Looking costs what changed since the last look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .frozen_view import FrozenView
from .items import Item, Turn, group_turns

_RECENT_TURNS = 100
"""Turns that may change without a copy of all others; more than usually stand between two summaries."""


class History:
    """Items by id, and their turns in order.

    The order is a linked list: an item is put before another one without looking for its place. Turns are kept,
    and made anew only from the first one that a change can have touched. Old turns hardly ever change, so they
    are shared with all views handed out; when one does change after all, the views keep the old list.
    """

    def __init__(self) -> None:
        self.changed: set[str] = set()
        """Items of which something new is known, for somebody who clears it."""
        self._items: dict[str, Item] = {}
        self._after: dict[str | None, str | None] = {None: None}  # None stands before the first and after the last
        self._before: dict[str | None, str | None] = {None: None}
        self._turn_of: dict[str, int] = {}  # as of the last look
        self._turns: list[Turn] = []
        self._shared = 0
        self._stale_from: int | None = None
        self._view: FrozenView[Turn] = FrozenView([])

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    def __getitem__(self, item_id: str) -> Item:
        return self._items[item_id]

    def get(self, item_id: str) -> Item | None:
        """An item, if it was ever there."""
        return self._items.get(item_id)

    def add(self, item: Item, *, before: str | None) -> None:
        """Put a new item before another one, or at the end."""
        previous = self._before[before]
        self._items[item.id] = item
        self._before[item.id], self._after[item.id] = previous, before
        self._after[previous] = self._before[before] = item.id
        if not item.is_summary:
            self._touch(previous)

    def __setitem__(self, item_id: str, item: Item) -> None:
        """Say anew what is known of an item that is there already."""
        known = self._items[item_id]
        self._items[item_id] = item
        self.changed.add(item_id)
        if item.role != known.role:
            self._touch(self._before[item_id])  # it may belong to the turn before now
        elif not item.is_summary:
            self._touch(item_id)

    def _touch(self, item_id: str | None) -> None:
        """From the turn of this item on, turns are to be made anew."""
        while item_id is not None and self._items[item_id].is_summary:
            item_id = self._before[item_id]
        number = 0 if item_id is None else self._turn_of.get(item_id)
        if number is not None:  # otherwise it was added since the last look: it lies behind what is stale already
            self._stale_from = number if self._stale_from is None else min(number, self._stale_from)

    @property
    def turns(self) -> Sequence[Turn]:
        """Every turn there ever was; the sequence never changes."""
        if self._stale_from is not None:
            self._make_turns(self._stale_from)
            self._stale_from = None
            self._view = FrozenView(self._turns, self._shared)
        return self._view

    def _make_turns(self, start: int) -> None:
        first = self._turns[start].items[0].id if start else self._after[None]
        if start < self._shared:
            self._turns = self._turns[:start]  # views hold the list
            self._shared = start
        else:
            del self._turns[start:]
        made = group_turns(tuple(self._from(first)))
        for number, turn in enumerate(made, start):
            self._turn_of.update(dict.fromkeys(turn.ids, number))
        self._turns += made
        if len(self._turns) > self._shared + 2 * _RECENT_TURNS:
            self._shared = len(self._turns) - _RECENT_TURNS

    def _from(self, item_id: str | None) -> Iterator[Item]:
        while item_id is not None:
            yield self._items[item_id]
            item_id = self._after[item_id]
