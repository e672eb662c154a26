"""Options as Hypothesis makes them: everything that may be chosen, edges included."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from realtime_helpers.options import (
    SERVER_DEFAULT,
    VOICES,
    CallFunction,
    PushToTalk,
    RetentionRatio,
    SemanticVAD,
    ServerVAD,
    SessionOptions,
    Tracing,
    Transcription,
)

DEFAULT = st.just(SERVER_DEFAULT)
FLAGS = st.booleans()
WORDS = st.text(min_size=1, max_size=40).filter(lambda text: bool(text.strip()))


def some(kind: type, at_least_one: bool = False, **fields: Any) -> st.SearchStrategy[Any]:
    """Objects of a kind in which some fields are chosen."""
    chosen = st.fixed_dictionaries({}, optional=fields)
    return (chosen.filter(bool) if at_least_one else chosen).map(lambda values: kind(**values))


SERVER_VAD = some(
    ServerVAD,
    threshold=st.floats(0, 1) | st.sampled_from([0, 1]),
    prefix_padding_ms=st.integers(0, 10_000),
    silence_duration_ms=st.integers(0, 60_000),
    idle_timeout_ms=st.none() | st.integers(5_000, 30_000),
    create_response=FLAGS,
    interrupt_response=FLAGS,
)
SEMANTIC_VAD = some(
    SemanticVAD,
    eagerness=st.sampled_from(["low", "medium", "high", "auto"]),
    create_response=FLAGS,
    interrupt_response=FLAGS,
)
FORMATS = st.sampled_from(["pcm16", "g711_ulaw", "g711_alaw"])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "instructions": WORDS,
    "voice": st.sampled_from([*VOICES, "voice_of_mine"]),
    "speed": st.floats(0.25, 1.5) | st.just(1),
    "output_modality": st.sampled_from(["audio", "text"]),
    "input_format": FORMATS,
    "output_format": FORMATS,
    "turn_detection": SERVER_VAD | SEMANTIC_VAD | st.just(PushToTalk()) | st.none(),
    "transcription": st.none()
    | some(Transcription, model=WORDS, language=st.sampled_from(["en", "de", "zh"]), prompt=WORDS).map(
        lambda chosen: chosen if "model" in chosen.wire else Transcription(model="gpt-transcribe", **chosen.wire)
    ),
    "noise_reduction": st.sampled_from(["near_field", "far_field", None]),
    "max_output_tokens": st.just("inf") | st.integers(1, 4_096),
    "truncation": st.sampled_from(["auto", "disabled"])
    | some(RetentionRatio, ratio=st.floats(0.01, 1), tokens=st.integers(1, 10_000_000)),
    "tool_choice": st.sampled_from(["auto", "none", "required"])
    | st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True).map(lambda name: CallFunction(name=name)),
    "reasoning_effort": st.sampled_from(["minimal", "low", "medium", "high", "xhigh"]),
    "parallel_tool_calls": FLAGS,
    "tracing": st.sampled_from([None, "auto"])
    | some(Tracing, at_least_one=True, workflow_name=WORDS, group_id=WORDS),
}  # fmt: skip
OPTIONS = some(SessionOptions, **FIELDS)
"""Any options a session can be given; transcription always names its model, as `ready_options` sees to."""
