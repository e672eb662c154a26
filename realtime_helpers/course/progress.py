"""A bar for work that takes a while."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from ..errors import MissingPartError

T = TypeVar("T")


def progress(items: Sequence[T], what: str) -> Iterable[T]:
    """The same items one by one, with a bar that shows how many are done.

    Args:
        items: To be worked on.
        what: What is counted, such as `talks held`.

    Raises:
        MissingPartError: tqdm is not installed.
    """
    try:
        from tqdm.auto import tqdm
    except ModuleNotFoundError:
        raise MissingPartError(
            "The package 'tqdm' is not installed.", "In the workshop's folder: pip install -e '.[lab]'"
        ) from None
    bar: Iterable[T] = tqdm(items, desc=what)
    return bar
