"""Reference §4 over a real socket: what is counted, what is cached, what leaves the window."""

from __future__ import annotations

import base64
import math
import struct
import zlib

import pytest

from realtime_helpers.audio.formats import silence
from realtime_helpers.simulator import Config, Pace, Simulator
from realtime_helpers.simulator.accounting import count_text
from realtime_helpers.speech import Speech

from .stream import Client, Event, connect
from .talk import (
    WEATHER,
    Scripted,
    add,
    heard_ms,
    listen,
    respond,
    response_done,
    tool,
    type_turn,
    typed,
    update,
    voice,
    words,
)

FRAMING = 4
"""Tokens around each message."""
PREFIX = FRAMING + count_text("Be brief.")
LONG = "word " * 9_999 + "word"


async def begin(client: Client, **session: object) -> None:
    await update(client, output_modalities=["text"], instructions="Be brief.", **session)


def spoken(length_ms: int) -> dict[str, object]:
    """A user message of audio with this length."""
    part = {"type": "input_audio", "audio": base64.b64encode(silence(length_ms)).decode()}
    return {"type": "message", "role": "user", "content": [part]}


def picture(width: int, height: int, detail: str) -> dict[str, object]:
    """A user message with a white image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + b"\xff" * ((width + 7) // 8) for _ in range(height)))
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    part = {"type": "input_image", "image_url": f"data:image/png;base64,{base64.b64encode(png).decode()}"}
    return {"type": "message", "role": "user", "content": [{**part, "detail": detail}]}


def read(response: Event) -> Event:
    """`input_token_details`."""
    details: Event = response["usage"]["input_token_details"]
    return details


def left_behind(response: Event) -> int:
    """What a text response leaves in the cache: what it read, and the message it wrote."""
    total: int = response["usage"]["input_tokens"] + FRAMING + count_text(words(response))
    return total


# -- §4.1, §4.2: rates and layout ---------------------------------------------------------------------------


async def test_section_4_1_user_audio_is_one_token_per_100_ms_rounded_down(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await begin(client)
        total = 0
        for length_ms, tokens in ((2796, 27), (2668, 26), (5120, 51), (1630, 16)):
            await add(client, spoken(length_ms))
            total += tokens
            assert read(await respond(client, conversation="none"))["audio_tokens"] == total


async def test_section_4_1_speech_is_one_token_per_50_ms_and_its_words(simulator: Simulator, config: Config) -> None:
    async with connect(simulator) as client:
        await listen(client)
        await client.speak(voice(config, "How are you today?"))
        response = await response_done(client)
        written = response["usage"]["output_token_details"]
        assert written["audio_tokens"] == heard_ms(client, response) // 50
        assert written["text_tokens"] == count_text(words(response)) + 9, "control tokens, as recorded"
        started, stopped = (client.all(f"input_audio_buffer.speech_{what}")[0] for what in ("started", "stopped"))
        assert read(response)["audio_tokens"] == (stopped["audio_end_ms"] - started["audio_start_ms"]) // 100


async def test_section_4_1_text_is_its_words_and_a_framing_for_each_message(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await begin(client)
        response = await type_turn(client, "How are you?")
        assert response["usage"]["input_tokens"] == PREFIX + FRAMING + count_text("How are you?")
        assert response["usage"]["output_tokens"] == count_text(words(response)) + 2


@pytest.mark.parametrize(
    ("size", "detail", "tokens"), [((64, 64), "low", 85), ((512, 512), "high", 255), ((1024, 1024), "auto", 765)]
)
async def test_section_4_1_images_are_counted_by_size_and_detail(
    simulator: Simulator, size: tuple[int, int], detail: str, tokens: int
) -> None:
    async with connect(simulator) as client:
        await begin(client)
        await add(client, picture(*size, detail))
        assert read(await respond(client))["image_tokens"] == tokens


async def test_section_4_2_usage_has_the_recorded_layout(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        usage = (await type_turn(client, "Hello"))["usage"]
        assert set(usage) == {
            "total_tokens", "input_tokens", "output_tokens", "input_token_details", "output_token_details",
        }  # fmt: skip
        kinds = {"text_tokens", "audio_tokens", "image_tokens"}
        assert set(usage["input_token_details"]) == kinds | {"cached_tokens", "cached_tokens_details"}
        assert set(usage["input_token_details"]["cached_tokens_details"]) == kinds
        assert set(usage["output_token_details"]) == {"text_tokens", "audio_tokens"}


async def test_section_4_2_a_cancelled_response_is_billed_for_what_was_generated(config: Config) -> None:
    config.pace = Pace(audio_speed=4.0)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await client.send("conversation.item.create", item=typed("Tell me a long story."))
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        response = await response_done(client)
        usage = response["usage"]
        assert usage["input_tokens"] > 0
        assert usage["output_token_details"]["audio_tokens"] == heard_ms(client, response) // 50 > 0
        deltas = client.all("response.output_audio_transcript.delta")
        assert usage["output_token_details"]["text_tokens"] == 9 + count_text(
            "".join(delta["delta"] for delta in deltas)
        )


@pytest.mark.parametrize("model", ["gpt-4o-transcribe", "gpt-4o-mini-transcribe", "whisper-1", "gpt-transcribe"])
async def test_section_4_3_transcription_is_billed_apart(simulator: Simulator, config: Config, model: str) -> None:
    async with connect(simulator) as client:
        await listen(client, transcription={"model": model})
        await client.speak(voice(config, "How are you today?"))
        await response_done(client)
        usage = client.all("conversation.item.input_audio_transcription.completed")[0]["usage"]
        started, stopped = (client.all(f"input_audio_buffer.speech_{what}")[0] for what in ("started", "stopped"))
        length_ms = stopped["audio_end_ms"] - started["audio_start_ms"]
        if not model.startswith("gpt-4o"):
            assert usage == {"type": "duration", "seconds": math.ceil(length_ms / 1000)}
            return
        heard, written = length_ms // 100, count_text("how are you today")
        assert usage == {
            "type": "tokens",
            "total_tokens": heard + written,
            "input_tokens": heard,
            "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
            "output_tokens": written,
        }


# -- §4.3: how input grows ----------------------------------------------------------------------------------


async def test_section_4_3_every_response_reads_the_whole_conversation_again(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await begin(client)
        expected = PREFIX
        for question in ("How are you?", "Tell me a joke", "Who are you?"):
            expected += FRAMING + count_text(question)
            response = await type_turn(client, question)
            assert response["usage"]["input_tokens"] == expected
            expected += FRAMING + count_text(words(response))


class Metronome:
    """A voice whose replies have the lengths of the recording: 42, 43 and 98 tokens."""

    def __init__(self) -> None:
        self._lengths = [2_100, 2_150, 4_900]

    async def speak(self, text: str, voice: str, speed: float) -> Speech:
        return Speech(text, silence(self._lengths.pop(0)), ())

    def close(self) -> None:
        pass


async def recorded_talk(config: Config) -> list[Event]:
    """The usage of three turns as in the recording: 2.8 s of speech, an answer of nine tokens."""
    answer = "I am fine, thank you very much."
    config.parts.voice = Metronome()
    config.parts.responder = Scripted([answer])
    async with Simulator(config) as simulator, connect(simulator, "gpt-realtime") as client:
        await update(client, instructions="Be brief and be kind, please.")
        usages = []
        for _ in range(3):
            await add(client, spoken(2_796))
            usages.append((await respond(client))["usage"])
        return usages


async def test_section_4_3_the_recorded_table_comes_out_when_older_replies_lose_their_audio(config: Config) -> None:
    config.retention = "observed"
    usages = await recorded_talk(config)
    rows = [
        (
            usage["input_token_details"]["audio_tokens"],
            usage["input_token_details"]["cached_tokens_details"]["text_tokens"],
            usage["input_token_details"]["cached_tokens_details"]["audio_tokens"],
            usage["output_token_details"]["audio_tokens"],
        )
        for usage in usages
    ]
    assert rows == [(27, 0, 0, 42), (96, 0, 64, 43), (124, 0, 0, 98)]
    for usage, text in zip(usages, (15, 43, 63), strict=True):
        assert abs(usage["input_token_details"]["text_tokens"] - text) <= 5, "framing is an estimate"


async def test_section_4_3_as_documented_all_audio_stays(config: Config) -> None:
    usages = await recorded_talk(config)
    assert [usage["input_token_details"]["audio_tokens"] for usage in usages] == [27, 27 + 42 + 27, 96 + 43 + 27]
    assert [usage["input_token_details"]["cached_tokens_details"]["audio_tokens"] for usage in usages] == [0, 64, 128]


async def test_section_4_3_newer_models_keep_no_reply_as_audio_when_observed(config: Config) -> None:
    config.retention = "observed"
    async with Simulator(config) as simulator, connect(simulator, "gpt-realtime-2.1-mini") as client:
        await type_turn(client, "Hello")
        await add(client, spoken(5_120))
        assert read(await respond(client))["audio_tokens"] == 51, "user audio only"


# -- §4.4: caching ------------------------------------------------------------------------------------------


async def a_long_talk(client: Client) -> list[str]:
    """Ten messages of 40 tokens and a response. Returns their ids."""
    await begin(client)
    ids = [(await add(client, typed(f"{number} " + "word " * 38, id=f"item_{number}")))["id"] for number in range(10)]
    assert read(await respond(client))["cached_tokens"] == 0, "the first request finds nothing"
    return [*ids, client.all("conversation.item.added")[-1]["item"]["id"]]


async def test_section_4_4_the_common_prefix_is_cached_in_steps_of_64(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await a_long_talk(client)
        for _ in range(4):
            before = client.all("response.done")[-1]["response"]
            now = await type_turn(client, "Hello")
            assert read(now)["cached_tokens"] == left_behind(before) // 64 * 64


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ("nothing", 11), ("append", 11), ("instructions", 0), ("tools", 0), ("delete the first", 0),
        ("delete the sixth", 5), ("insert at root", 0), ("insert after the fifth", 5),
    ],
)  # fmt: skip
async def test_section_4_4_the_first_change_ends_the_prefix(simulator: Simulator, change: str, kept: int) -> None:
    async with connect(simulator) as client:
        ids = await a_long_talk(client)
        full = client.all("response.done")[-1]["response"]["usage"]["input_tokens"]
        per_item = (full - PREFIX) // 10
        items = [per_item] * 10 + [left_behind(client.all("response.done")[-1]["response"]) - full]
        prefix = PREFIX
        match change:
            case "append":
                await add(client, typed("More."))
            case "instructions":
                prefix = 0
                await update(client, instructions="Be long.")
            case "tools":
                await update(client, tools=[WEATHER])
            case "delete the first" | "delete the sixth":
                gone = ids[0 if change.endswith("first") else 5]
                await client.send("conversation.item.delete", item_id=gone)
            case "insert at root" | "insert after the fifth":
                await add(client, typed("Summary.", "system"), previous_item_id="root" if "root" in change else ids[4])
        response = await type_turn(client, "Hello")
        assert read(response)["cached_tokens"] == (prefix + sum(items[:kept])) // 64 * 64


async def test_section_4_4_truncating_a_reply_ends_the_prefix_there(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await begin(client)
        await update(client, output_modalities=["audio"])
        first = await type_turn(client, "Tell me a long story.")
        await type_turn(client, "Hello")
        before = read(await type_turn(client, "Hello"))["cached_tokens_details"]
        item_id = first["output"][0]["id"]
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=5_000)
        after = read(await type_turn(client, "Hello"))["cached_tokens_details"]
        assert before["audio_tokens"] > 64
        assert (after["text_tokens"], after["audio_tokens"]) == (0, 0), "only instructions and the question are left"


async def test_section_4_4_another_session_starts_cold(simulator: Simulator) -> None:
    for _ in range(2):
        async with connect(simulator) as client:
            await a_long_talk(client)


async def test_section_4_4_an_out_of_band_response_does_not_disturb_the_cache(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await a_long_talk(client)
        await respond(client, conversation="none", input=[typed("Hello")])
        assert read(await type_turn(client, "Hello"))["cached_tokens"] >= 384


# -- §4.5, §4.6: windows and truncation ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "usable"),
    [
        ("gpt-realtime", 28_672), ("gpt-realtime-mini", 28_672), ("gpt-realtime-1.5", 28_672),
        ("gpt-realtime-2", 96_000), ("gpt-realtime-2.1", 96_000), ("gpt-realtime-2.1-mini", 96_000),
    ],
)  # fmt: skip
async def test_section_4_5_each_model_has_its_window(simulator: Simulator, model: str, usable: int) -> None:
    size = FRAMING + count_text(LONG)
    async with connect(simulator, model) as client:
        await begin(client)
        fitting = (usable - PREFIX) // size
        for _ in range(fitting + 2):
            await add(client, typed(LONG))
        assert (await respond(client))["usage"]["input_tokens"] == PREFIX + fitting * size


async def test_section_4_6_auto_drops_just_enough_every_time_and_what_was_dropped_stays(simulator: Simulator) -> None:
    async with connect(simulator, "gpt-realtime") as client:
        await begin(client)
        first = await add(client, typed(LONG))
        for _ in range(3):
            await add(client, typed("word " * 9_000))
        before = await respond(client)
        assert before["usage"]["input_tokens"] <= 28_672
        await client.send("conversation.item.retrieve", item_id=first["id"])
        assert (await client.until("conversation.item.retrieved"))["item"]["content"][0]["text"] == LONG
        for _ in range(2):
            await add(client, typed("word " * 9_000))
            after = await respond(client)
            assert read(after)["cached_tokens"] == 0, "the window begins with another item each time"
            assert after["usage"]["input_tokens"] <= 28_672
        await client.send("conversation.item.delete", item_id=first["id"])
        await client.until("conversation.item.deleted")


async def test_section_4_6_disabled_refuses_what_does_not_fit(simulator: Simulator) -> None:
    async with connect(simulator, "gpt-realtime") as client:
        await begin(client, truncation="disabled")
        for _ in range(3):
            await add(client, typed(LONG, id=f"item_{len(client.events)}"))
        await client.send("response.create", event_id="over")
        error = (await client.until("error"))["error"]
        assert error["event_id"] == "over"
        assert not client.all("response.created")
        await client.send("conversation.item.delete", item_id=client.all("conversation.item.added")[0]["item"]["id"])
        assert (await type_turn(client, "Hello"))["status"] == "completed", "the client manages what is read"


async def test_section_4_6_a_retention_ratio_leaves_room_so_that_the_cache_lasts(simulator: Simulator) -> None:
    truncation = {"type": "retention_ratio", "retention_ratio": 0.5}
    async with connect(simulator, "gpt-realtime") as client:
        await begin(client, truncation=truncation)
        for _ in range(30):
            await add(client, typed("word " * 996))
        overflown = await respond(client)
        size = FRAMING + count_text("word " * 996)
        assert 28_672 * 0.5 - size < overflown["usage"]["input_tokens"] <= 28_672 * 0.5
        for _ in range(3):
            before = client.all("response.done")[-1]["response"]
            await add(client, typed("word " * 996))
            assert read(await respond(client))["cached_tokens"] == left_behind(before) // 64 * 64


async def test_section_4_6_post_instructions_limits_what_comes_after_instructions_and_tools(
    simulator: Simulator,
) -> None:
    limits = {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 1_000}}
    async with connect(simulator) as client:
        long_prefix = "word " * 2_000
        await update(client, output_modalities=["text"], instructions=long_prefix, truncation=limits)
        for _ in range(12):
            await add(client, typed("word " * 95 + "end"))
        prefix = FRAMING + count_text(long_prefix)
        size = FRAMING + count_text("word " * 95 + "end")
        assert (await respond(client))["usage"]["input_tokens"] == prefix + 800 // size * size


async def test_section_4_6_a_call_and_its_output_leave_together(simulator: Simulator) -> None:
    limits = {"type": "retention_ratio", "retention_ratio": 1.0, "token_limits": {"post_instructions": 300}}
    call = {"type": "function_call", "name": "f", "call_id": "call_1", "arguments": "word " * 60}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "word " * 60}
    async with connect(simulator) as client:
        await begin(client, truncation=limits)
        for item in (call, output, typed("word " * 200)):
            await add(client, item)
        alone = FRAMING + count_text("word " * 200)
        assert alone + FRAMING + 62 < 300, "without the call alone it would fit"
        assert (await respond(client))["usage"]["input_tokens"] == PREFIX + alone


async def test_section_4_6_what_left_the_window_does_not_come_back(simulator: Simulator) -> None:
    limits = {"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": {"post_instructions": 200}}
    async with connect(simulator) as client:
        await begin(client, truncation=limits)
        await add(client, typed("My name is Ada."))
        filler = await add(client, typed("word " * 180))
        await add(client, typed("What is my name?"))
        assert "do not see" in words(await respond(client))
        await client.send("conversation.item.delete", item_id=filler["id"])
        assert "do not see" in words(await type_turn(client, "What is my name?"))


async def test_section_4_6_tools_are_never_dropped(simulator: Simulator) -> None:
    limits = {"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": {"post_instructions": 100}}
    many = [WEATHER, *(tool(f"do_{number}", "what") for number in range(50))]
    async with connect(simulator) as client:
        await begin(client, truncation=limits, tools=many)
        await add(client, typed("word " * 90))
        response = await type_turn(client, "What is the weather in Lisbon?")
        assert response["output"][0]["name"] == "get_weather"
        assert response["usage"]["input_tokens"] > 1_000
