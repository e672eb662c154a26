"""What a notebook shows: panels of a session, and the browser's own microphone and speaker.

Importing this room needs the packages of the `lab` extra; importing `realtime_helpers` does not.
"""

from ..errors import MissingPartError

try:
    from .browser_audio import BrowserAudio
    from .control import ControlPanel
    from .dashboard import Dashboard
    from .dial import Dial
    from .gauge import WindowGauge
    from .inspector import Inspector
    from .latency_strip import LatencyStrip
    from .level_meters import LevelMeters
    from .transcript import Transcript
except ModuleNotFoundError as error:
    raise MissingPartError(
        f"The package {error.name!r} is not installed.", "In the workshop's folder: pip install -e '.[lab]'"
    ) from None

__all__ = [
    "BrowserAudio",
    "ControlPanel",
    "Dashboard",
    "Dial",
    "Inspector",
    "LatencyStrip",
    "LevelMeters",
    "Transcript",
    "WindowGauge",
]
