from __future__ import annotations

import pytest

from realtime_helpers import Settings, SettingsError


def test_the_simulator_needs_no_key() -> None:
    assert Settings.from_environment(environ={}).base_url is None


@pytest.mark.parametrize(("backend", "variable"), [("openai", "OPENAI_API_KEY"), ("azure", "AZURE_OPENAI_ENDPOINT")])
def test_a_missing_variable_is_named_with_a_way_out(backend: str, variable: str) -> None:
    with pytest.raises(SettingsError, match=rf"{variable}.*simulator"):
        Settings.from_environment(backend, environ={})  # type: ignore[arg-type]


def test_an_unknown_backend_names_those_there_are() -> None:
    with pytest.raises(SettingsError, match="simulator, openai, azure"):
        Settings.from_environment("other", environ={})  # type: ignore[arg-type]


def test_azure_gets_its_ga_address_and_header() -> None:
    environ = {"AZURE_OPENAI_ENDPOINT": "https://res.openai.azure.com/", "AZURE_OPENAI_API_KEY": "k"}
    settings = Settings.from_environment("azure", environ=environ)
    assert settings.base_url == "https://res.openai.azure.com/openai/v1"
    assert settings.headers == {"api-key": "k"}
