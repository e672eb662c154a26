"""Log lines for machines: one JSON object a line on standard error, never with what was said or a key."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

from pythonjsonlogger.json import JsonFormatter

OUR_LOGGERS = ("realtime_helpers", "gunicorn.error")


class _Line(JsonFormatter):
    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "process", "message"],
            rename_fields={"levelname": "level", "name": "logger", "process": "pid"},
            timestamp=True,
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        # asyncio puts the repr of an exception, so perhaps a client's words, on the lines below the first
        log_data["message"] = log_data["message"].partition("\n")[0]
        return log_data

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Type and place of an exception: its text may quote what a client sent."""
        kind, _, trace = ei
        places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(trace)]
        return "\n".join([*places, kind.__name__ if kind else "unknown"])


def configure(level: str) -> None:
    """Log this program's own events from `level` on (`debug` to `critical`), and other libraries' warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(level.upper())
