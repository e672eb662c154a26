"""Checks every event that server sessions send, and writes each broken rule into the file that a variable names."""

from __future__ import annotations

import os
from pathlib import Path

from realtime_helpers.simulator.session import ServerSession

from .models import Event, validate
from .stream import StreamRules

REPORT_VARIABLE = "REALTIME_BROKEN_RULES"


def watch_server_sessions() -> None:
    """Check what the server sessions of this process and of its forks send, before any fault befalls it.

    Raises:
        KeyError: No file is named.
    """
    report = Path(os.environ[REPORT_VARIABLE])
    send = ServerSession._send

    def checked_send(self: ServerSession, event: Event) -> None:
        if "stream_rules" not in self.__dict__:
            self.__dict__["stream_rules"] = StreamRules()
        rules: StreamRules | None = self.__dict__["stream_rules"]
        try:
            validate(event)
            if rules is not None:
                rules.see(event)
        except Exception as error:  # noqa: BLE001 - the server must not answer for its inspector
            self.__dict__["stream_rules"] = None  # what follows a broken rule proves nothing
            with report.open("a", encoding="utf-8") as file:
                file.write(f"{type(error).__name__}: {error}\n  in {event!r:.2000}\n")
        send(self, event)

    ServerSession._send = checked_send  # type: ignore[method-assign]
