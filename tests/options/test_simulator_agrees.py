"""What the options allow the simulator accepts, what they refuse it refuses, and both mean the same by it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from realtime_helpers import options
from realtime_helpers.experiments.lab import LabParts, lab_config
from realtime_helpers.experiments.virtual_time import VirtualTimeLoop
from realtime_helpers.options import (
    SERVER_DEFAULT,
    PushToTalk,
    SemanticVAD,
    ServerVAD,
    SessionOptions,
    Tracing,
    Transcription,
    changes,
    contradictions,
    merged,
    overlaid,
)
from realtime_helpers.protocol import decode, encode, update_session
from realtime_helpers.simulator.memory_door import MemoryLine
from realtime_helpers.simulator.models import find_model
from realtime_helpers.simulator.protocol_error import ProtocolError
from realtime_helpers.simulator.session_config import default_session, updated_session
from realtime_helpers.simulator.session_fields import VOICES

from .choices import OPTIONS

NAME = "gpt-realtime-2.1-mini"
MODEL = find_model(NAME)
assert MODEL is not None
FRESH = default_session("sess_1", NAME, MODEL, 3600)


def update(session: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    return updated_session(session, {"type": "realtime", **change}, MODEL)


def goal(chosen: SessionOptions) -> SessionOptions:
    return SessionOptions.found_in(merged(FRESH, chosen.wire))


@given(OPTIONS)
@settings(max_examples=500, deadline=None)
def test_whatever_can_be_chosen_is_accepted_and_read_back_as_it_was_meant(chosen: SessionOptions) -> None:
    echo = SessionOptions.found_in(update(FRESH, chosen.wire))
    assert contradictions(chosen, echo) == []
    assert echo == goal(chosen)


@given(st.lists(OPTIONS, min_size=1, max_size=5))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_running_session_of_the_simulator_takes_one_after_the_other(
    lab: LabParts, chosen: list[SessionOptions]
) -> None:
    async def talk() -> None:
        line = MemoryLine(lab_config(lab), NAME)
        assert decode(await line.receive())["type"] == "session.created"
        for one in (any_.but(tracing=SERVER_DEFAULT) for any_ in chosen):  # tracing is locked once it is on
            await line.send(encode(update_session(one.wire)))
            answer = decode(await line.receive())
            assert answer["type"] == "session.updated", answer
            assert contradictions(one, SessionOptions.found_in(answer["session"])) == []
        await line.close()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(talk())


@given(OPTIONS, OPTIONS)
@settings(max_examples=500, deadline=None)
@example(SessionOptions(turn_detection=SemanticVAD(eagerness="low")), SessionOptions(turn_detection=SemanticVAD()))
@example(SessionOptions(turn_detection=PushToTalk()), SessionOptions())
@example(SessionOptions(reasoning_effort="low"), SessionOptions())
@example(
    SessionOptions(transcription=Transcription(model="whisper-1", language="en")),
    SessionOptions(transcription=Transcription(model="whisper-1")),
)
def test_a_change_leads_from_any_options_to_any_others(first: SessionOptions, second: SessionOptions) -> None:
    if first.chosen.get("tracing") is not None:
        first = first.but(tracing=None)  # once on, it is locked
    before = update(FRESH, first.wire)
    change = changes(overlaid(first, SessionOptions.found_in(before)), goal(second))
    after = SessionOptions.found_in(update(before, change))
    assert after == goal(second)
    assert changes(after, goal(second)) == {}, "nothing is left to change"


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (SessionOptions(), SessionOptions(), {}),
        (SessionOptions(), SessionOptions(voice="marin", speed=1), {}),  # as it is anyway
        (SessionOptions(speed=0.9), SessionOptions(speed=0.8), {"audio": {"output": {"speed": 0.8}}}),
        (
            SessionOptions(speed=0.9, voice="cedar"),
            SessionOptions(voice="cedar"),
            {"audio": {"output": {"speed": 1.0}}},
        ),
        (
            SessionOptions(noise_reduction="far_field"),
            SessionOptions(),
            {"audio": {"input": {"noise_reduction": None}}},
        ),
        (
            SessionOptions(turn_detection=ServerVAD(threshold=0.6)),
            SessionOptions(turn_detection=None),
            {"audio": {"input": {"turn_detection": None}}},
        ),
    ],
)
def test_a_change_holds_what_differs_and_nothing_else(
    before: SessionOptions, after: SessionOptions, change: dict[str, Any]
) -> None:
    assert changes(goal(before), goal(after)) == change


@pytest.mark.parametrize(
    "wire",
    [
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": "500ms"}}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 5}}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 500}}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "eagerness": "low"}}}},
        {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "idle_timeout_ms": 6_000}}}},
        {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "lo"}}}},
        {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}},
        {"audio": {"input": {"noise_reduction": {"type": "far"}}}},
        {"audio": {"output": {"voice": "nobody"}}},
        {"audio": {"output": {"speed": 3}}},
        {"output_modalities": ["audio", "text"]},
        {"max_output_tokens": 5_000},
        {"truncation": "off"},
        {"tool_choice": "get_weather"},
        {"reasoning": {"effort": "hihg"}},
        {"parallel_tool_calls": 1},
        {"tracing": "on"},
        {"temperature": 0.8},
        {"modalities": ["text"]},
    ],
)
def test_what_the_options_refuse_the_simulator_refuses_too(wire: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        update(FRESH, wire)


def test_both_know_the_same_voices() -> None:
    assert options.VOICES == VOICES


def test_what_a_server_says_is_believed_whatever_we_would_refuse() -> None:
    tomorrow = merged(FRESH, {
        "audio": {
            "output": {"voice": "nova", "speed": 2.0, "format": {"type": "audio/opus"}},
            "input": {"turn_detection": {"type": "telepathy"}, "noise_reduction": {"type": "sea", "strength": 1}},
        },
        "output_modalities": [],
    })  # fmt: skip
    found = SessionOptions.found_in(tomorrow)
    assert (found.voice, found.speed, found.noise_reduction) == ("nova", 2.0, "sea")
    assert not {"output_format", "turn_detection", "output_modality"} & set(found.chosen), "not known here"
    assert found.but(speed=1.0).voice == "nova", "only what is changed is checked"


def test_a_server_that_does_something_else_is_found_out() -> None:
    asked = SessionOptions(speed=1.2, turn_detection=ServerVAD(threshold=0.6), tracing=Tracing(group_id="a"))
    found = goal(SessionOptions(speed=1.0, turn_detection=ServerVAD(threshold=0.6, silence_duration_ms=900)))
    assert contradictions(asked, found) == [
        "speed is 1.0, 1.2 was asked for",
        "tracing is None, Tracing(group_id='a') was asked for",
    ]
    other = goal(SessionOptions(turn_detection=SemanticVAD()))
    assert len(contradictions(SessionOptions(turn_detection=ServerVAD()), other)) == 1


def test_raw_fields_win_and_another_kind_of_object_takes_the_place_of_the_old_one() -> None:
    chosen = SessionOptions(turn_detection=ServerVAD(silence_duration_ms=700), voice="cedar")
    raw = {"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}, "include": ["x"]}
    assert merged(chosen.wire, raw) == {
        "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}, "output": {"voice": "cedar"}},
        "include": ["x"],
    }
    partial = {"audio": {"input": {"turn_detection": {"threshold": 0.7}}}}
    detection = merged(chosen.wire, partial)["audio"]["input"]["turn_detection"]
    assert detection == {"type": "server_vad", "silence_duration_ms": 700, "threshold": 0.7}
