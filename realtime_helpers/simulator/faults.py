"""Faults on demand: a scenario says what goes wrong where; this decides when, and touches nothing itself."""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, Self, TypeGuard

from ..errors import WorkshopError
from .event_types import CLIENT_EVENTS, SERVER_EVENTS

Place = Literal["transcript", "summary", "event", "request", "response", "connection"]
Effect = Literal[
    "late", "failed", "missing",
    "slow", "rate_limited", "server_error", "timeout", "empty", "answers",
    "delayed", "duplicated", "malformed", "unknown", "drop_connection",
    "refused",
    "incomplete",
    "expires",
]  # fmt: skip

# Every place, its effects, and the keys each effect cannot do without.
_EFFECTS: dict[Place, dict[Effect, tuple[str, ...]]] = {
    "transcript": {"late": ("delay_ms",), "failed": (), "missing": ()},
    "summary": {
        "slow": ("delay_ms",), "rate_limited": (), "server_error": (), "timeout": (), "empty": (), "answers": (),
    },
    "event": {
        "delayed": ("event", "delay_ms"), "duplicated": ("event",), "malformed": ("event",), "unknown": ("event",),
        "drop_connection": ("event",),
    },
    "request": {"refused": ("event",)},
    "response": {"failed": (), "incomplete": ()},
    "connection": {"expires": ("seconds",), "slow": ("up_ms", "down_ms")},
}  # fmt: skip
_OPTIONS: dict[tuple[Place, Effect], tuple[str, ...]] = {("response", "failed"): ("code",)}
_SELECTORS = ("after", "times", "chance")
_EVENTS: dict[Place, tuple[str, ...]] = {"event": SERVER_EVENTS, "request": CLIENT_EVENTS}
_DAY_S = 86_400


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. `docs/faults.md` says what each effect does.

    Attributes:
        place: Where.
        effect: What happens there.
        event: Event type or `fnmatch` pattern, in the places `event` and `request`.
        delay_ms: How much later, in milliseconds, for `late`, `slow` (a summary) and `delayed`.
        code: Error code of a failed response.
        seconds: Life of a session that expires.
        up_ms: Added delay of a frame to the server, in milliseconds, on a slow connection.
        down_ms: Added delay of a frame to the client, in milliseconds, on a slow connection.
        after: How many matching occasions pass first.
        times: How often it strikes at most; `None` is without limit.
        chance: How likely it strikes on an occasion, from 0 to 1.
    """

    place: Place
    effect: Effect
    event: str | None = None
    delay_ms: float = 0
    code: str = "server_error"
    seconds: float = 0
    up_ms: float = 0
    down_ms: float = 0
    after: int = 0
    times: int | None = None
    chance: float = 1


@dataclass(frozen=True)
class Scenario:
    """What goes wrong in a simulator.

    Attributes:
        title: A sentence for people.
        seed: Decides every chance; the same seed gives the same course.
        faults: In the order of the file: where several of one place strike at once, the first one wins.
    """

    title: str = ""
    seed: int = 0
    faults: tuple[Fault, ...] = ()

    @classmethod
    def from_toml(cls, text: str, name: str) -> Self:
        """Read a scenario.

        Args:
            text: The TOML document.
            name: What to call it in an error.

        Raises:
            WorkshopError: It is not TOML, or has an unknown, missing or unusable key or value.
        """
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise WorkshopError(
                f"{name} is not valid TOML: {error}.", "Correct that line; docs/faults.md has an example."
            ) from None
        _check_keys(table, name, required=("title",), optional=("seed", "fault"))
        if not isinstance(table["title"], str):
            raise _unusable(name, "title", table["title"], "a text in quotes")
        if not _is_whole(table.get("seed", 0)):
            raise _unusable(name, "seed", table["seed"], "a whole number")
        entries = table.get("fault", [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise WorkshopError(f"{name}: 'fault' is not a list of tables.", "Begin each fault with a line [[fault]].")
        faults = tuple(_fault(entry, f"{name}, fault {number}") for number, entry in enumerate(entries, 1))
        return cls(table["title"], table.get("seed", 0), faults)


NO_FAULTS = Scenario()
"""Nothing goes wrong."""


def scenario_names() -> list[str]:
    """Names of the built-in scenarios, sorted."""
    return sorted(entry.name.removesuffix(".toml") for entry in _built_in().iterdir() if entry.name.endswith(".toml"))


def load_scenario(name_or_path: str) -> Scenario:
    """Read a built-in scenario by its name, or a file by a path that ends in `.toml`.

    Names that come over the network must be held against `scenario_names()` first: a path reads a local file.

    Raises:
        WorkshopError: There is no such scenario, or it cannot be read.
    """
    if name_or_path.endswith(".toml"):
        try:
            text = Path(name_or_path).read_text(encoding="utf-8-sig")  # Notepad starts a file with a byte order mark
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise WorkshopError(
                f"The scenario file {name_or_path} cannot be read: {reason}.",
                f"Check the path, or name a built-in scenario: {', '.join(scenario_names())}.",
            ) from None
        return Scenario.from_toml(text, name_or_path)
    if name_or_path not in scenario_names():
        raise WorkshopError(
            f"There is no scenario '{name_or_path}'.",
            f"Use one of {', '.join(scenario_names())}, or a path that ends in .toml.",
        )
    return Scenario.from_toml((_built_in() / f"{name_or_path}.toml").read_text(encoding="utf-8"), name_or_path)


class Faults:
    """Decides when the faults of a scenario strike. Make one per connection, and one for the HTTP endpoints.

    Asking a question is an occasion: ask once, when it is about to happen. A fault counts its own occasions and
    has random numbers of its own, made from the scenario's seed, the fault's place in the file and one number of
    `rng`. So its strikes are the same whatever happens elsewhere. Seed `rng` with the number of the connection,
    and every connection has its own luck, the same in each run.

    Args:
        scenario: What goes wrong.
        rng: One number is drawn from it, here and never again.

    Attributes:
        expires_s: Seconds after which the session expires; `None` leaves the usual life.
        up_ms: Added one-way delay of frames to the server, in milliseconds.
        down_ms: Added one-way delay of frames to the client, in milliseconds.
    """

    def __init__(self, scenario: Scenario, rng: random.Random) -> None:
        luck = rng.getrandbits(64)
        watches: dict[Place, list[_Watch]] = {place: [] for place in _EFFECTS}
        for index, fault in enumerate(scenario.faults):
            watches[fault.place].append(_Watch(fault, random.Random(f"{scenario.seed}:{index}:{luck}")))
        self._transcript = watches["transcript"]
        self._summary = watches["summary"]
        self._outgoing = watches["event"]
        self._request = watches["request"]
        self._response = watches["response"]
        begun = [watch.fault for watch in watches["connection"] if watch.is_due()]
        life = next((fault for fault in begun if fault.effect == "expires"), None)
        slow = next((fault for fault in begun if fault.effect == "slow"), None)
        self.expires_s: float | None = life.seconds if life else None
        self.up_ms: float = slow.up_ms if slow else 0
        self.down_ms: float = slow.down_ms if slow else 0

    def transcript(self) -> Fault | None:
        """What befalls the transcript of a user's audio."""
        return _first(self._transcript)

    def summary(self) -> Fault | None:
        """What befalls a request for a text over HTTP."""
        return _first(self._summary)

    def outgoing(self, event_type: str) -> list[Fault]:
        """Everything that befalls a server event, in the order of the file."""
        if not self._outgoing:
            return []
        struck = [watch for watch in self._outgoing if watch.is_due(event_type)]
        for watch in struck:
            watch.strikes += 1
        return [watch.fault for watch in struck]

    def request(self, event_type: str) -> Fault | None:
        """What befalls a client event."""
        return _first(self._request, event_type)

    def response(self) -> Fault | None:
        """What befalls a response."""
        return _first(self._response)


@dataclass
class _Watch:
    """A fault that waits for its occasion."""

    fault: Fault
    rng: random.Random
    occasions: int = 0
    strikes: int = 0

    def is_due(self, event_type: str = "") -> bool:
        """Count an occasion, and say whether the fault would strike on it."""
        fault = self.fault
        if fault.event is not None and not fnmatchcase(event_type, fault.event):
            return False
        self.occasions += 1
        if self.occasions <= fault.after or (fault.times is not None and self.strikes >= fault.times):
            return False
        return fault.chance == 1 or self.rng.random() < fault.chance


def _first(watches: list[_Watch], event_type: str = "") -> Fault | None:
    """The first fault that is due strikes; the others have seen the occasion and keep their strikes."""
    if not watches:
        return None
    due = [watch for watch in watches if watch.is_due(event_type)]
    if not due:
        return None
    due[0].strikes += 1
    return due[0].fault


def _built_in() -> Traversable:
    return files("realtime_helpers.simulator") / "scenarios"


# -- reading a fault, strictly ----------------------------------------------------------------------------


def _fault(entry: dict[str, Any], where: str) -> Fault:
    place: Place = _word(entry, "in", list(_EFFECTS), where)
    effect: Effect = _word(entry, "effect", list(_EFFECTS[place]), f"{where} in '{place}'")
    required = _EFFECTS[place][effect]
    where = f"{where} ('{place}', '{effect}')"
    _check_keys(
        entry, where, required=("in", "effect", *required), optional=(*_OPTIONS.get((place, effect), ()), *_SELECTORS)
    )
    values = {name: value for name, value in entry.items() if name not in {"in", "effect"}}
    for name, value in values.items():
        if not _is_usable(name, value):
            raise _unusable(where, name, value, _WANTED[name])
    if "event" in values and not any(fnmatchcase(kind, values["event"]) for kind in _EVENTS[place]):
        raise WorkshopError(
            f"{where}: no event is called '{values['event']}' or matches it.",
            f"Use a pattern such as response.*, or one of {', '.join(_EVENTS[place])}.",
        )
    if place == "connection" and values.get("after"):
        raise WorkshopError(
            f"{where}: a connection begins once, so after 'after' occasions there is none left.",
            "Leave 'after' out; 'chance' decides which connections are struck.",
        )
    return Fault(place, effect, **values)


def _word(entry: dict[str, Any], key: str, allowed: list[Any], where: str) -> Any:
    value = entry.get(key)
    if value in allowed:
        return value
    what = "is missing" if value is None else f"is {value!r}, which is unknown"
    raise WorkshopError(f"{where}: '{key}' {what}.", f"Use one of {', '.join(allowed)}.")


def _check_keys(table: dict[str, Any], where: str, *, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    allowed = f"The keys here are {', '.join(required + optional)}."
    for key in table:
        if key not in required + optional:
            raise WorkshopError(f"{where}: '{key}' is not a key here.", allowed)
    for key in required:
        if key not in table:
            raise WorkshopError(f"{where}: '{key}' is missing.", allowed)


def _unusable(where: str, key: str, value: object, wanted: str) -> WorkshopError:
    return WorkshopError(f"{where}: '{key}' cannot be {value!r}.", f"Give {wanted}.")


_WANTED = {
    "event": "the type of an event in quotes, or a pattern such as 'response.*'",
    "code": "an error code in quotes, such as 'rate_limit_exceeded'",
    "delay_ms": f"milliseconds, from 0 to {_DAY_S * 1000}",
    "up_ms": f"milliseconds, from 0 to {_DAY_S * 1000}",
    "down_ms": f"milliseconds, from 0 to {_DAY_S * 1000}",
    "seconds": f"seconds, more than 0 and at most {_DAY_S}",
    "after": "a whole number, 0 or more",
    "times": "a whole number, 1 or more",
    "chance": "a number from 0 to 1",
}


def _is_usable(name: str, value: object) -> bool:
    match name:
        case "event" | "code":
            return isinstance(value, str) and bool(value)
        case "after":
            return _is_whole(value) and value >= 0
        case "times":
            return _is_whole(value) and value >= 1
        case "chance":
            return _is_number(value) and 0 <= value <= 1
        case "seconds":
            return _is_number(value) and 0 < value <= _DAY_S
    return _is_number(value) and 0 <= value <= _DAY_S * 1000  # comparisons with TOML's nan are false


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
