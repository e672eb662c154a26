"""Spoken turns over a real socket with the unmodified SDK (reference §3.3 to §3.5)."""

from __future__ import annotations

import base64

import pytest

from realtime_helpers.audio.formats import chunks_of, duration_ms, silence
from realtime_helpers.simulator import Config, Pace, Simulator

from .stream import Client, connect

TRANSCRIBED = {"type": "realtime", "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}}


async def begin(client: Client, **audio_input: object) -> None:
    wanted = {"transcription": {"model": "gpt-transcribe"}, **audio_input}
    await client.send("session.update", session={"type": "realtime", "audio": {"input": wanted}})
    await client.until("session.updated")


async def test_section_3_3_a_spoken_turn_is_heard_answered_and_counted(simulator: Simulator, config: Config) -> None:
    async with connect(simulator) as client:
        await begin(client)
        await client.speak(config.parts.voice.engine.speak("How are you today?").pcm)
        done = await client.until("response.done")
        heard = next(e for e in client.events if e["type"].endswith("transcription.completed"))
        assert heard["transcript"] == "how are you today"

        kinds = client.kinds()
        chain = [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
        ]
        start = kinds.index(chain[0])
        assert kinds[start : start + len(chain)] == chain
        assert kinds[-6:] == ["response.output_audio.done", "response.output_audio_transcript.done",
                              "response.content_part.done", "conversation.item.done", "response.output_item.done",
                              "response.done"]  # fmt: skip

        reply = [e for e in client.events if e["type"] == "response.output_audio.delta"]
        audio_ms = duration_ms(b"".join(base64.b64decode(e["delta"]) for e in reply))
        usage = done["response"]["usage"]
        assert usage["output_token_details"]["audio_tokens"] == int(audio_ms // 50)
        started, stopped = (next(e for e in client.events if e["type"] == kind) for kind in chain[:2])
        spoken_ms = stopped["audio_end_ms"] - started["audio_start_ms"]
        assert usage["input_token_details"]["audio_tokens"] == spoken_ms // 100
        assert stopped["audio_end_ms"] % 32 == 0

        first_text = client.kinds().index("response.output_audio_transcript.delta")
        assert first_text < client.kinds().index("response.output_audio.delta"), "the transcript runs ahead"


async def test_section_3_4_push_to_talk_says_nothing_until_the_client_commits(
    simulator: Simulator, config: Config
) -> None:
    async with connect(simulator) as client:
        await begin(client, turn_detection=None)
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        await client.speak(config.parts.voice.engine.speak("What can you do?").pcm)
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        done = await client.until("response.done")
        assert "input_audio_buffer.speech_started" not in client.kinds()
        assert "tell stories" in done["response"]["output"][0]["content"][0]["transcript"]


async def test_section_3_5_speech_interrupts_a_reply_which_keeps_what_was_generated(config: Config) -> None:
    config.pace = Pace(audio_speed=4.0)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await begin(client)
        await client.speak(config.parts.voice.engine.speak("Tell me a long story.").pcm)
        first = await client.until("response.output_audio.delta")
        await client.speak(config.parts.voice.engine.speak("How are you today?").pcm)
        await client.until("input_audio_buffer.speech_started")
        await client.send("conversation.item.truncate", item_id=first["item_id"], content_index=0, audio_end_ms=200)
        cancelled = (await client.until("response.done"))["response"]
        assert cancelled["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert cancelled["output"][0]["status"] == "incomplete"
        assert cancelled["usage"]["output_token_details"]["audio_tokens"] > 0
        await client.until(
            "conversation.item.truncated"
        ) if "conversation.item.truncated" not in client.kinds() else None
        answer = (await client.until("response.done"))["response"]
        assert "I am fine" in answer["output"][0]["content"][0]["transcript"]
        await client.send("conversation.item.retrieve", item_id=first["item_id"])
        kept = (await client.until("conversation.item.retrieved"))["item"]["content"][0]
        assert duration_ms(base64.b64decode(kept["audio"])) == 200
        assert kept.get("transcript") is None


async def test_section_2_4_truncating_past_the_end_is_refused(simulator: Simulator, config: Config) -> None:
    async with connect(simulator) as client:
        await begin(client)
        await client.speak(config.parts.voice.engine.speak("Thank you.").pcm)
        done = await client.until("response.done")
        item_id = done["response"]["output"][0]["id"]
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=99_999)
        assert "already shorter than 99999ms" in (await client.until("error"))["error"]["message"]
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=0)
        await client.until("conversation.item.truncated", item_id=item_id)


async def test_section_2_2_a_cancelled_response_closes_its_parts(config: Config) -> None:
    config.pace = Pace(audio_speed=4.0)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await begin(client)
        await client.speak(config.parts.voice.engine.speak("Tell me a long story.").pcm)
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]
        assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}


async def test_section_2_4_the_voice_is_locked_once_the_assistant_has_spoken(
    simulator: Simulator, config: Config
) -> None:
    async with connect(simulator) as client:
        await begin(client)
        await client.speak(config.parts.voice.engine.speak("Thank you.").pcm)
        await client.until("response.done")
        change = {"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"voice": "cedar"}}}
        await client.send("session.update", session=change)
        assert (await client.until("error"))["error"]["code"] == "cannot_update_voice"
        await client.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "marin"}}})
        session = (await client.until("session.updated"))["session"]
        assert session["instructions"] != "Be brief.", "a refused update is refused whole"


async def test_without_ears_the_conversation_goes_on_and_says_so(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime_helpers.speech.transcriber.Transcriber.installed", staticmethod(lambda: False))
    async with Simulator(config) as simulator, connect(simulator) as client:
        await begin(client)
        await client.speak(config.parts.voice.engine.speak("How are you today?").pcm)
        done = await client.until("response.done")
        failed = next(e for e in client.events if e["type"].endswith("transcription.failed"))
        assert "pip install" in failed["error"]["message"]
        assert "no recogniser" in done["response"]["output"][0]["content"][0]["transcript"]


async def test_section_3_5_cancelled_before_any_output_there_is_only_response_done(config: Config) -> None:
    config.pace = Pace(before_item_ms=5_000)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await begin(client)
        await client.speak(config.parts.voice.engine.speak("Tell me a long story.").pcm)
        await client.until("response.created")
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]
        assert done["output"] == []
        assert done["usage"]["total_tokens"] == 0
        assert "response.output_item.added" not in client.kinds()


async def test_an_item_truncated_while_it_is_generated_stays_truncated(config: Config) -> None:
    config.pace = Pace(audio_speed=20.0)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await begin(client)
        await client.speak(config.parts.voice.engine.speak("Tell me a quick story.").pcm)
        item_id = (await client.until("response.output_audio.delta"))["item_id"]
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=100)
        usage = (await client.until("response.done"))["response"]["usage"]
        assert usage["output_token_details"]["audio_tokens"] > 50, "what was generated is billed"
        await client.send("conversation.item.retrieve", item_id=item_id)
        kept = (await client.until("conversation.item.retrieved"))["item"]["content"][0]
        assert duration_ms(base64.b64decode(kept["audio"])) == 100
        assert kept.get("transcript") is None


async def test_changing_the_detection_in_the_middle_of_a_word_loses_nothing(
    simulator: Simulator, config: Config
) -> None:
    speech = config.parts.voice.engine.speak("How are you today?").pcm
    async with connect(simulator) as client:
        await begin(client)
        half = len(speech) // 4 * 2
        for chunk in chunks_of(silence(200) + speech[:half]):
            await client.send("input_audio_buffer.append", audio=base64.b64encode(chunk).decode())
        await client.until("input_audio_buffer.speech_started")
        change = {"type": "realtime", "audio": {"input": {"turn_detection": {"silence_duration_ms": 400}}}}
        await client.send("session.update", session=change)
        for chunk in chunks_of(speech[half:] + silence(800)):
            await client.send("input_audio_buffer.append", audio=base64.b64encode(chunk).decode())
        await client.until("response.done")
        heard = next(e for e in client.events if e["type"].endswith("transcription.completed"))
        assert heard["transcript"] == "how are you today"


async def test_every_turn_of_somebody_who_keeps_interrupting_is_answered(config: Config) -> None:
    config.pace = Pace(audio_speed=4.0)
    pcm = config.parts.voice.engine.speak("Tell me a long story.").pcm
    async with Simulator(config) as simulator, connect(simulator) as client:
        await begin(client)
        await client.speak(pcm)
        await client.until("response.output_audio.delta")
        await client.speak(config.parts.voice.engine.speak("What can you do?").pcm)
        await client.speak(config.parts.voice.engine.speak("How are you today?").pcm)
        while True:
            done = (await client.until("response.done"))["response"]
            if done["status"] == "completed":
                break
        assert "I am fine" in done["output"][0]["content"][0]["transcript"]


async def test_section_2_2_transcription_settings_merge_and_need_a_model(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await begin(client)
        change = {"type": "realtime", "audio": {"input": {"transcription": {"language": "en"}}}}
        await client.send("session.update", session=change)
        session = (await client.until("session.updated"))["session"]
        assert session["audio"]["input"]["transcription"]["model"] == "gpt-transcribe"
        off = {"type": "realtime", "audio": {"input": {"transcription": None}}}
        await client.send("session.update", session=off)
        await client.send("session.update", session=change)
        error = (await client.until("error"))["error"]
        assert error["param"] == "session.audio.input.transcription.model"
