"""What options may be, what is refused and with which words, and how they look."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from realtime_helpers import SettingsError
from realtime_helpers.options import (
    PROFILES,
    SERVER_DEFAULT,
    CallFunction,
    PushToTalk,
    RetentionRatio,
    SemanticVAD,
    ServerVAD,
    SessionOptions,
    Tracing,
    Transcription,
)
from realtime_helpers.options.show import option_rows
from realtime_helpers.options.values import option_of

from .choices import FIELDS, OPTIONS

KINDS = (SessionOptions, ServerVAD, SemanticVAD, Transcription, RetentionRatio, Tracing, CallFunction)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (partial(ServerVAD, silence_duration_ms="500ms"), r"'500ms'.*milliseconds from 0 to 60,000.*_ms=500\."),
        (partial(ServerVAD, silence_duration_ms=0.5), "whole number of milliseconds"),
        (partial(ServerVAD, silence_duration_ms=True), "True.*whole number"),
        (partial(ServerVAD, threshold=5), "threshold is 5.*from 0 to 1"),
        (partial(ServerVAD, threshold=float("nan")), "nan.*from 0 to 1"),
        (partial(ServerVAD, prefix_padding_ms=-1), "from 0 to 10,000"),
        (partial(ServerVAD, idle_timeout_ms=500), "from 5,000 to 30,000"),
        (partial(ServerVAD, create_response="no"), "create_response=True or create_response=False"),
        (partial(ServerVAD, eagerness="low"), "Only SemanticVAD.*silence_duration_ms"),
        (partial(ServerVAD, silence_ms=500), "Did you mean 'silence_duration_ms'"),
        (partial(ServerVAD, 0.5), r"by name.*ServerVAD\(threshold=\.\.\.\)"),
        (partial(SemanticVAD, idle_timeout_ms=6_000), "idle time-out with ServerVAD only"),
        (partial(SemanticVAD, threshold=0.5), "eagerness"),
        (partial(SemanticVAD, eagerness="lo"), "Did you mean 'low'"),
        (partial(PushToTalk, interrupt_response=True), "nobody listens for speech"),
        (partial(SessionOptions, voice="Cedr"), "no such voice. Did you mean 'cedar'"),
        (partial(SessionOptions, voice="voice_"), "no such voice"),
        (partial(SessionOptions, voice=5), "no such voice"),
        (partial(SessionOptions, speed=3), "from 0.25 to 1.5"),
        (partial(SessionOptions, instructions=""), "empty.*default back"),
        (partial(SessionOptions, instructions="  "), "what the model should be"),
        (partial(SessionOptions, instructions="prompts/tutor.md"), r"Path\('prompts/tutor.md'\)"),
        (partial(SessionOptions, instructions="a" * 70_000), "70,000 characters.*64,000"),
        (partial(SessionOptions, instructions="half \ud83d"), "half a character at position 5"),
        (partial(SessionOptions, output_modality=["audio", "text"]), "come with their words anyway"),
        (partial(SessionOptions, output_modality="both"), "both are not needed"),
        (partial(SessionOptions, input_format={"type": "audio/pcm", "rate": 16_000}), "always 24,000 Hz"),
        (partial(SessionOptions, output_format="g711"), "Did you mean 'g711_[ua]law'"),
        (partial(SessionOptions, turn_detection="server_vad"), r"ServerVAD\(\)"),
        (partial(SessionOptions, turn_detection=ServerVAD), r"ServerVAD\(\.\.\.\)"),
        (partial(SessionOptions, turn_detection={"type": "server_vad"}), r"ServerVAD\(\.\.\.\)"),
        (partial(SessionOptions, transcription="whisper-1"), r"Transcription\(\.\.\.\), or None"),
        (partial(SessionOptions, noise_reduction="far"), "Did you mean 'far_field'"),
        (partial(SessionOptions, max_output_tokens=5_000), "from 1 to 4,096"),
        (partial(SessionOptions, max_output_tokens=float("inf")), "'inf'"),
        (partial(SessionOptions, truncation="off"), "auto, disabled"),
        (partial(SessionOptions, truncation=0.8), r"RetentionRatio\(ratio=0.8"),
        (partial(SessionOptions, tool_choice="get_weather"), r"CallFunction\(name"),
        (partial(SessionOptions, reasoning_effort="hihg"), "Did you mean 'high'"),
        (partial(SessionOptions, parallel_tool_calls=1), "=True or parallel_tool_calls=False"),
        (partial(SessionOptions, tracing="on"), "auto"),
        (partial(SessionOptions, tracing=True), "Tracing"),
        (partial(SessionOptions, voice=None), "no such voice"),
        (partial(SessionOptions, voise="cedar"), "Did you mean 'voice'"),
        (partial(SessionOptions, temperature=0.8), "removed"),
        (partial(SessionOptions, modalities=["text"]), "output_modality="),
        (partial(SessionOptions, model="gpt-realtime"), "belongs to the connection"),
        (partial(SessionOptions, tools=[]), "Python functions"),
        (partial(Transcription, language="english"), "ISO-639-1 code such as en"),
        (partial(Transcription, language="German"), "such as de"),
        (partial(Transcription, language="pt-BR"), "such as pt"),
        (partial(Transcription, language="xx"), "such as en"),
        (partial(Transcription, model=""), "name of a transcriber"),
        (partial(RetentionRatio, ratio=0), "from 0.01 to 1"),
        (partial(RetentionRatio, tokens=0.5), "whole number of tokens"),
        (partial(RetentionRatio, ratio="most"), "from 0.01 to 1"),
        (partial(Tracing), "workflow_name"),
        (partial(Tracing, metadata={}), "config="),
        (partial(CallFunction), "names no function"),
        (partial(CallFunction, name="get weather"), "letters, digits"),
        (partial(SessionOptions().but, voice="nobody"), "no such voice"),
        (partial(SessionOptions().but, voise="cedar"), "Did you mean 'voice'"),
        (partial(PROFILES.__getitem__, "tutor"), "Did you mean 'language_tutor'"),
    ],
)
def test_what_cannot_work_is_refused_with_what_would(make: Callable[[], object], told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        make()
    assert re.search(told, str(refused.value)), str(refused.value)
    assert re.search(r"[Uu]se |Pass |take|Settings|[Ll]eave|Tools", refused.value.next_step), refused.value.next_step


def test_what_was_not_chosen_is_not_sent() -> None:
    assert SessionOptions().wire == {}
    options = SessionOptions(voice="cedar", turn_detection=ServerVAD(silence_duration_ms=700), noise_reduction=None)
    assert options.wire == {
        "audio": {
            "output": {"voice": "cedar"},
            "input": {
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 700},
                "noise_reduction": None,
            },
        }
    }
    assert repr(options) == (
        "SessionOptions(voice='cedar', turn_detection=ServerVAD(silence_duration_ms=700), noise_reduction=None)"
    )
    assert options.but(voice=SERVER_DEFAULT, noise_reduction=SERVER_DEFAULT, turn_detection=SERVER_DEFAULT).wire == {}


def test_every_option_in_the_words_of_the_protocol() -> None:
    options = SessionOptions(
        instructions="Be brief.", voice="voice_mine", speed=0.9, output_modality="text", input_format="g711_ulaw",
        output_format="pcm16", turn_detection=None, transcription=Transcription(model="whisper-1", language="fr"),
        noise_reduction="far_field", max_output_tokens="inf", truncation=RetentionRatio(tokens=4_000),
        tool_choice=CallFunction(name="get_weather"), reasoning_effort="low", parallel_tool_calls=False,
        tracing=Tracing(workflow_name="course"),
    )  # fmt: skip
    assert options.turn_detection == PushToTalk()
    assert options.wire == {
        "instructions": "Be brief.",
        "output_modalities": ["text"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"}, "turn_detection": None, "noise_reduction": {"type": "far_field"},
                "transcription": {"model": "whisper-1", "language": "fr"},
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": {"id": "voice_mine"}, "speed": 0.9},
        },
        "max_output_tokens": "inf",
        "truncation": {
            "type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 4_000},
        },
        "tool_choice": {"type": "function", "name": "get_weather"},
        "reasoning": {"effort": "low"},
        "parallel_tool_calls": False,
        "tracing": {"workflow_name": "course"},
    }  # fmt: skip
    assert set(options.chosen) == set(FIELDS) == {of.name for of in fields(SessionOptions)}, "no option is forgotten"


def test_instructions_come_from_a_markdown_file_when_they_are_needed(tmp_path: Path) -> None:
    file = tmp_path / "tutor.md"
    options = SessionOptions(instructions=file)
    with pytest.raises(SettingsError, match=r"no file .*tutor\.md"):
        _ = options.wire
    file.write_text("\ufeff# A tutor\n\nBe patient, être gentil.\n", encoding="utf-8")
    assert options.wire == {"instructions": "# A tutor\n\nBe patient, être gentil."}
    file.write_bytes("être".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"no text in UTF-8 \(byte 0\)"):
        options.loaded()
    file.write_text(" \n", encoding="utf-8")
    with pytest.raises(SettingsError, match="is empty"):
        options.loaded()
    file.write_text("a" * 70_000, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"tutor\.md: the text has 70,000"):
        options.loaded()
    with pytest.raises(SettingsError, match="cannot be read"):
        SessionOptions(instructions=tmp_path).loaded()


def test_only_models_that_reason_take_reasoning_options() -> None:
    for options in (SessionOptions(reasoning_effort="low"), SessionOptions(parallel_tool_calls=True)):
        options.check_model("gpt-realtime-2.1-mini")
        options.check_model("my-deployment")
        with pytest.raises(SettingsError, match=r"gpt-realtime does not.*gpt-realtime-2"):
            options.check_model("gpt-realtime")


def test_options_never_change() -> None:
    options = SessionOptions(voice="cedar")
    with pytest.raises(FrozenInstanceError):
        options.voice = "marin"  # type: ignore[misc]
    assert {options: "can be a key", SessionOptions(voice="cedar"): "is the same"} == {options: "is the same"}
    assert options.but(speed=0.9) == SessionOptions(voice="cedar", speed=0.9)


@given(OPTIONS)
def test_a_table_shows_every_option_with_what_is_sent(options: SessionOptions) -> None:
    page, text = options._repr_html_(), str(options)
    rows = list(option_rows(options))
    assert len(text.splitlines()) == len(rows) + 1
    assert page.count("<tr>") == len(rows) + 1
    assert page.count("<i>") == sum(row.is_default for row in rows)
    shown = {row.name for row in rows if not row.is_default}
    for name, value in options.chosen.items():
        assert name in shown
        if is_dataclass(value):
            assert {f"{name}.{inner}" for inner in vars(value) if vars(value)[inner] is not SERVER_DEFAULT} <= shown


def test_a_table_cannot_be_broken_by_what_is_written_into_it() -> None:
    page = SessionOptions(instructions="<script>alert(1)</script> & so on")._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_says_what_it_does_what_it_takes_and_where_it_is_written(kind: type) -> None:
    for of in fields(kind):
        about: Any = option_of(of)
        for words in (about.what, about.good_for, about.allowed, about.default):
            assert len(words) > 1, of.name
        assert about.section.startswith("§")
        if kind is SessionOptions:
            assert f"        {of.name}: " in (kind.__doc__ or ""), of.name


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (PushToTalk, "is the class PushToTalk, not an object of it. Add"),
        (SemanticVAD, "is the class SemanticVAD, not an object of it. Add"),
        ("semantic_vad", r"Use turn_detection=SemanticVAD\(\)\."),
        ("push_to_talk", r"Use turn_detection=PushToTalk\(\)\."),
    ],
)
def test_a_class_or_a_wire_name_in_place_of_an_object_is_met_with_the_object(given: Any, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        SessionOptions(turn_detection=given)
