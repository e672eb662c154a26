"""How much memory objects take, with everything that belongs to them."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Collection
from types import CodeType, CoroutineType, FrameType, FunctionType, ModuleType

_SHARED = (
    type, ModuleType, FunctionType, CodeType, CoroutineType, FrameType, asyncio.AbstractEventLoop, asyncio.Future,
    asyncio.Handle,
)  # fmt: skip


def deep_size(*roots: object, without: Collection[object] = ()) -> int:
    """Bytes of the roots and of everything that can be reached from them, each object once.

    Code, types, modules, event loops and running work belong to nobody.

    Args:
        roots: Where to begin.
        without: Objects of somebody else, where the walk stops.
    """
    seen = {id(other) for other in without}
    total = 0
    waiting = list(roots)
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, _SHARED):
            continue
        seen.add(id(found))
        total += sys.getsizeof(found)
        waiting += gc.get_referents(found)
    return total
