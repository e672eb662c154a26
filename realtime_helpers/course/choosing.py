"""One cell switches a notebook from the simulator to a real service, and tells first what that would cost."""

from __future__ import annotations

from ..conversation import PRICES_AS_OF, Outlook, SpeechRates, find_prices, forecast_cost
from ..errors import SettingsError
from ..settings import DEFAULT_MODEL, Backend, Settings


def choose_server(backend: Backend = "simulator", *, turns: int, model: str = DEFAULT_MODEL) -> Settings:
    """Settings for the notebook's sessions. Prints what its turns would cost on a real service.

    Args:
        backend: `simulator`, `openai` or `azure`.
        turns: How many spoken turns the notebook has, each about 3 s long with a reply of 8 s.
        model: Speech-to-speech model (on Azure: the deployment).

    Raises:
        SettingsError: A variable that the backend needs is missing, or the model has no known price.
    """
    settings = Settings.from_environment(backend, model=model)
    prices = find_prices(model)
    if prices is None:
        raise SettingsError(f"No list price of {model!r} is known, so no cost can be shown.", "Choose another model.")
    rates = SpeechRates(user_s=3, assistant_s=8)
    usd = forecast_cost(Outlook(prices, rates, hours=turns * rates.turn_s / 3600)).total_usd
    asks = "costs nothing here" if backend == "simulator" else "is billed to you from the next cell on"
    print(  # noqa: T201 - it is what the cell shows
        f"Talking to: {backend}. On OpenAI's {model}, this notebook would cost about ${usd:.2f} at the list "
        f"prices of {PRICES_AS_OF}, an estimate; it {asks}."
    )
    return settings
