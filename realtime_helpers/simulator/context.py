"""The server's conversation, and the window of it that a request reads (reference §2.3, §4.3, §4.6). Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .accounting import Span
from .items import Item
from .protocol_error import ProtocolError

Retention = Literal["documented", "observed"]
"""What becomes of older assistant audio: it stays (as documented), or only its text does (as recorded; §4.3)."""


class Conversation:
    """Ordered items with unique ids."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._by_id: dict[str, Item] = {}

    def __len__(self) -> int:
        return len(self._items)

    @property
    def items(self) -> list[Item]:
        """The items in order."""
        return list(self._items)

    @property
    def media_bytes(self) -> int:
        """Audio and images of all items."""
        return sum(item.media_bytes for item in self._items)

    @property
    def has_assistant_audio(self) -> bool:
        """Whether the voice is locked."""
        return any(item.is_spoken_reply for item in self._items)

    def get(self, item_id: str, operation: str) -> Item:
        """An item by id.

        Args:
            operation: `delete`, `retrieve` or `truncate`, for the error's code and words.

        Raises:
            ProtocolError: No such item.
        """
        if item_id not in self._by_id:
            verb = {"delete": "deleting", "retrieve": "retrieving", "truncate": "truncating"}[operation]
            raise ProtocolError(
                f"item_{operation}_invalid_item_id",
                f"Error {verb} item: the item with id '{item_id}' does not exist.",
            )
        return self._by_id[item_id]

    def previous_of(self, item: Item) -> str | None:
        """Id of the item before it, as things are now."""
        position = self._items.index(item)
        return self._items[position - 1].id if position else None

    def find(self, item_id: str) -> Item | None:
        """An item by id, or `None`."""
        return self._by_id.get(item_id)

    def insert(self, item: Item, previous_item_id: str | None = None) -> None:
        """Insert after an item, first with `root`, last with `None` or an empty string.

        Raises:
            ProtocolError: The id is taken, or the previous item does not exist.
        """
        if item.id in self._by_id:
            raise ProtocolError(
                "item_create_duplicate_item_id",
                f"Error adding item: an item with id '{item.id}' already exists.",
            )
        if not previous_item_id:
            position = len(self._items)
        elif previous_item_id == "root":
            position = 0
        elif previous_item_id in self._by_id:
            position = self._items.index(self._by_id[previous_item_id]) + 1
        else:
            raise ProtocolError(
                "item_create_invalid_previous_item_id",
                f"Error adding item: the previous item with id '{previous_item_id}' does not exist.",
            )
        self._items.insert(position, item)
        self._by_id[item.id] = item
        item.previous_id = self._items[position - 1].id if position else None

    def delete(self, item_id: str) -> None:
        """Remove an item.

        Raises:
            ProtocolError: No such item.
        """
        self._items.remove(self.get(item_id, "delete"))
        del self._by_id[item_id]

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Cut assistant audio and drop its transcript (reference §2.2, §3.5).

        Raises:
            ProtocolError: No such item, not assistant audio, or shorter than that already.
        """
        item = self.get(item_id, "truncate")
        sound = item.sounds.get(content_index)
        if not item.is_spoken_reply or sound is None:
            raise ProtocolError("unsupported_content_type", "Only model output audio messages can be truncated")
        if audio_end_ms > math.ceil(sound.length_ms):  # clients round the last fraction up
            raise ProtocolError(
                "invalid_value",
                f"Audio content of {int(sound.length_ms)}ms is already shorter than {audio_end_ms}ms",
                "audio_end_ms",
            )
        item.truncate(content_index, audio_end_ms)


@dataclass(frozen=True)
class Truncation:
    """When and how far old items leave the window (reference §4.6).

    Attributes:
        window_tokens: Most that a request may read in all.
        after_prefix_tokens: Most that it may read after instructions and tools; `None` for no such limit.
        keeps: Share of the limit that is left after an overflow.
        is_allowed: `False` for `disabled`: an overflow is an error.
    """

    window_tokens: int
    after_prefix_tokens: int | None = None
    keeps: float = 1.0
    is_allowed: bool = True

    @classmethod
    def from_session(cls, value: Any, usable_input_tokens: int) -> Truncation:
        """Read the session's `truncation`."""
        if isinstance(value, str):
            return cls(usable_input_tokens, is_allowed=value == "auto")
        after_prefix = (value.get("token_limits") or {}).get("post_instructions")
        return cls(usable_input_tokens, after_prefix, value["retention_ratio"])

    def room_after(self, prefix_tokens: int) -> int:
        """Tokens that items may have."""
        room = max(0, self.window_tokens - prefix_tokens)
        return room if self.after_prefix_tokens is None else min(room, self.after_prefix_tokens)

    def kept_after(self, prefix_tokens: int) -> int:
        """Tokens that items may keep when they had more."""
        if self.after_prefix_tokens is None:
            return max(0, int(self.window_tokens * self.keeps) - prefix_tokens)
        return min(self.room_after(prefix_tokens), int(self.after_prefix_tokens * self.keeps))


def read_window(
    items: Sequence[Item], prefix: Sequence[Span], truncation: Truncation, keeps_audio_of: int | None
) -> tuple[list[Item], list[Span]]:
    """The items a request reads and how they count, without the oldest where they do not all fit.

    The newest item always stays; a function call and its output go together.

    Args:
        items: What could be read, oldest first.
        prefix: Instructions and tools.
        truncation: The limit.
        keeps_audio_of: How many of the newest assistant messages keep their audio; `None` for all.

    Raises:
        ProtocolError: It does not fit and nothing may be dropped.
    """
    spans = _spans_of(items, keeps_audio_of)
    sizes = [_total(own) for own in spans]
    fixed, total = _total(prefix), sum(sizes)
    dropped: set[int] = set()
    if total > truncation.room_after(fixed):
        for group in _oldest_first(items) if truncation.is_allowed else []:
            if total <= truncation.kept_after(fixed):
                break
            dropped.update(group)
            total -= sum(sizes[position] for position in group)
        if fixed + total > truncation.window_tokens:
            raise ProtocolError(
                "context_length_exceeded",
                f"The conversation has {fixed + total} input tokens; this session reads at most "
                f"{truncation.window_tokens}.",
            )
    kept = [position for position in range(len(items)) if position not in dropped]
    return [items[position] for position in kept], [*prefix, *(span for at in kept for span in spans[at])]


def _total(spans: Sequence[Span]) -> int:
    return sum(span.tokens for span in spans)


def _spans_of(items: Sequence[Item], keeps_audio_of: int | None) -> list[list[Span]]:
    replies = [position for position, item in enumerate(items) if item.is_spoken_reply]
    text_only = set() if keeps_audio_of is None else set(replies[: max(0, len(replies) - keeps_audio_of)])
    return [item.spans(with_audio=position not in text_only) for position, item in enumerate(items)]


def _oldest_first(items: Sequence[Item]) -> list[list[int]]:
    """Positions that leave together, without the group of the newest item."""
    groups: list[list[int]] = []
    by_call: dict[str, list[int]] = {}
    for position, item in enumerate(items):
        if item.call_id is not None and item.call_id in by_call:
            by_call[item.call_id].append(position)
            continue
        groups.append([position])
        if item.call_id is not None:
            by_call[item.call_id] = groups[-1]
    return [group for group in groups if len(items) - 1 not in group]
