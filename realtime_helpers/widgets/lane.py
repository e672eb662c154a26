"""A way into the kernel that a running cell does not block: its control channel.

A widget's messages are handled where cells run (ipykernel 6), or on a thread that other widgets' callbacks may block,
or on either in turn (ipykernel 7). The control channel has a thread of its own in all of them: interrupts and debuggers
need it. JupyterLab and Notebook 7 let a widget use it; elsewhere its messages take the widget's own way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Receive = Callable[[dict[str, Any], Sequence[memoryview]], None]

_receivers: dict[str, Receive] = {}


def open_lane(name: str, receive: Receive) -> bool:
    """Have what a page sends to `name` on the control channel handed to `receive`, on the control thread.

    Returns:
        Whether this kernel has such a channel; otherwise the messages must take the widget's own way.
    """
    from IPython.core.getipython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    handlers = getattr(kernel, "control_handlers", None)
    thread = getattr(kernel, "control_thread", None)
    if not isinstance(handlers, dict) or thread is None or not thread.is_alive():
        return False
    if handlers.setdefault("comm_msg", _hand_over) is not _hand_over:
        return False  # somebody else's; ours must not take it away
    _receivers[name] = receive
    return True


def close_lane(name: str) -> None:
    """Stop listening. Harmless when nobody did."""
    _receivers.pop(name, None)


def _hand_over(_stream: object, _identities: object, message: dict[str, Any]) -> None:
    content = message["content"]
    if (receive := _receivers.get(content["comm_id"])) is not None:
        receive(content["data"], message["buffers"])
