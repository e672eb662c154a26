"""Reference §3.2 to §3.5 over a real socket: typed and spoken turns, push-to-talk, interruptions."""

from __future__ import annotations

import base64

from realtime_helpers.audio.formats import duration_ms, silence
from realtime_helpers.simulator import Config, Pace, Simulator
from realtime_helpers.simulator.faults import Fault, Scenario

from .stream import Client, connect
from .talk import (
    SPOKEN_END,
    TEXT_TURN,
    append,
    heard_ms,
    listen,
    respond,
    response_done,
    type_turn,
    update,
    voice,
    words,
)

STORY = "Tell me a long story."
QUESTION = "How are you today?"
SLOWLY = Pace(audio_speed=4.0)
"""Slow enough for the client to act while the reply is generated."""


async def interrupt(client: Client, config: Config) -> None:
    """Speak into a reply as soon as its first audio is there."""
    await client.speak(voice(config, STORY))
    await client.until("response.output_audio.delta")
    await client.speak(voice(config, QUESTION))


def without_transcripts(kinds: list[str]) -> list[str]:
    """The fixed order; transcription events float freely in it."""
    return [kind for kind in kinds if "input_audio_transcription" not in kind]


async def test_section_3_2_a_text_turn_comes_in_the_recorded_order(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await update(client, output_modalities=["text"])
        begin = len(client.events)
        response = await type_turn(client, "How are you?")
        await client.until("rate_limits.updated")
        assert client.kinds(begin) == ["conversation.item.added", "conversation.item.done", *TEXT_TURN]
        assert response["status"] == "completed"
        assert "I am fine" in words(response)
        user, reply = client.all("conversation.item.added")
        assert user["previous_item_id"] is None
        assert reply["previous_item_id"] == user["item"]["id"]
        assert reply["item"]["content"] == []


async def test_section_3_3_a_spoken_turn_comes_in_the_recorded_order(simulator: Simulator, config: Config) -> None:
    async with connect(simulator) as client:
        await listen(client)
        begin = len(client.events)
        await client.speak(voice(config, QUESTION))
        await client.until("rate_limits.updated")
        kinds = without_transcripts(client.kinds(begin))
        streamed = {"response.output_audio_transcript.delta", "response.output_audio.delta"}
        assert [kind for kind in kinds if kind not in streamed] == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            *SPOKEN_END,
            "rate_limits.updated",
        ]
        assert kinds.index("response.output_audio_transcript.delta") < kinds.index("response.output_audio.delta"), (
            "the transcript runs ahead"
        )
        user = client.all("conversation.item.done")[0]["item"]
        assert user["content"] == [{"type": "input_audio", "transcript": None}]


async def test_section_3_3_offsets_count_audio_in_frames_of_32_ms(simulator: Simulator, config: Config) -> None:
    async with connect(simulator) as client:
        await listen(client)
        await append(client, silence(1_000) + voice(config, QUESTION) + silence(800))
        await client.until("response.done")
        (started,), (stopped,) = (client.all(f"input_audio_buffer.speech_{what}") for what in ("started", "stopped"))
        assert (started["audio_start_ms"] + 300) % 32 == 0, "an onset, less the padding of 300 ms"
        assert 600 <= started["audio_start_ms"] <= 1_000
        assert stopped["audio_end_ms"] % 32 == 0
        spoken_ms = 1_000 + duration_ms(voice(config, QUESTION))
        assert spoken_ms <= stopped["audio_end_ms"] <= spoken_ms + 600, "the end includes the wait of 500 ms"
        await client.send("conversation.item.retrieve", item_id=started["item_id"])
        audio = (await client.until("conversation.item.retrieved"))["item"]["content"][0]["audio"]
        assert duration_ms(base64.b64decode(audio)) == stopped["audio_end_ms"] - started["audio_start_ms"]


async def test_section_3_3_nobody_waits_for_a_late_transcript_which_is_never_sent_with_the_item(
    config: Config,
) -> None:
    config.scenario = Scenario(faults=(Fault("transcript", "late", delay_ms=50),))
    async with Simulator(config) as simulator, connect(simulator) as client:
        await listen(client)
        await client.speak(voice(config, QUESTION))
        assert "I am fine" in words(await response_done(client))
        heard = await client.until("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == "how are you today"
        assert len(client.all("conversation.item.done")) == 2, "the user's item and the reply, once each"
        await client.send("conversation.item.retrieve", item_id=heard["item_id"])
        kept = (await client.until("conversation.item.retrieved"))["item"]
        assert kept["content"][0]["transcript"] == "how are you today"


async def test_section_3_3_without_transcription_there_is_no_transcript(simulator: Simulator, config: Config) -> None:
    async with connect(simulator) as client:
        await client.speak(voice(config, QUESTION))
        assert "I am fine" in words(await response_done(client)), "the reply hears the audio all the same"
        assert not [kind for kind in client.kinds() if "transcription" in kind]


async def test_section_3_3_a_commit_ends_speech_that_is_open(simulator: Simulator, config: Config) -> None:
    async with connect(simulator) as client:
        await listen(client)
        begin = len(client.events)
        await append(client, silence(200) + voice(config, QUESTION))
        await client.send("input_audio_buffer.commit")
        heard = await client.until("conversation.item.input_audio_transcription.completed")
        assert without_transcripts(client.kinds(begin)) == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
        ], "no speech_stopped, and a commit asks for no response"
        assert heard["transcript"] == "how are you today"
        assert {event["item_id"] for event in client.events[begin : begin + 2]} == {heard["item_id"]}
        await append(client, silence(800))
        assert "I am fine" in words(await respond(client))
        assert not client.all("input_audio_buffer.speech_stopped")


async def test_section_3_3_turns_are_found_but_not_answered_without_create_response(
    simulator: Simulator, config: Config
) -> None:
    async with connect(simulator) as client:
        await listen(client, turn_detection={"create_response": False})
        await client.speak(voice(config, QUESTION))
        await client.until("conversation.item.input_audio_transcription.completed")
        await update(client)
        assert not client.all("response.created")
        assert "I am fine" in words(await respond(client))


async def test_section_3_3_changing_the_detection_in_mid_word_loses_nothing(
    simulator: Simulator, config: Config
) -> None:
    speech = voice(config, QUESTION)
    half = len(speech) // 4 * 2
    async with connect(simulator) as client:
        await listen(client)
        await append(client, silence(200) + speech[:half])
        await client.until("input_audio_buffer.speech_started")
        await listen(client, turn_detection={"silence_duration_ms": 400})
        await append(client, speech[half:] + silence(800))
        await client.until("response.done")
        (heard,) = client.all("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == "how are you today"


async def test_section_3_4_push_to_talk_says_nothing_until_the_client_commits(
    simulator: Simulator, config: Config
) -> None:
    async with connect(simulator) as client:
        await listen(client, turn_detection=None)
        begin = len(client.events)
        await client.send("input_audio_buffer.clear")
        await client.speak(voice(config, "What can you do?"))
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        assert "tell stories" in words(await response_done(client))
        assert without_transcripts(client.kinds(begin))[:5] == [
            "input_audio_buffer.cleared",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
        ]


async def test_section_3_4_after_too_short_a_press_the_previous_context_is_answered(
    simulator: Simulator, config: Config
) -> None:
    async with connect(simulator) as client:
        await listen(client, turn_detection=None)
        await client.speak(voice(config, QUESTION))
        await client.send("input_audio_buffer.commit")
        first = await respond(client)
        await append(client, silence(99))
        await client.send("input_audio_buffer.commit")
        error = (await client.until("error"))["error"]
        assert error["code"] == "input_audio_buffer_commit_empty"
        assert "buffer only has 99.00ms of audio" in error["message"]
        assert words(await respond(client)) == words(first)


async def test_section_3_5_an_interruption_comes_in_the_recorded_order(config: Config) -> None:
    config.pace = SLOWLY
    async with Simulator(config) as simulator, connect(simulator) as client:
        await listen(client)
        await client.speak(voice(config, STORY))
        item_id = (await client.until("response.output_audio.delta"))["item_id"]
        await append(client, silence(200) + voice(config, QUESTION))
        onset = await client.until("input_audio_buffer.speech_started")
        begin = len(client.events)
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=200)
        await append(client, silence(800))
        cancelled = await response_done(client)
        assert client.kinds(begin)[:6] == SPOKEN_END
        assert cancelled["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert [item["status"] for item in cancelled["output"]] == ["incomplete"]

        answer = await response_done(client)
        (committed,) = client.all("input_audio_buffer.committed", item_id=onset["item_id"])
        assert committed["previous_item_id"] == item_id
        assert "I am fine" in words(answer)
        assert len(client.all("conversation.item.truncated", item_id=item_id, audio_end_ms=200)) == 1

        await client.send("conversation.item.retrieve", item_id=item_id)
        kept = (await client.until("conversation.item.retrieved"))["item"]["content"][0]
        assert duration_ms(base64.b64decode(kept["audio"])) == 200
        assert "transcript" not in kept


async def test_section_3_5_after_a_cancelled_response_no_limits_are_told_and_what_was_said_is_kept(
    config: Config,
) -> None:
    config.pace = SLOWLY
    async with Simulator(config) as simulator, connect(simulator) as client:
        await listen(client)
        await client.speak(voice(config, STORY))
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        cancelled = await response_done(client)
        assert cancelled["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        assert cancelled["usage"]["output_token_details"]["audio_tokens"] == heard_ms(client, cancelled) // 50
        await update(client, output_modalities=["text"])
        await type_turn(client, "How are you?")
        await client.until("rate_limits.updated")
        assert len(client.all("rate_limits.updated")) == 1, "of the second response only"


async def test_section_3_5_cancelled_before_any_output_there_is_only_response_done(config: Config) -> None:
    config.pace = Pace(before_item_ms=5_000)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await listen(client)
        await client.speak(voice(config, STORY))
        await client.until("response.created")
        begin = len(client.events)
        await client.send("response.cancel")
        done = await response_done(client)
        assert done["output"] == []
        assert done["usage"]["total_tokens"] == 0
        assert without_transcripts(client.kinds(begin)) == ["response.done"]


async def test_section_3_5_without_interrupt_response_the_reply_runs_on_and_the_speech_gets_none(
    config: Config,
) -> None:
    config.pace = Pace(audio_speed=20.0)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await listen(client, turn_detection={"interrupt_response": False})
        await interrupt(client, config)
        response = await response_done(client)
        assert response["status"] == "completed"
        assert len(client.all("input_audio_buffer.committed")) == 2, "the second turn ended during the reply"
        await client.until("rate_limits.updated")
        await update(client)
        assert len(client.all("response.created")) == 1
        assert "I am fine" in words(await respond(client)), "the client may ask for it"


async def test_section_3_5_a_reply_that_is_generated_is_not_cancelled_only_truncated(
    simulator: Simulator, config: Config
) -> None:
    async with connect(simulator, "gpt-realtime") as client:
        await listen(client)
        await client.speak(voice(config, QUESTION))
        first = await response_done(client)
        item_id = first["output"][0]["id"]
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=0)
        await client.speak(voice(config, QUESTION))
        second = await response_done(client)
        assert client.all("response.done")[0]["response"]["status"] == "completed"
        assert client.all("conversation.item.truncated", item_id=item_id, audio_end_ms=0)
        starts, stops = (client.all(f"input_audio_buffer.speech_{what}") for what in ("started", "stopped"))
        spoken_ms = [b["audio_end_ms"] - a["audio_start_ms"] for a, b in zip(starts, stops, strict=True)]
        read = second["usage"]["input_token_details"]
        assert read["audio_tokens"] == sum(int(ms // 100) for ms in spoken_ms), "of the reply no audio is left"
        assert read["text_tokens"] - first["usage"]["input_token_details"]["text_tokens"] < 10, "and no words"


async def test_section_3_5_an_item_truncated_while_it_is_generated_stays_truncated(config: Config) -> None:
    config.pace = Pace(audio_speed=20.0)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await listen(client)
        await client.speak(voice(config, "Tell me a quick story."))
        item_id = (await client.until("response.output_audio.delta"))["item_id"]
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=100)
        response = await response_done(client)
        assert response["usage"]["output_token_details"]["audio_tokens"] == heard_ms(client, response) // 50, (
            "what was generated is billed"
        )
        await client.send("conversation.item.retrieve", item_id=item_id)
        kept = (await client.until("conversation.item.retrieved"))["item"]["content"][0]
        assert duration_ms(base64.b64decode(kept["audio"])) == 100
        assert "transcript" not in kept


async def test_section_3_5_every_turn_of_somebody_who_keeps_interrupting_is_answered(config: Config) -> None:
    config.pace = SLOWLY
    async with Simulator(config) as simulator, connect(simulator) as client:
        await listen(client)
        await client.speak(voice(config, STORY))
        await client.until("response.output_audio.delta")
        await client.speak(voice(config, "What can you do?"))
        await client.speak(voice(config, QUESTION))
        while (response := await response_done(client))["status"] != "completed":
            assert response["status_details"]["reason"] == "turn_detected"
        assert "I am fine" in words(response)
