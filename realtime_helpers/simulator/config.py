"""How a simulator behaves, and what its application keeps about itself."""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from ..protocol.ids import IdMint
from .context import Retention
from .faults import NO_FAULTS, Faults, Scenario
from .learners import Classroom
from .limits import Limits
from .metrics import Metrics
from .pace import PACES, Pace
from .parts import Parts
from .socket import Socket

SESSION_SECONDS = 3600.0
"""Life of a session (reference §1.3)."""
SEEDED_NOW_S = 1_893_456_000.0
"""What the clock of a seeded server in lockstep always shows: 2030-01-01. Ids carry the time, and must repeat."""


@dataclass
class Config:
    """How a simulator behaves.

    Attributes:
        parts: Ears, voice and responder.
        pace: Waiting times; `PACES["fast"]` waits for nothing.
        required_key: The only API key that is accepted; `None` accepts any.
        clock: Seconds since the epoch.
        seed: Makes ids, padding and latencies repeatable; `None` draws them at random. In lockstep it stops the clock.
        limits: How much it takes on.
        metrics: Its figures.
        signing_key: Signs client secrets; servers behind one address need the same.
        scenario: What goes wrong on purpose.
        retention: What becomes of older assistant audio.
        session_seconds: Life of a session.
        classroom: Who is in the class that shares it; `None` where nobody is told apart.
    """

    parts: Parts = field(default_factory=Parts)
    pace: Pace = PACES["fast"]
    required_key: str | None = field(default=None, repr=False)
    clock: Callable[[], float] = time.time
    seed: int | None = None
    limits: Limits = field(default_factory=Limits)
    metrics: Metrics = field(default_factory=Metrics)
    signing_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    scenario: Scenario = NO_FAULTS
    retention: Retention = "documented"
    session_seconds: float = SESSION_SECONDS
    classroom: Classroom | None = None
    _ordinals: itertools.count[int] = field(default_factory=itertools.count, repr=False)

    def __post_init__(self) -> None:
        if self.seed is not None and self.pace.is_lockstep and self.clock is time.time:
            self.clock = lambda: SEEDED_NOW_S
        self._http_faults: dict[Scenario, Faults] = {}

    def new_luck(self) -> random.Random:
        """Randomness of the next connection: its ids, padding, latencies and faults."""
        ordinal = next(self._ordinals)
        return random.Random() if self.seed is None else random.Random(f"{self.seed}:{ordinal}")

    def new_ids(self, luck: random.Random | None = None) -> IdMint:
        """A source of ids."""
        return IdMint(self.clock, random.Random((luck or self.new_luck()).getrandbits(64)))

    def http_faults(self, scenario: Scenario) -> Faults:
        """The faults of the HTTP endpoints. They outlive a request, so that "the first two fail" can be said."""
        if scenario not in self._http_faults:
            self._http_faults[scenario] = Faults(scenario, random.Random(scenario.seed))
        return self._http_faults[scenario]


CONFIG = web.AppKey("config", Config)
SOCKETS = web.AppKey("sockets", set[Socket])
DRAINING = web.AppKey("draining", asyncio.Event)
EMPTY = web.AppKey("empty", asyncio.Event)
