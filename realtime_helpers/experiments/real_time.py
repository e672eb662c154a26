"""A simulator of this process that takes the time the real service took, for lessons in which time is the subject."""

from __future__ import annotations

import atexit
from dataclasses import replace

from ..runtime import background_loop
from ..settings import Settings
from ..simulator import Config, Simulator
from ..simulator.pace import PACES

_STOP_PATIENCE_S = 10.0


class RealTimeServer:
    """Serves from now on until `stop`; the process's end stops it too.

    The simulator that sessions start by themselves waits for nothing. A real service, and a simulator that runs
    elsewhere, take their time already: for them nothing is started, and their settings stay.

    Args:
        settings: Where sessions would connect.

    Attributes:
        settings: Where they should connect.

    Raises:
        WorkshopError: The simulator could not be started.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._simulator: Simulator | None = None
        if settings.backend == "simulator" and settings.base_url is None:
            self._simulator = Simulator(Config(pace=PACES["realtime"]))
            background_loop().submit(self._simulator.start()).result()
            atexit.register(self.stop)
            self.settings = replace(settings, base_url=self._simulator.base_url)

    def stop(self) -> None:
        """Let go of its port and its speech engines. Harmless when there is nothing to stop."""
        if self._simulator is not None:
            simulator, self._simulator = self._simulator, None
            atexit.unregister(self.stop)
            background_loop().submit(simulator.stop()).result(_STOP_PATIENCE_S)
