from __future__ import annotations

import random
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeClientEventParam
from pydantic import TypeAdapter

from realtime_helpers import protocol
from realtime_helpers.protocol import ErrorKind, IdMint, classify_error, decode, encode, without_audio
from realtime_helpers.protocol.client_events import ROOT
from realtime_helpers.protocol.frames import base64_to_pcm, pcm_to_base64

BUILT = [
    protocol.update_session({"instructions": "Be kind."}, event_id="e"),
    protocol.append_audio(b"\0\0"),
    protocol.commit_audio(),
    protocol.clear_audio(event_id="e"),
    protocol.create_item(protocol.user_text("hello", item_id="item_1"), event_id="e"),
    protocol.create_item(protocol.system_text("note"), after=ROOT),
    protocol.create_item(protocol.assistant_text("hi"), after="item_1"),
    protocol.create_item(protocol.function_output("call_1", "{}")),
    protocol.retrieve_item("item_1"),
    protocol.delete_item("item_1", event_id="e"),
    protocol.truncate_item("item_1", 40),
    protocol.create_response({"conversation": "none"}),
    protocol.cancel_response("resp_1"),
]


@pytest.mark.parametrize("event", BUILT, ids=[f"{n}-{event['type']}" for n, event in enumerate(BUILT)])
def test_every_built_event_is_one_the_sdk_knows(event: protocol.Event) -> None:
    TypeAdapter(RealtimeClientEventParam).validate_python(event)
    assert decode(encode(event)) == event


def test_absent_fields_are_left_out_rather_than_null() -> None:
    assert protocol.delete_item("a") == {"type": "conversation.item.delete", "item_id": "a"}


@pytest.mark.parametrize("frame", ["[]", "1", "{}", '{"type": 3}', "{"])
def test_a_frame_that_is_no_event_is_a_value_error(frame: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - orjson's own message differs by frame
        decode(frame)


@given(st.binary())
def test_audio_goes_both_ways_as_in_the_standard_library(pcm: bytes) -> None:
    assert pcm_to_base64(pcm) == b64encode(pcm).decode()
    assert base64_to_pcm(pcm_to_base64(pcm)) == pcm


@given(st.text("ABab+/9=- \n", max_size=9))
def test_what_is_taken_for_audio_is_base64(text: str) -> None:
    try:
        pcm = base64_to_pcm(text)
    except ValueError:
        return
    assert pcm == b64decode(text, validate=True)


@pytest.mark.parametrize("text", ["A", "AAA", "AAAA=", "AAAA\n", "AA-_", "AA é", "="])
def test_what_is_no_base64_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are the library's
        base64_to_pcm(text)


def test_logs_hold_sizes_instead_of_audio() -> None:
    assert without_audio(protocol.append_audio(bytes(1920)))["audio"] == "<1920 bytes of audio>"
    item = {"id": "a", "content": [{"type": "input_audio", "audio": "AAAA", "transcript": "hi"}]}
    shown = without_audio({"type": "conversation.item.retrieved", "item": item})
    assert shown["item"]["content"][0] == {"type": "input_audio", "audio": "<3 bytes of audio>", "transcript": "hi"}
    assert item["content"][0]["audio"] == "AAAA", "the event itself is not touched"


def test_ids_carry_the_time_they_were_minted() -> None:
    # W: a session that expires at 1785217650 was created an hour before (reference §1.4, §1.5)
    mint = IdMint(lambda: 1_785_217_650 - 3600, random.Random(1))
    first, second = mint.new("item"), mint.new("item")
    assert first[:10] == second[:10]
    assert first != second
    assert len(first) == len("item_") + 21 <= 32
    later = IdMint(lambda: 1_785_217_650, random.Random(1)).new("item")
    assert later[:10] > first[:10], "later ids sort after earlier ones"


def test_error_codes_are_sorted_by_how_much_they_matter() -> None:
    assert classify_error("session_expired") is ErrorKind.FATAL
    assert classify_error("item_delete_invalid_item_id") is ErrorKind.BENIGN
    assert classify_error("unknown_parameter") is ErrorKind.REFUSED
    assert classify_error(None) is ErrorKind.REFUSED
