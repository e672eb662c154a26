"""Event logs: what was written is read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime_helpers.errors import SettingsError
from realtime_helpers.tracing import EventLog, read_log


def test_a_log_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    with EventLog(path) as log:
        log("sent", {"type": "session.update", "session": {"voice": "marin"}}, 10.0)
        log.noted({"type": "latency"}, 10.25)
    first, second = read_log(path)
    assert (first.at_ms, first.direction, first.type) == (0.0, "sent", "session.update")
    assert first.event["session"] == {"voice": "marin"}
    assert (second.at_ms, second.direction) == (250.0, "noted")


def test_no_key_is_written(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    tool = {"type": "mcp", "server_url": "https://ann:pass1@example.org/mcp?token=pass2", "authorization": "pass3",
            "headers": {"x-key": "pass4"}}  # fmt: skip
    with EventLog(path) as log:
        log("sent", {"type": "session.update", "session": {"tools": [tool]}}, 10.0)
        log("received", {"type": "error", "error": {"message": "Incorrect API key: " + "sk-" + "pass56789"}}, 10.1)
    assert "pass" not in path.read_text(encoding="utf-8")
    first, second = read_log(path)
    assert first.event["session"]["tools"][0]["type"] == "mcp"
    assert second.event["error"]["message"] == "Incorrect API key: <hidden>"


@pytest.mark.parametrize("text", ["no JSON", '{"at_ms": 1}', "[1]"])
def test_what_is_no_log_is_refused_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="is no event log"):
        read_log(path)
