"""The switch of a notebook says at once when there is nobody to talk to."""

from __future__ import annotations

import importlib.util
import socket

import pytest

from realtime_helpers.course import choose_server
from realtime_helpers.errors import MissingPartError, SessionError
from realtime_helpers.settings import SIMULATOR_URL_VARIABLE


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_simulator_that_is_gone_is_named_with_the_next_step(monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    monkeypatch.setenv(SIMULATOR_URL_VARIABLE, f"http://somebody:secret@127.0.0.1:{free_port}/v1")
    with pytest.raises(SessionError) as caught:
        choose_server("simulator", turns=1)
    said = str(caught.value)
    assert f"No simulator answers at http://127.0.0.1:{free_port}/v1" in said
    assert "realtime-workshop serve" in said
    assert f"%env {SIMULATOR_URL_VARIABLE}=" in said
    assert "secret" not in said


def test_one_that_listens_is_taken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        monkeypatch.setenv(SIMULATOR_URL_VARIABLE, url)
        assert choose_server("simulator", turns=1).base_url == url
    assert "it costs nothing here" in capsys.readouterr().out


def test_an_emptied_variable_means_a_simulator_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIMULATOR_URL_VARIABLE, "")
    assert choose_server("simulator", turns=1).base_url is None


def test_a_simulator_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SIMULATOR_URL_VARIABLE, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match=r"not installed.*pip install -e '\.\[simulator\]'"):
        choose_server("simulator", turns=1)
