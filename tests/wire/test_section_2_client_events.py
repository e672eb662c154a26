"""Section 2 of the reference: what every client event does, the items a client may create, the error catalogue."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import orjson
import pytest

from realtime_helpers.audio.formats import duration_ms, silence
from realtime_helpers.simulator import Config, Pace, Simulator
from realtime_helpers.simulator.accounting import count_text

from .raw import dial, read, send
from .stream import Client, Event, connect

TEXT_ONLY = {"type": "realtime", "output_modalities": ["text"]}
BY_HAND = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
SECOND = base64.b64encode(silence(1000)).decode()


def message(text: str, role: str = "user", **fields: Any) -> Event:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **fields}


async def create(client: Client, item: Event, **fields: Any) -> Event:
    """Create an item; returns it as the server shows it when it is done."""
    await client.send("conversation.item.create", item=item, **fields)
    return (await client.until("conversation.item.done"))["item"]  # type: ignore[no-any-return]


async def text_turn(client: Client, text: str, **response: Any) -> Event:
    await create(client, message(text))
    await client.send("response.create", response={"output_modalities": ["text"], **response})
    return (await client.until("response.done"))["response"]  # type: ignore[no-any-return]


async def spoken_reply(client: Client, text: str = "Thank you.") -> Event:
    """A reply with audio."""
    await create(client, message(text))
    await client.send("response.create")
    return (await client.until("response.done"))["response"]["output"][0]  # type: ignore[no-any-return]


# -- 2.1 general rules ----------------------------------------------------------------------------------


async def test_section_2_1_four_bad_events_in_a_row_and_then_a_normal_response(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        for _ in range(4):
            await client.send("nope")
        done = await text_turn(client, "How are you?")
        assert client.count()["error"] == 4
        assert done["status"] == "completed"


async def test_section_2_1_an_error_names_the_event_it_is_about_or_none(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        for event_id, told in (("mine", "mine"), ("x" * 512, "x" * 512), (None, None)):
            await client.send("nope", **({"event_id": event_id} if event_id else {}))
            error = await client.until("error")
            assert error["error"]["event_id"] == told
            assert set(error) == {"type", "event_id", "error"}
            assert error["event_id"].startswith("event_")
        await client.send("input_audio_buffer.clear", event_id="x" * 513)
        assert (await client.until("error"))["error"]["param"] == "event_id"


async def test_section_2_1_an_update_is_applied_whole_or_not_at_all(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        bad_rate = {"format": {"type": "audio/pcm", "rate": 16_000}, "transcription": {"model": "gpt-transcribe"}}
        wanted = {"type": "realtime", "instructions": "Changed.", "audio": {"input": bad_rate}}
        await client.send("session.update", session=wanted)
        assert (await client.next())["type"] == "error"
        await client.send("session.update", session={"type": "realtime"})
        assert (await client.until("session.updated"))["session"] == client.events[0]["session"]


# -- 2.2 events, effects, order -------------------------------------------------------------------------


async def test_section_2_2_an_update_changes_only_what_it_names(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        tool = {"type": "function", "name": "f", "description": "", "parameters": {"type": "object", "properties": {}}}
        steps: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({"turn_detection": {"threshold": 0.8}}, {"threshold": 0.8, "silence_duration_ms": 500}),
            ({"turn_detection": {"silence_duration_ms": 700}}, {"threshold": 0.8, "silence_duration_ms": 700}),
            ({"noise_reduction": {"type": "near_field"}}, {"threshold": 0.8, "silence_duration_ms": 700}),
            ({"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}, {"eagerness": "low"}),
            ({"turn_detection": {"create_response": False}}, {"eagerness": "low", "create_response": False}),
            ({"turn_detection": {"eagerness": "high"}}, {"eagerness": "high", "create_response": False}),
        ]
        await client.send("session.update", session={"type": "realtime", "tools": [tool]})
        await client.until("session.updated")
        for audio_input, expected in steps:
            await client.send("session.update", session={"type": "realtime", "audio": {"input": audio_input}})
            session = (await client.until("session.updated"))["session"]
            assert expected.items() <= session["audio"]["input"]["turn_detection"].items(), audio_input
            assert session["tools"] == [tool]
        off = {"turn_detection": None, "noise_reduction": None, "transcription": None}
        await client.send("session.update", session={"type": "realtime", "tools": [], "audio": {"input": off}})
        session = (await client.next())["session"]
        assert session["tools"] == []
        assert {name: session["audio"]["input"][name] for name in off} == off


async def test_section_2_2_what_fits_one_detector_only_is_refused_for_the_other(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        semantic = {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}
        await client.send("session.update", session=semantic)
        await client.until("session.updated")
        mixed = {"type": "realtime", "audio": {"input": {"turn_detection": {"threshold": 0.7}}}}
        await client.send("session.update", session=mixed)
        error = (await client.until("error"))["error"]
        assert (error["code"], error["param"]) == (
            "unknown_parameter",
            "session.audio.input.turn_detection.threshold",
        )


async def test_section_2_2_transcription_settings_merge_and_need_a_model(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        for wanted, told in (
            ({"model": "gpt-transcribe"}, {"model": "gpt-transcribe", "language": None, "prompt": None}),
            ({"language": "en"}, {"model": "gpt-transcribe", "language": "en", "prompt": None}),
            ({"prompt": "names"}, {"model": "gpt-transcribe", "language": "en", "prompt": "names"}),
            (None, None),
        ):
            change = {"type": "realtime", "audio": {"input": {"transcription": wanted}}}
            await client.send("session.update", session=change)
            assert (await client.until("session.updated"))["session"]["audio"]["input"]["transcription"] == told
        await client.send(
            "session.update", session={"type": "realtime", "audio": {"input": {"transcription": {"language": "en"}}}}
        )
        assert (await client.until("error"))["error"]["param"] == "session.audio.input.transcription.model"


async def test_section_2_2_appends_are_not_answered_and_a_commit_makes_an_item(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await client.send("session.update", session=BY_HAND)
        await client.until("session.updated")
        await create(client, message("Hello.", id="first"))
        seen = len(client.events)
        for _ in range(3):
            await client.send("input_audio_buffer.append", audio=SECOND)
        await client.send("input_audio_buffer.commit")
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        committed, added, done, cleared = client.events[seen:]
        assert committed["type"] == "input_audio_buffer.committed"
        assert (committed["previous_item_id"], added["previous_item_id"]) == ("first", "first")
        assert added["item"] == done["item"] == {
            "id": committed["item_id"],
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }  # fmt: skip
        assert set(cleared) == {"type", "event_id"}


async def test_section_2_2_what_is_cleared_is_not_committed(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await client.send("session.update", session=BY_HAND)
        await client.send("input_audio_buffer.append", audio=SECOND)
        await client.send("input_audio_buffer.clear")
        await client.send("input_audio_buffer.commit")
        assert (await client.until("error"))["error"]["code"] == "input_audio_buffer_commit_empty"


async def test_section_2_2_items_come_back_with_their_audio_and_go_for_good(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": SECOND}], "id": "a"}
        assert "audio" not in (await create(client, item))["content"][0]
        await client.send("conversation.item.retrieve", item_id="a")
        assert (await client.until("conversation.item.retrieved"))["item"]["content"][0]["audio"] == SECOND
        await client.send("conversation.item.delete", item_id="a")
        deleted = await client.until("conversation.item.deleted")
        assert {name: deleted[name] for name in deleted if name != "event_id"} == {
            "type": "conversation.item.deleted",
            "item_id": "a",
        }
        await client.send("conversation.item.retrieve", item_id="a")
        assert (await client.until("error"))["error"]["code"] == "item_retrieve_invalid_item_id"


async def test_section_2_2_truncating_cuts_the_audio_and_drops_the_words(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        reply = await spoken_reply(client)
        for at_ms in (300, 0):
            await client.send("conversation.item.truncate", item_id=reply["id"], content_index=0, audio_end_ms=at_ms)
            truncated = await client.until("conversation.item.truncated")
            assert (truncated["item_id"], truncated["content_index"], truncated["audio_end_ms"]) == (
                reply["id"], 0, at_ms,
            )  # fmt: skip
            await client.send("conversation.item.retrieve", item_id=reply["id"])
            kept = (await client.until("conversation.item.retrieved"))["item"]["content"][0]
            assert duration_ms(base64.b64decode(kept.get("audio", ""))) == at_ms
            assert not kept.get("transcript")


async def test_section_2_2_a_response_may_differ_from_the_session_in_every_field(simulator: Simulator) -> None:
    tool = {"type": "function", "name": "get_time", "description": "", "parameters": {"type": "object"}}
    async with connect(simulator) as client:
        await create(client, message("How are you?"))
        once = {
            "output_modalities": ["audio"],
            "audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": "cedar"}},
            "instructions": "Be brief.",
            "tools": [tool],
            "tool_choice": "none",
            "max_output_tokens": 1000,
            "metadata": {"topic": "mood"},
            "reasoning": {"effort": "low"},
            "parallel_tool_calls": False,
            "conversation": "auto",
        }
        await client.send("response.create", response=once)
        created = (await client.until("response.created"))["response"]
        done = (await client.until("response.done"))["response"]
        for response in (created, done):
            assert response["audio"]["output"] == once["audio"]["output"]  # type: ignore[index]
            assert response["max_output_tokens"] == 1000
            assert response["metadata"] == {"topic": "mood"}
        await client.send("session.update", session={"type": "realtime"})
        assert (await client.until("session.updated"))["session"] == client.events[0]["session"]


async def test_section_2_2_nulls_in_a_response_mean_the_sessions_values(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await create(client, message("How are you?"))
        names = ("instructions", "tools", "tool_choice", "output_modalities", "max_output_tokens", "metadata", "input")
        await client.send("response.create", response=dict.fromkeys(names) | {"audio": {"output": {"voice": None}}})
        done = (await client.until("response.done"))["response"]
        assert done["output_modalities"] == ["audio"]
        assert done["audio"]["output"]["voice"] == "marin"
        assert done["output"][0]["content"][0]["transcript"].startswith("I am fine")


async def test_section_2_2_cancelling_without_an_id_spares_out_of_band_responses(config: Config) -> None:
    config.pace = Pace(before_item_ms=60_000)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await client.send("response.create", response={"conversation": "none"})
        apart = (await client.until("response.created"))["response"]["id"]
        await client.send("response.cancel")
        assert (await client.next())["error"]["code"] == "response_cancel_not_active"
        await client.send("response.create")
        own = (await client.until("response.created"))["response"]["id"]
        await client.send("response.cancel")
        assert (await client.until("response.done"))["response"]["id"] == own
        await client.send("response.cancel", response_id=apart)
        done = (await client.until("response.done"))["response"]
        assert (done["id"], done["status_details"]) == (apart, {"type": "cancelled", "reason": "client_cancelled"})


async def test_section_2_2_an_mcp_tool_fails_to_list_and_says_why(simulator: Simulator) -> None:
    tool = {"type": "mcp", "server_label": "maps", "server_url": "https://example.org/mcp", "require_approval": "never"}
    async with connect(simulator) as client:
        await client.send("session.update", session={**TEXT_ONLY, "tools": [tool]})
        failed = await client.until("mcp_list_tools.failed")
        assert client.kinds()[1:] == [
            "session.updated",
            "mcp_list_tools.in_progress",
            "conversation.item.added",
            "conversation.item.done",
            "mcp_list_tools.failed",
        ]
        assert client.events[1]["session"]["tools"] == [tool]
        item = client.events[-2]["item"]
        assert (item["type"], item["server_label"], item["id"]) == ("mcp_list_tools", "maps", failed["item_id"])
        assert item["error"]["message"] == failed["error"]["message"]
        assert "does not call MCP servers" in failed["error"]["message"]
        await client.send("session.update", session={**TEXT_ONLY, "tools": [tool]})
        await client.until("session.updated")
        assert (await text_turn(client, "How are you?"))["status"] == "completed"
        for choice in ({"type": "mcp", "server_label": "maps"}, "required"):
            assert (await text_turn(client, "How are you?", tool_choice=choice))["status"] == "completed"
        assert client.count()["mcp_list_tools.failed"] == 1, "the same tool is not listed again"


async def test_section_2_2_function_calls_have_all_their_keys_from_the_first_event_on(simulator: Simulator) -> None:
    tool = {
        "type": "function",
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
    async with connect(simulator) as client:
        await client.send("session.update", session={**TEXT_ONLY, "tools": [tool]})
        await text_turn(client, "What is the weather in Lisbon?")
        shown = [event["item"] for event in client.events if event.get("item", {}).get("type") == "function_call"]
        assert len(shown) == 4
        assert all(set(item) == {"id", "type", "status", "name", "call_id", "arguments"} for item in shown)
        assert {(item["name"], item["call_id"]) for item in shown} == {("get_weather", shown[0]["call_id"])}
        assert [item["arguments"] for item in shown] == ["", "", '{"city":"Lisbon"}', '{"city":"Lisbon"}']


# -- 2.3 items ------------------------------------------------------------------------------------------

ECHOED: list[tuple[Event, Event]] = [
    (message("Hi"), {"type": "message", "status": "completed", "role": "user",
                     "content": [{"type": "input_text", "text": "Hi"}]}),
    (message("Hi", "system"), {"type": "message", "status": "completed", "role": "system",
                               "content": [{"type": "input_text", "text": "Hi"}]}),
    (message("Hi", "assistant"), {"type": "message", "status": "completed", "role": "assistant",
                                  "content": [{"type": "output_text", "text": "Hi"}]}),
    (message("Hi", object="realtime.item", status="completed"),
     {"type": "message", "status": "completed", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}),
    (message(""), {"type": "message", "status": "completed", "role": "user",
                   "content": [{"type": "input_text", "text": ""}]}),
    ({"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": SECOND}]},
     {"type": "message", "status": "completed", "role": "user",
      "content": [{"type": "input_audio", "transcript": None}]}),
    ({"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": SECOND, "transcript": "psst"}]},
     {"type": "message", "status": "completed", "role": "user",
      "content": [{"type": "input_audio", "transcript": "psst"}]}),
    ({"type": "function_call", "name": "f", "call_id": "call_1", "arguments": '{"a": 1}'},
     {"type": "function_call", "status": "completed", "name": "f", "call_id": "call_1", "arguments": '{"a": 1}'}),
    ({"type": "function_call_output", "call_id": "call_1", "output": ""},
     {"type": "function_call_output", "call_id": "call_1", "output": ""}),
]  # fmt: skip


async def test_section_2_3_items_are_announced_twice_in_the_recorded_shape(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        previous = None
        for number, (sent, shown) in enumerate(ECHOED):
            await client.send("conversation.item.create", item={**sent, "id": f"own_{number}"})
            added, done = await client.next(), await client.next()
            assert (added["type"], done["type"]) == ("conversation.item.added", "conversation.item.done")
            assert added["item"] == done["item"] == {"id": f"own_{number}", **shown}
            assert added["previous_item_id"] == done["previous_item_id"] == previous
            previous = f"own_{number}"
        assert "response.created" not in client.kinds()


async def test_section_2_3_ids_of_clients_are_kept_and_missing_ones_minted(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        for wanted in ("a", "x" * 32, "msg-01 ü"):
            assert (await create(client, message("Hi", id=wanted)))["id"] == wanted
        for absent in ({}, {"id": None}, {"id": ""}):
            assert (await create(client, message("Hi", **absent)))["id"].startswith("item_")


async def test_section_2_3_items_are_inserted_where_the_client_says(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        steps: list[tuple[str, dict[str, Any], str | None]] = [
            ("a", {}, None),
            ("b", {"previous_item_id": None}, "a"),
            ("c", {"previous_item_id": ""}, "b"),
            ("first", {"previous_item_id": "root"}, None),
            ("between", {"previous_item_id": "a"}, "a"),
            ("last", {}, "c"),
        ]
        for name, fields, told in steps:
            await client.send("conversation.item.create", item=message(name, id=name), **fields)
            assert (await client.next())["previous_item_id"] == told
            assert (await client.next())["previous_item_id"] == told


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + bytes(width * 3) for _ in range(height)))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg_head(width: int, height: int) -> bytes:
    """The markers of a JPEG up to its size, which is all that is read of it."""
    jfif = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes([1, 1, 0, 0, 1, 0, 1, 0, 0])
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes([1, 17, 0, 2, 17, 1, 3, 17, 1])
    return b"\xff\xd8" + jfif + frame + b"\xff\xd9"


def image(kind: str, data: bytes, **fields: Any) -> Event:
    return {"type": "input_image", "image_url": f"data:image/{kind};base64,{base64.b64encode(data).decode()}", **fields}


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (image("png", png(512, 512)), 85 + 170),
        (image("png", png(513, 512)), 85 + 2 * 170),
        (image("jpeg", jpeg_head(640, 480)), 85 + 2 * 170),
        (image("jpeg", jpeg_head(640, 480), detail="low"), 85),
        (image("jpeg", jpeg_head(640, 480), detail="high"), 85 + 2 * 170),
    ],
    ids=["png", "png-two-tiles", "jpeg", "jpeg-low", "jpeg-high"],
)
async def test_section_2_3_images_are_taken_counted_and_given_back(
    simulator: Simulator, part: Event, tokens: int
) -> None:
    async with connect(simulator) as client:
        content = [{"type": "input_text", "text": "How are you?"}, part]
        item = await create(client, {"type": "message", "role": "user", "content": content})
        assert "image_url" not in item["content"][1], "an event carries no images"
        await client.send("conversation.item.retrieve", item_id=item["id"])
        kept = (await client.until("conversation.item.retrieved"))["item"]["content"][1]
        assert kept["image_url"] == part["image_url"]
        await client.send("response.create", response={"output_modalities": ["text"]})
        usage = (await client.until("response.done"))["response"]["usage"]
        assert usage["input_token_details"]["image_tokens"] == tokens


async def test_section_2_3_a_message_may_mix_text_and_audio(simulator: Simulator, config: Config) -> None:
    pcm = config.parts.voice.engine.speak("How are you today?").pcm
    audio = {"type": "input_audio", "audio": base64.b64encode(pcm).decode()}
    async with connect(simulator) as client:
        transcribed = {"type": "realtime", "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}}
        await client.send("session.update", session=transcribed)
        content = [{"type": "input_text", "text": "Please listen."}, audio]
        item = await create(client, {"type": "message", "role": "user", "content": content})
        heard = await client.until("conversation.item.input_audio_transcription.completed", item_id=item["id"])
        assert (heard["content_index"], heard["transcript"]) == (1, "how are you today")
        await client.send("response.create", response={"output_modalities": ["text"]})
        response = (await client.until("response.done"))["response"]
        assert response["output"][0]["content"][0]["text"].startswith("I am fine")
        counted = response["usage"]["input_token_details"]
        assert counted["audio_tokens"] == duration_ms(pcm) // 100
        assert counted["text_tokens"] == (
            count_text(client.events[0]["session"]["instructions"]) + 4 + count_text("Please listen.") + 4
        ), "the words of the audio are not text that the model reads"


async def test_section_2_3_history_can_be_replayed_with_its_calls(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        for item in (
            message("What is the weather?"),
            {"type": "function_call", "name": "get_weather", "call_id": "call_1", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": '{"sky": "clear"}'},
        ):
            await create(client, item)
        await client.send("response.create", response={"output_modalities": ["text"]})
        done = (await client.until("response.done"))["response"]
        assert "clear" in done["output"][0]["content"][0]["text"]


# -- 2.4 error catalogue --------------------------------------------------------------------------------


def item_event(item: object, **fields: Any) -> Event:
    return {"type": "conversation.item.create", "item": item, **fields}


def part_of(role: str, **part: Any) -> Event:
    return item_event({"type": "message", "role": role, "content": [part]})


_NAMES = ("session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
          "conversation.item.create", "conversation.item.truncate", "conversation.item.delete",
          "conversation.item.retrieve", "response.create")  # fmt: skip
_SUPPORTED = f"Supported values are: {', '.join(repr(name) for name in _NAMES)}, and 'response.cancel'."
_CONTENT = "item.content[0]"
_BASE64 = "Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got"
_GIF = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
_PICTURE = f"Invalid '{_CONTENT}.image_url'. Expected a base64-encoded data URL of a PNG or JPEG image."
_USER = "Supported values are: 'input_text', 'input_audio', and 'input_image'."
CATALOGUE: dict[str, tuple[Event, str, str | None, str]] = {
    "unknown type": ({"type": "nope"}, "invalid_value", "type", f"Invalid value: 'nope'. {_SUPPORTED}"),
    "beta update": ({"type": "transcription_session.update"}, "invalid_value", "type",
                    f"Invalid value: 'transcription_session.update'. {_SUPPORTED}"),
    "WebRTC only": ({"type": "output_audio_buffer.clear"}, "invalid_value", "type",
                    f"Invalid value: 'output_audio_buffer.clear'. {_SUPPORTED}"),
    "missing field": ({"type": "session.update", "session": {"instructions": "x"}}, "missing_required_parameter",
                      "session.type", "Missing required parameter: 'session.type'."),
    "missing session": ({"type": "session.update"}, "missing_required_parameter", "session",
                        "Missing required parameter: 'session'."),
    "missing audio": ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio",
                      "Missing required parameter: 'audio'."),
    "missing item": ({"type": "conversation.item.create"}, "missing_required_parameter", "item",
                     "Missing required parameter: 'item'."),
    **{f"missing item_id of {verb}": ({"type": f"conversation.item.{verb}"}, "missing_required_parameter", "item_id",
                                      "Missing required parameter: 'item_id'.")
       for verb in ("delete", "retrieve", "truncate")},
    "missing content_index": ({"type": "conversation.item.truncate", "item_id": "said", "audio_end_ms": 0},
                              "missing_required_parameter", "content_index",
                              "Missing required parameter: 'content_index'."),
    "missing audio_end_ms": ({"type": "conversation.item.truncate", "item_id": "said", "content_index": 0},
                             "missing_required_parameter", "audio_end_ms",
                             "Missing required parameter: 'audio_end_ms'."),
    "missing call_id": (item_event({"type": "function_call_output", "output": "x"}), "missing_required_parameter",
                        "item.call_id", "Missing required parameter: 'item.call_id'."),
    "unknown field": ({"type": "session.update", "session": {"type": "realtime", "bogus_field": 1}},
                      "unknown_parameter", "session.bogus_field", "Unknown parameter: 'session.bogus_field'."),
    "unknown field of a response": ({"type": "response.create", "response": {"modalities": ["text"]}},
                                    "unknown_parameter", "response.modalities",
                                    "Unknown parameter: 'response.modalities'."),
    "PCM rate": ({"type": "session.update", "session": {"type": "realtime", "audio": {"input": {
                     "format": {"type": "audio/pcm", "rate": 16_000}}}}}, "integer_below_min_value",
                 "session.audio.input.format.rate",
                 "Invalid 'session.audio.input.format.rate'. Expected a value >= 24000, but got 16000 instead."),
    "empty commit": ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None,
                     ("Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
                     "but buffer only has 0.00ms of audio.")),
    "bad base64": ({"type": "input_audio_buffer.append", "audio": "%%%"}, "invalid_value", "audio",
                   f"Invalid 'audio'. {_BASE64} an invalid value."),
    "no bytes": ({"type": "input_audio_buffer.append", "audio": ""}, "invalid_value", "audio",
                 f"Invalid 'audio'. {_BASE64} empty bytes."),
    "bad base64 in an item": (part_of("user", type="input_audio", audio="%%%"), "invalid_value", f"{_CONTENT}.audio",
                              f"Invalid '{_CONTENT}.audio'. {_BASE64} an invalid value."),
    "duplicate id": (item_event(message("again", id="known")), "item_create_duplicate_item_id", None,
                     "Error adding item: an item with id 'known' already exists."),
    "unknown previous item": (item_event(message("x"), previous_item_id="X"), "item_create_invalid_previous_item_id",
                              None, "Error adding item: the previous item with id 'X' does not exist."),
    "long id": (item_event(message("x", id="i" * 39)), "string_above_max_length", "item.id",
                ("Invalid 'item.id': string too long. Expected a string with maximum length 32, but got a string with "
                "length 39 instead.")),
    "assistant text": (part_of("assistant", type="text", text="x"), "invalid_value", f"{_CONTENT}.type",
                       "Invalid value: 'text'. Value must be 'output_text'."),
    "assistant input": (part_of("assistant", type="input_text", text="x"), "invalid_value", f"{_CONTENT}.type",
                        "Invalid value: 'input_text'. Value must be 'output_text'."),
    "system text": (part_of("system", type="text", text="x"), "invalid_value", f"{_CONTENT}.type",
                    "Invalid value: 'text'. Value must be 'input_text'."),
    "system audio": (part_of("system", type="input_audio", audio=SECOND), "invalid_value", f"{_CONTENT}.type",
                     "Invalid value: 'input_audio'. Value must be 'input_text'."),
    "user text": (part_of("user", type="text", text="x"), "invalid_value", f"{_CONTENT}.type",
                  f"Invalid value: 'text'. {_USER}"),
    "user output": (part_of("user", type="output_text", text="x"), "invalid_value", f"{_CONTENT}.type",
                    f"Invalid value: 'output_text'. {_USER}"),
    "assistant audio": (part_of("assistant", type="output_audio", audio=SECOND), "missing_required_parameter",
                        f"{_CONTENT}.text", f"Missing required parameter: '{_CONTENT}.text'."),
    "remote image": (part_of("user", type="input_image", image_url="https://example.org/a.png"), "invalid_value",
                     f"{_CONTENT}.image_url",
                     _PICTURE),
    "another kind of image": (part_of("user", type="input_image", image_url=_GIF),
                              "invalid_value", f"{_CONTENT}.image_url", _PICTURE),
    **{f"{verb} unknown": ({"type": f"conversation.item.{verb}", "item_id": "X"}, f"item_{verb}_invalid_item_id", None,
                           f"Error {doing} item: the item with id 'X' does not exist.")
       for verb, doing in (("delete", "deleting"), ("retrieve", "retrieving"))},
    "truncate unknown": ({"type": "conversation.item.truncate", "item_id": "X", "content_index": 0, "audio_end_ms": 0},
                         "item_truncate_invalid_item_id", None,
                         "Error truncating item: the item with id 'X' does not exist."),
    "truncate a user": ({"type": "conversation.item.truncate", "item_id": "known", "content_index": 0,
                         "audio_end_ms": 0}, "unsupported_content_type", None,
                        "Only model output audio messages can be truncated"),
    "truncate text": ({"type": "conversation.item.truncate", "item_id": "said", "content_index": 0,
                       "audio_end_ms": 0}, "unsupported_content_type", None,
                      "Only model output audio messages can be truncated"),
    "cancel nothing": ({"type": "response.cancel"}, "response_cancel_not_active", None,
                       "Cancellation failed: no active response found"),
    "cancel an unknown response": ({"type": "response.cancel", "response_id": "resp_X"}, "response_cancel_not_active",
                                   None, "Cancellation failed: no active response found"),
}  # fmt: skip


async def test_section_2_4_each_bad_event_gets_its_own_error_and_the_session_goes_on(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await create(client, message("Hello.", id="known"))
        await create(client, message("Hello.", "assistant", id="said"))
        for number, (event, code, param, text) in enumerate(CATALOGUE.values()):
            fields = {name: value for name, value in event.items() if name != "type"}
            for sent, told in (({"event_id": f"e{number}"}, f"e{number}"), ({}, None)):
                await client.send(event["type"], **fields, **sent)
                assert (await client.next()).get("error") == {
                    "type": "invalid_request_error",
                    "code": code,
                    "message": text,
                    "param": param,
                    "event_id": told,
                }
        assert (await text_turn(client, "How are you?"))["status"] == "completed"


@pytest.mark.parametrize(
    ("frame", "code", "beginning"),
    [
        ("{no json", "invalid_json", "Invalid event: failed to parse JSON value. "),
        ("", "invalid_json", "Invalid event: failed to parse JSON value. "),
        ("[" * 5000, "invalid_json", "Invalid event: failed to parse JSON value. "),
        ("[1]", "invalid_event", "Invalid event: "),
        ('"response.create"', "invalid_event", "Invalid event: "),
        (b"\x00\x01", "invalid_event", "Expected a text WebSocket message; binary frames are not supported."),
        ('{"event_id":"mine"}', "missing_required_parameter", "Missing required parameter: 'type'."),
    ],
)
async def test_section_2_4_frames_that_are_no_events_are_refused(
    simulator: Simulator, frame: str | bytes, code: str, beginning: str
) -> None:
    async with dial(simulator) as socket:
        await read(socket)
        await socket.send(frame)
        error = (await read(socket))["error"]
        assert error["code"] == code
        assert error["message"].startswith(beginning)
        assert error["event_id"] == ("mine" if isinstance(frame, str) and "mine" in frame else None)
        await send(socket, "input_audio_buffer.clear")
        assert (await read(socket))["type"] == "input_audio_buffer.cleared"


async def test_section_2_4_a_commit_says_how_much_audio_there_is(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await client.send("session.update", session=BY_HAND)
        await client.until("session.updated")
        for length_ms in (40, 59):
            await client.send("input_audio_buffer.append", audio=base64.b64encode(silence(length_ms)).decode())
        await client.send("input_audio_buffer.commit", event_id="e")
        error = (await client.next())["error"]
        assert error["event_id"] == "e"
        assert error["message"].endswith("buffer only has 99.00ms of audio.")
        await client.send("input_audio_buffer.append", audio=base64.b64encode(silence(1)).decode())
        await client.send("input_audio_buffer.commit")
        assert (await client.next())["type"] == "input_audio_buffer.committed"
        await client.until("conversation.item.done")


async def test_section_2_4_truncating_past_the_end_says_how_long_the_audio_is(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        reply = await spoken_reply(client)
        await client.until("rate_limits.updated")
        length_ms = int(
            sum(
                duration_ms(base64.b64decode(event["delta"]))
                for event in client.events
                if event["type"] == "response.output_audio.delta"
            )
        )
        wanted_ms = length_ms + 1000
        await client.send(
            "conversation.item.truncate",
            item_id=reply["id"], content_index=0, audio_end_ms=wanted_ms, event_id="e",
        )  # fmt: skip
        assert (await client.next())["error"] == {
            "type": "invalid_request_error",
            "code": "invalid_value",
            "message": f"Audio content of {length_ms}ms is already shorter than {wanted_ms}ms",
            "param": "audio_end_ms",
            "event_id": "e",
        }
        await client.send("conversation.item.truncate", item_id=reply["id"], content_index=0, audio_end_ms=0)
        assert (await client.next())["type"] == "conversation.item.truncated"


async def test_section_2_4_one_response_at_a_time(config: Config) -> None:
    config.pace = Pace(before_item_ms=60_000)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await client.send("response.create")
        response_id = (await client.until("response.created"))["response"]["id"]
        await client.send("response.create", event_id="e")
        assert (await client.next())["error"] == {
            "type": "invalid_request_error",
            "code": "conversation_already_has_active_response",
            "message": f"Conversation already has an active response in progress: {response_id}. "
            "Wait until the response is finished before creating a new one.",
            "param": None,
            "event_id": "e",
        }
        await client.send("response.create", response={"conversation": "none"})
        apart = (await client.until("response.created"))["response"]["id"]
        for fields in ({}, {"response_id": apart}):
            await client.send("response.cancel", **fields)
            await client.until("response.done")


async def test_section_2_4_the_voice_is_locked_once_the_assistant_has_spoken(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await client.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "ash"}}})
        assert (await client.next())["session"]["audio"]["output"]["voice"] == "ash", "free before the first reply"
        await spoken_reply(client)
        await client.until("rate_limits.updated")
        change = {"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"voice": "cedar"}}}
        await client.send("session.update", session=change, event_id="e")
        assert (await client.next())["error"] == {
            "type": "invalid_request_error",
            "code": "cannot_update_voice",
            "message": "Cannot update a conversation's voice if assistant audio is present.",
            "param": None,
            "event_id": "e",
        }
        same = {"type": "realtime", "audio": {"output": {"voice": "ash"}}}
        await client.send("session.update", session=same)
        session = (await client.next())["session"]
        assert session["instructions"] == client.events[0]["session"]["instructions"], "refused whole"


async def test_section_2_4_a_voice_is_not_locked_by_text(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await text_turn(client, "How are you?")
        await create(client, message("I am fine.", "assistant"))
        await client.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "cedar"}}})
        assert (await client.until("session.updated"))["session"]["audio"]["output"]["voice"] == "cedar"


async def test_section_2_4_a_prompt_is_refused_wherever_it_stands(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        prompt = {"id": "pmpt_1", "version": "2"}
        for kind, fields in (
            ("session.update", {"session": {"type": "realtime", "prompt": prompt}}),
            ("response.create", {"response": {"prompt": prompt}}),
        ):
            await client.send(kind, **fields)
            assert (await client.next())["error"]["code"] == "prompt_not_found"


@pytest.mark.parametrize("wrong", [5, ["a"], {"a": 1}, True])
async def test_section_2_4_an_id_that_is_no_string_is_refused_as_such(simulator: Simulator, wrong: object) -> None:
    async with connect(simulator) as client:
        for kind, fields, param in (
            ("conversation.item.create", {"item": message("x", id=wrong)}, "item.id"),
            ("conversation.item.create", {"item": message("x"), "previous_item_id": wrong}, "previous_item_id"),
            ("response.cancel", {"response_id": wrong}, "response_id"),
        ):
            await client.send(kind, **fields)
            error = (await client.next())["error"]
            assert (error["code"], error["param"]) == ("invalid_type", param)


async def test_section_2_4_no_frame_of_json_ends_the_session(simulator: Simulator) -> None:
    values: list[Any] = [None, True, -1, 1e300, "", "x", [], [None], {}, {"type": None}, {"type": "message"}]
    kinds = (*_NAMES, "response.cancel")
    names = ("session", "audio", "item", "item_id", "previous_item_id", "content_index", "audio_end_ms", "response",
             "response_id")  # fmt: skip
    async with dial(simulator) as socket:
        await read(socket)
        for kind in kinds:
            for value in values:
                await send(socket, kind, **dict.fromkeys(names, value), event_id="e")
        await socket.send(orjson.dumps({"type": "nope", "event_id": "last"}).decode())
        codes = set()
        while (event := await read(socket, "error"))["error"]["event_id"] != "last":
            codes.add(event["error"]["code"])
            assert event["error"]["type"] == "invalid_request_error", event
        assert "internal_error" not in codes
