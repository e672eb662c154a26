from __future__ import annotations

from typing import Any

import pytest

from realtime_helpers.simulator.models import find_model
from realtime_helpers.simulator.protocol_error import ProtocolError
from realtime_helpers.simulator.session_config import INSTRUCTIONS, default_session, updated_session

NAME = "gpt-realtime-2.1-mini"
MODEL = find_model(NAME)
assert MODEL is not None
SESSION = default_session("sess_1", NAME, MODEL, 3600)


def update(change: dict[str, Any], *, spoke: bool = False) -> dict[str, Any]:
    return updated_session(SESSION, {"type": "realtime", **change}, MODEL, has_assistant_audio=spoke)


def test_only_what_is_named_changes() -> None:
    after = update({"audio": {"input": {"turn_detection": {"threshold": 0.8}}}})
    vad = after["audio"]["input"]["turn_detection"]
    assert (vad["threshold"], vad["silence_duration_ms"], vad["type"]) == (0.8, 500, "server_vad")
    assert after["audio"]["output"] == SESSION["audio"]["output"]


def test_null_switches_off_and_on_again_brings_the_defaults() -> None:
    off = update({"audio": {"input": {"turn_detection": None}}})
    assert off["audio"]["input"]["turn_detection"] is None
    on = updated_session(
        off,
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}},
        MODEL,
    )
    assert on["audio"]["input"]["turn_detection"]["create_response"] is True


def test_empty_instructions_bring_the_default_back() -> None:
    assert update({"instructions": ""})["instructions"] == INSTRUCTIONS


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"bogus": 1}, "unknown_parameter", "session.bogus"),
        ({"audio": {"input": {"bogus": 1}}}, "unknown_parameter", "session.audio.input.bogus"),
        ({"temperature": 0.8}, "unknown_parameter", "session.temperature"),
        ({"output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}}, "integer_below_min_value",
         "session.audio.input.format.rate"),
        ({"audio": {"input": {"turn_detection": {"threshold": 2}}}}, "decimal_above_max_value",
         "session.audio.input.turn_detection.threshold"),
        ({"audio": {"output": {"voice": "nobody"}}}, "invalid_value", "session.audio.output.voice"),
        ({"max_output_tokens": 0}, "integer_below_min_value", "session.max_output_tokens"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_and_nothing_is_applied(change: dict[str, Any], code: str, param: str) -> None:
    before = repr(SESSION)
    with pytest.raises(ProtocolError) as refused:
        update({"instructions": "Changed.", **change})
    assert (refused.value.code, refused.value.param) == (code, param)
    assert repr(SESSION) == before


def test_the_voice_is_locked_once_it_was_heard() -> None:
    with pytest.raises(ProtocolError, match="voice"):
        update({"audio": {"output": {"voice": "cedar"}}}, spoke=True)
    assert update({"audio": {"output": {"voice": "marin"}}}, spoke=True)
