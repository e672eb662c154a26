"""What is refused and merged around spoken turns, over a real socket (reference §2.2, §2.4)."""

from __future__ import annotations

from realtime_helpers.simulator import Config, Simulator

from .stream import Client, connect

TRANSCRIBED = {"type": "realtime", "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}}


async def begin(client: Client, **audio_input: object) -> None:
    wanted = {"transcription": {"model": "gpt-transcribe"}, **audio_input}
    await client.send("session.update", session={"type": "realtime", "audio": {"input": wanted}})
    await client.until("session.updated")


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
