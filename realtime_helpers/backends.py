"""Find the server that settings name; for the simulator, start one when none is running.

The one place outside the command line that knows the simulator exists: everything else sees a URL.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib.util
from dataclasses import replace
from typing import TYPE_CHECKING

from .errors import MissingPartError
from .runtime import background_loop
from .settings import Settings

if TYPE_CHECKING:
    from .simulator import Simulator

_simulator: Simulator | None = None
_starting: asyncio.Task[Simulator] | None = None


async def find_server(settings: Settings) -> Settings:
    """The same settings with a `base_url`. Runs on the background loop.

    Raises:
        MissingPartError: The simulator is wanted and not installed.
    """
    if settings.base_url is not None:
        return settings
    return replace(settings, base_url=await _simulator_url())


async def _simulator_url() -> str:
    global _simulator, _starting  # noqa: PLW0603 - one simulator a process serves every session
    if _simulator is None:
        if importlib.util.find_spec("aiohttp") is None:
            raise MissingPartError(
                "The simulator is not installed.",
                "In the workshop's folder: pip install -e '.[simulator]'",
            )
        starting = _starting = _starting or asyncio.get_running_loop().create_task(_start_simulator())
        try:
            _simulator = await asyncio.shield(starting)  # a session that is stopped meanwhile stops only itself
        finally:
            if starting.done() and _starting is starting:  # others waited for the same
                _starting = None
    return _simulator.base_url


async def _start_simulator() -> Simulator:
    global _simulator  # noqa: PLW0603
    from .simulator import Simulator

    simulator = Simulator()
    await simulator.start()
    _simulator = simulator
    atexit.register(stop_simulator)
    return simulator


def stop_simulator() -> None:
    """Stop the simulator that sessions of this process share. The next session starts a new one."""
    global _simulator
    if _simulator is not None:
        simulator, _simulator = _simulator, None
        atexit.unregister(stop_simulator)
        background_loop().submit(simulator.stop()).result(timeout_s=10)
