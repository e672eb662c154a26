"""Where to connect, with which models and which key.

Keys come from the environment and from nowhere else: there is no parameter for one, and no repr shows one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import quote

from .errors import SettingsError

Backend = Literal["simulator", "openai", "azure"]

DEFAULT_MODEL = "gpt-realtime-2.1-mini"
DEFAULT_SUMMARY_MODEL = "gpt-6-luna"
DEFAULT_TRANSCRIPTION_MODEL = "gpt-transcribe"

OPENAI_URL = "https://api.openai.com/v1"
SIMULATOR_URL_VARIABLE = "REALTIME_SIMULATOR_URL"
"""Set by `realtime-workshop lab`: sessions use that running simulator instead of starting their own."""
SIMULATOR_KEY_VARIABLE = "REALTIME_SIMULATOR_KEY"
"""The key a simulator started with `--require-key` asks for."""

LEARNER_VARIABLES = ("REALTIME_LEARNER", "JUPYTERHUB_USER")
"""Where a learner's name comes from, the first one first; JupyterHub sets the second."""
LEARNER_HEADER = "OpenAI-Safety-Identifier"
"""The protocol's own header for who uses an application. Only the simulator is told a name, never a real service."""

_UNPROTECTED_SIMULATOR_KEY = "simulator"


@dataclass(frozen=True)
class Settings:
    """One server and the models to use on it. Build it with `Settings.from_environment`.

    Attributes:
        backend: `simulator` (local, no key), `openai` or `azure`.
        base_url: HTTP base URL, ending in `/v1`. `None` means: a simulator has still to be started.
        model: Speech-to-speech model (on Azure: the deployment).
        summary_model: Text model that writes summaries.
        transcription_model: Model that transcribes what the user says.
        learner: Name that a class's simulator shows to the teacher; empty without one.
    """

    backend: Backend
    base_url: str | None = field(repr=False)  # a proxy's may hold a password
    model: str = DEFAULT_MODEL
    summary_model: str = DEFAULT_SUMMARY_MODEL
    transcription_model: str = DEFAULT_TRANSCRIPTION_MODEL
    api_key: str = field(default="", repr=False)
    learner: str = ""

    @classmethod
    def from_environment(
        cls,
        backend: Backend = "simulator",
        *,
        model: str = DEFAULT_MODEL,
        summary_model: str = DEFAULT_SUMMARY_MODEL,
        transcription_model: str = DEFAULT_TRANSCRIPTION_MODEL,
        simulator_url: str | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> Settings:
        """Read the URL and the key for `backend` from the environment.

        Raises:
            SettingsError: Unknown backend, or a variable that the backend needs is missing.
        """
        base_url: str | None
        learner = ""
        match backend:
            case "simulator":
                base_url = simulator_url or environ.get(SIMULATOR_URL_VARIABLE) or None
                key = environ.get(SIMULATOR_KEY_VARIABLE) or _UNPROTECTED_SIMULATOR_KEY
                learner = next((name for variable in LEARNER_VARIABLES if (name := environ.get(variable))), "")
            case "openai":
                base_url = environ.get("OPENAI_BASE_URL") or OPENAI_URL
                key = _need(environ, "OPENAI_API_KEY", backend)
            case "azure":
                endpoint = _need(environ, "AZURE_OPENAI_ENDPOINT", backend).rstrip("/")
                base_url = f"{endpoint}/openai/v1"
                key = _need(environ, "AZURE_OPENAI_API_KEY", backend)
            case _:
                raise SettingsError(
                    f"There is no backend {backend!r}.", f"Choose one of: {', '.join(get_args(Backend))}."
                )
        return cls(backend, base_url, model, summary_model, transcription_model, key, learner)

    @property
    def headers(self) -> dict[str, str]:
        """Headers that the server needs besides `Authorization` (reference §1.1)."""
        if self.backend == "azure":
            return {"api-key": self.api_key}
        if self.backend == "simulator" and self.learner:
            return {LEARNER_HEADER: quote(self.learner, safe=" ")}  # a header is ASCII, a name need not be
        return {}


def _need(environ: Mapping[str, str], variable: str, backend: str) -> str:
    value = environ.get(variable, "")
    if not value:
        raise SettingsError(
            f"The backend {backend!r} needs the environment variable {variable}, which is not set.",
            f"Set it (export {variable}=...) and restart, or use backend='simulator', which needs no key.",
        )
    return value
