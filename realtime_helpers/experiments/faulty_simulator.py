"""A simulator in which something goes wrong on purpose, for a session that meets it like any other server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..runtime import background_loop
from ..simulator import Config, Simulator, load_scenario

_PATIENCE_S = 30.0


@contextmanager
def simulator_with(scenario: str) -> Iterator[str]:
    """Run a simulator with faults for as long as the block lasts, and hand out its URL.

    Example:
        with simulator_with("dropped-line") as url:
            session = RealtimeSession(settings=Settings.from_environment(simulator_url=url))

    Args:
        scenario: A built-in scenario by its name, or the path of a TOML file (docs/faults.md).

    Raises:
        WorkshopError: There is no such scenario, or it cannot be read.
    """
    simulator, loop = Simulator(Config(scenario=load_scenario(scenario), seed=0)), background_loop()
    loop.submit(simulator.start()).result(_PATIENCE_S)
    try:
        yield simulator.base_url
    finally:
        loop.submit(simulator.stop()).result(_PATIENCE_S)
