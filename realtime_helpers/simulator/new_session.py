"""A session as it begins: what was admitted, and what the simulator is, put together."""

from __future__ import annotations

import random
from dataclasses import replace

from .admission import Admission, RefusedError
from .config import Config
from .faults import Faults
from .learners import Learner, OneAtATime
from .outbox import Outbox
from .protocol_error import ProtocolError
from .session import ServerSession
from .session_config import default_session, default_transcription_session, updated_session


def new_session(
    admission: Admission,
    config: Config,
    luck: random.Random,
    faults: Faults,
    outbox: Outbox,
    learner: Learner | None = None,
) -> ServerSession:
    """Begin a session.

    Raises:
        RefusedError: Its client secret was made for another kind of session.
    """
    ids = config.new_ids(luck)
    life_s = config.session_seconds if faults.expires_s is None else faults.expires_s
    session_id, expires_at = ids.new("sess"), int(config.clock() + life_s)
    if admission.name is None or admission.model is None:
        wire = default_transcription_session(session_id, expires_at)
    else:
        wire = default_session(session_id, admission.name, admission.model, expires_at)
    if admission.change is not None:
        try:
            wire = updated_session(wire, admission.change, admission.model)
        except ProtocolError as error:
            raise RefusedError(error, 4000) from None
    parts = config.parts
    if learner is not None:
        parts = replace(parts, ears=OneAtATime(parts.ears, learner))
    return ServerSession(
        outbox.send, wire, admission.model, parts, ids, config.pace, luck, config.clock, faults=faults,
        limits=config.limits, retention=config.retention, room=outbox.room, metrics=config.metrics, life_s=life_s,
        learner=learner,
    )  # fmt: skip
