"""The worked examples do what they say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from realtime_helpers.tools import Toolbox, ToolError
from realtime_helpers.tools.examples import Reminders, WorldClock, example_tools, get_weather

NOON = datetime(2027, 7, 1, 12, 0, tzinfo=UTC)


def test_the_weather_says_that_it_is_invented_and_stays_the_same() -> None:
    paris = get_weather("Paris")
    assert "invented" in paris.source
    assert get_weather(" paris ").temperature == paris.temperature
    assert get_weather("Paris", "fahrenheit").temperature == round(paris.temperature * 9 / 5 + 32)
    assert len({get_weather(city).temperature for city in ("Paris", "Rome", "Oslo", "Lisbon")}) > 1


@pytest.mark.parametrize(
    ("city", "told"),
    [
        ("Lisbon", "13:00 on Thursday in Lisbon"),
        ("new york", "08:00 on Thursday"),
        ("Tokyo ", "21:00 on Thursday in Tokyo"),
    ],
)
def test_the_time_elsewhere_is_right(city: str, told: str) -> None:
    assert told in WorldClock(lambda: NOON).what_time(city)


def test_a_place_without_a_zone_is_told_as_such() -> None:
    with pytest.raises(ToolError, match="No time zone is named after Atlantis"):
        WorldClock(lambda: NOON).what_time("Atlantis")


def test_reminders_are_kept_with_their_times() -> None:
    now = NOON
    reminders = Reminders(lambda: now)
    assert reminders.remind_me(" call Anna ", 10)["noted"] == "call Anna"
    reminders.remind_me("stretch", 5)
    assert reminders.all[0].due == NOON + timedelta(minutes=10)
    now = NOON + timedelta(minutes=7)
    assert reminders.list_reminders() == [
        {"what": "stretch", "minutes_left": -2}, {"what": "call Anna", "minutes_left": 3},
    ]  # fmt: skip
    with pytest.raises(ToolError, match="nothing to be reminded of"):
        reminders.remind_me("  ", 1)


async def test_all_of_them_can_be_declared_and_called() -> None:
    box = Toolbox(example_tools(lambda: NOON))
    assert "invented" in (await box.call("get_weather", '{"city": "Paris"}')).output
    assert "12:00" in (await box.call("what_time", '{"city": "Reykjavik"}')).output
    assert (await box.call("remind_me", '{"what": "call Anna", "minutes": 10}')).ending == "answered"
    assert (await box.call("remind_me", '{"what": "call Anna", "minutes": 0}')).ending == "refused"
    assert (await box.call("list_reminders", "{}")).output == '[{"what":"call Anna","minutes_left":10}]'


def test_they_are_there_where_tools_are() -> None:
    from realtime_helpers import tools

    assert {tool.__name__ for tool in tools.example_tools()} >= {"get_weather", "what_time", "remind_me"}
    with pytest.raises(AttributeError, match="no attribute 'example_tool'"):
        _ = tools.example_tool  # type: ignore[attr-defined]
