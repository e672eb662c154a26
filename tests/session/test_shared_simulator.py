"""Sessions of one process share a simulator, whoever of them needs it first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from realtime_helpers import Settings
from realtime_helpers.backends import find_server, stop_simulator
from realtime_helpers.runtime import background_loop

SETTINGS = Settings.from_environment(environ={})


@pytest.fixture(autouse=True)
def none_runs() -> Iterator[None]:
    stop_simulator()
    yield
    stop_simulator()


def test_all_who_ask_at_once_get_the_same() -> None:
    async def ask() -> set[str | None]:
        return {found.base_url for found in await asyncio.gather(*[find_server(SETTINGS) for _ in range(3)])}

    assert len(background_loop().submit(ask()).result(20)) == 1


def test_who_goes_while_it_starts_takes_nothing_from_the_others() -> None:
    async def ask() -> str | None:
        leaving, staying = (asyncio.ensure_future(find_server(SETTINGS)) for _ in range(2))
        await asyncio.sleep(0)  # both wait now
        leaving.cancel()
        return (await staying).base_url

    assert background_loop().submit(ask()).result(20)
