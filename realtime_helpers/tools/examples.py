"""Three worked examples: the weather (invented, and it says so), the time (real), reminders (real, in a list)."""

from __future__ import annotations

import random
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field

from .tool import ToolError

Clock = Callable[[], datetime]
"""The time, with a zone."""

_SKIES = ("sunny", "cloudy", "rainy", "windy", "foggy")


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Weather:
    """A report that was made up."""

    city: str
    sky: str
    temperature: int
    unit: str
    source: str = "invented for practice, not measured"


def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> Weather:
    """Tell the weather in a city. It is simulated: say so when you report it.

    Args:
        city: Name of the city, such as Lisbon.
        unit: Scale of the temperature.
    """
    luck = random.Random(city.casefold().strip())
    sky, degrees = luck.choice(_SKIES), luck.randint(-5, 35)
    return Weather(city.strip(), sky, degrees if unit == "celsius" else round(degrees * 9 / 5 + 32), unit)


@cache
def _zones() -> dict[str, str]:
    """Time zones by the city they are named after."""
    names = sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    return {zone.rpartition("/")[2].replace("_", " ").casefold(): zone for zone in names}


class WorldClock:
    """Knows what time it is elsewhere.

    Args:
        now: The time.
    """

    def __init__(self, now: Clock = _utc_now) -> None:
        self._now = now

    def what_time(self, city: str) -> str:
        """Tell what time it is in a city.

        Args:
            city: A city that a time zone is named after, such as Lisbon, Tokyo or New York.

        Raises:
            ToolError: No time zone is named after it, or this computer knows none.
        """
        if not _zones():
            raise ToolError("This computer knows no time zones. Its owner can add them with: pip install tzdata")
        zone = _zones().get(city.casefold().strip())
        if zone is None:
            raise ToolError(f"No time zone is named after {city}. Ask again with a larger city in the same zone.")
        there = self._now().astimezone(zoneinfo.ZoneInfo(zone))
        return f"It is {there:%H:%M on %A} in {city.strip()}."


@dataclass(frozen=True)
class Reminder:
    """Something to think of at a certain time."""

    what: str
    due: datetime


class Reminders:
    """Keeps reminders in memory. Nothing rings: whoever asks is told which are due.

    Args:
        now: The time.
    """

    def __init__(self, now: Clock = _utc_now) -> None:
        self._now = now
        self.all: list[Reminder] = []

    def remind_me(self, what: str, minutes: Annotated[float, Field(gt=0, le=7 * 24 * 60)]) -> dict[str, Any]:
        """Note a reminder for later. It goes on a list; nothing rings.

        Args:
            what: What to be reminded of, such as: call Anna.
            minutes: In how many minutes from now.

        Raises:
            ToolError: There is nothing to be reminded of.
        """
        if not what.strip():
            raise ToolError("There is nothing to be reminded of. Ask the user what it is.")
        reminder = Reminder(what.strip(), self._now() + timedelta(minutes=minutes))
        self.all.append(reminder)
        return {"noted": reminder.what, "due": f"{reminder.due.astimezone():%H:%M}"}

    def list_reminders(self) -> list[dict[str, Any]]:
        """List all reminders, the next one first, each with the minutes that are left."""
        now = self._now()
        return [
            {"what": reminder.what, "minutes_left": round((reminder.due - now).total_seconds() / 60)}
            for reminder in sorted(self.all, key=lambda one: one.due)
        ]


def example_tools(now: Clock = _utc_now) -> list[Callable[..., Any]]:
    """All of them, for `RealtimeSession(tools=example_tools())`.

    Args:
        now: The time, for the clock and the reminders.
    """
    reminders = Reminders(now)
    return [get_weather, WorldClock(now).what_time, reminders.remind_me, reminders.list_reminders]
