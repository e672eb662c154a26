"""One cell switches a notebook from the simulator to a real service, and tells first what that would cost."""

from __future__ import annotations

import importlib.util
import socket
from urllib.parse import urlsplit

from ..conversation import PRICES_AS_OF, Outlook, SpeechRates, find_prices, forecast_cost
from ..errors import MissingPartError, SessionError, SettingsError
from ..settings import DEFAULT_MODEL, SIMULATOR_URL_VARIABLE, Backend, Settings

_PATIENCE_S = 3.0


def choose_server(backend: Backend = "simulator", *, turns: int, model: str = DEFAULT_MODEL) -> Settings:
    """Settings for the notebook's sessions. Prints what its turns would cost on a real service.

    Args:
        backend: `simulator`, `openai` or `azure`.
        turns: How many spoken turns the notebook has, each about 3 s long with a reply of 8 s.
        model: Speech-to-speech model (on Azure: the deployment).

    Raises:
        MissingPartError: The simulator is wanted, and not installed.
        SessionError: A running simulator is wanted, and does not answer.
        SettingsError: A variable that the backend needs is missing, or the model has no known price.
    """
    settings = Settings.from_environment(backend, model=model)
    prices = find_prices(model)
    if prices is None:
        raise SettingsError(f"No list price of {model!r} is known, so no cost can be shown.", "Choose another model.")
    if backend == "simulator":
        _must_be_there(settings.base_url)
    rates = SpeechRates(user_s=3, assistant_s=8)
    usd = forecast_cost(Outlook(prices, rates, hours=turns * rates.turn_s / 3600)).total_usd
    asks = "costs nothing here" if backend == "simulator" else "is billed to you from the next cell on"
    print(  # noqa: T201 - it is what the cell shows
        f"Talking to: {backend}. On OpenAI's {model}, this notebook would cost about ${usd:.2f} at the list "
        f"prices of {PRICES_AS_OF}, an estimate; it {asks}."
    )
    return settings


def _must_be_there(url: str | None) -> None:
    """Say it in this cell, not in a later one that wants to talk."""
    if url is None:
        if importlib.util.find_spec("aiohttp") is None:
            raise MissingPartError(
                "The simulator is not installed.",
                "In the workshop's folder: pip install -e '.[simulator]', then run this cell again.",
            )
        return
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), _PATIENCE_S).close()
    except (OSError, ValueError):
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise SessionError(
            f"No simulator answers at {shown}, which the variable {SIMULATOR_URL_VARIABLE} names.",
            "In a terminal, in the workshop's folder: realtime-workshop serve. Or run %env "
            f"{SIMULATOR_URL_VARIABLE}= in a cell: then sessions start their own. Then run this cell again.",
        ) from None
