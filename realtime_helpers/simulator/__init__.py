"""A local server that speaks the Realtime protocol: it hears, speaks and counts, and is not a language model.

    async with Simulator() as simulator:
        print(simulator.base_url)

Uses the protocol, the audio formats and the speech engines of this package and nothing above them: it can be
replaced by the real service. What is exact and what is imitated: docs/simulator.md.
"""

from ..errors import MissingPartError

try:
    from .config import Config
    from .faults import load_scenario, scenario_names
    from .limits import Limits
    from .pace import PACES, Pace
    from .parts import Parts
    from .server import Simulator
except ModuleNotFoundError as error:
    raise MissingPartError(
        f"The simulator needs the package {error.name!r}, which is not installed.",
        "In the workshop's folder: pip install -e '.[simulator]'",
    ) from None

__all__ = ["PACES", "Config", "Limits", "Pace", "Parts", "Simulator", "load_scenario", "scenario_names"]
