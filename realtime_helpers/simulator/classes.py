"""What `serve --class N` makes of its number: limits, the teacher's token, and what it says when it is ready."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
import time
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from ..errors import WorkshopError
from ..settings import LEARNER_VARIABLES, SIMULATOR_KEY_VARIABLE, SIMULATOR_URL_VARIABLE
from .classroom_door import PATH
from .learners import ClassLimits, Classroom
from .limits import Limits

TEACHER_TOKEN_VARIABLE = "REALTIME_TEACHER_TOKEN"
"""Opens the overview. Without it a token is made up, and printed once."""
RECOGNISERS = min(2, os.cpu_count() or 1)
_SHORTEST_TOKEN = 12
_BUFFER_SECONDS = 300.0
_MEDIA_BYTES = 96 * 1024 * 1024


def classroom_of(learners: int, environ: Mapping[str, str]) -> Classroom:
    """An empty class.

    Raises:
        WorkshopError: The teacher's token in the environment is too short.
    """
    token = environ.get(TEACHER_TOKEN_VARIABLE) or secrets.token_urlsafe(12)
    if len(token) < _SHORTEST_TOKEN:
        raise WorkshopError(
            f"The token in {TEACHER_TOKEN_VARIABLE} is shorter than {_SHORTEST_TOKEN} characters: one could guess it.",
            "Choose a longer one, or unset it: then one is made up and printed.",
        )
    return Classroom(ClassLimits(learners), token, time.time)


def limits_of(classroom: Classroom) -> Limits:
    """What one process takes on for a class."""
    seats = classroom.limits
    return Limits(sessions=seats.learners * seats.sessions, buffer_seconds=_BUFFER_SECONDS, media_bytes=_MEDIA_BYTES)


def welcome(classroom: Classroom, url: str, host: str, environ: Mapping[str, str]) -> str:
    """What the teacher needs now. A token that came from the environment is known, and is not repeated."""
    is_known = bool(environ.get(TEACHER_TOKEN_VARIABLE))
    token = f"   (token: {TEACHER_TOKEN_VARIABLE})" if is_known else f"#{quote(classroom.teacher_token, safe='')}"
    key = f", and the same {SIMULATOR_KEY_VARIABLE} as here" if environ.get(SIMULATOR_KEY_VARIABLE) else ""
    address = _as_seen_from_outside(url, host)
    return (
        f"overview {url.removesuffix('/v1')}{PATH}{token}\n"
        f"learners set {SIMULATOR_URL_VARIABLE}={address} and {LEARNER_VARIABLES[0]}=their name{key}"
    )


def _as_seen_from_outside(url: str, host: str) -> str:
    """The URL with this machine's name, where it listens on every address."""
    try:
        is_everywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return url
    port = urlsplit(url).port
    return f"{urlsplit(url).scheme}://{socket.gethostname()}:{port}/v1" if is_everywhere else url
