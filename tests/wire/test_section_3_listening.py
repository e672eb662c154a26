"""Reference §3.1, §3.8, §3.9 and §1.6 over a real socket: transcripts, silence, semantic VAD."""

from __future__ import annotations

import pytest

from realtime_helpers.audio.formats import duration_ms, silence
from realtime_helpers.simulator import Config, Pace, Simulator
from realtime_helpers.simulator.accounting import count_text
from realtime_helpers.simulator.semantic import EAGERNESS

from .stream import connect
from .talk import append, heard_ms, listen, response_done, type_turn, update, voice, words

QUESTION = "How are you today?"
HEARD = "conversation.item.input_audio_transcription"


async def test_section_3_3_deltas_keep_their_spaces_and_make_up_the_transcript(
    simulator: Simulator, config: Config
) -> None:
    async with connect(simulator) as client:
        await listen(client, transcription={"model": "gpt-4o-mini-transcribe"})
        await client.speak(voice(config, QUESTION))
        await client.until("response.done")
        assert [event["delta"] for event in client.all(f"{HEARD}.delta")] == ["how", " are", " you", " today"]
        (completed,) = client.all(f"{HEARD}.completed")
        assert completed["transcript"] == "how are you today"


async def test_section_3_1_whisper_tells_everything_in_one_delta(simulator: Simulator, config: Config) -> None:
    async with connect(simulator) as client:
        await listen(client, transcription={"model": "whisper-1"})
        await client.speak(voice(config, QUESTION))
        await client.until("response.done")
        assert [event["delta"] for event in client.all(f"{HEARD}.delta")] == ["how are you today"]


async def test_section_3_1_the_diarizing_model_tells_segments(simulator: Simulator, config: Config) -> None:
    async with connect(simulator) as client:
        await listen(client, transcription={"model": "gpt-4o-transcribe-diarize"})
        await client.speak(voice(config, QUESTION))
        await client.until("response.done")
        (segment,) = client.all(f"{HEARD}.segment")
        started, stopped = (client.all(f"input_audio_buffer.speech_{what}")[0] for what in ("started", "stopped"))
        assert (segment["text"], segment["item_id"]) == ("how are you today", started["item_id"])
        assert segment["speaker"]
        assert segment["start"] == 0
        assert segment["end"] == (stopped["audio_end_ms"] - started["audio_start_ms"]) / 1000


async def test_section_3_1_without_ears_transcription_fails_and_the_reply_continues(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime_helpers.speech.transcriber.Transcriber.installed", staticmethod(lambda: False))
    async with Simulator(config) as simulator, connect(simulator) as client:
        await listen(client)
        await client.speak(voice(config, QUESTION))
        assert "recogniser" in words(await response_done(client))
        (failed,) = client.all(f"{HEARD}.failed")
        assert failed["error"]["type"] == "server_error"
        assert "pip install" in failed["error"]["message"]


@pytest.mark.parametrize("ends_with", ["silence", "commit"])
async def test_section_3_8_a_transcription_session_only_listens(
    simulator: Simulator, config: Config, ends_with: str
) -> None:
    async with connect(simulator, extra_query={"intent": "transcription"}) as client:
        assert client.events[0]["session"]["type"] == "transcription"
        settings = {"transcription": {"model": "gpt-4o-mini-transcribe"}}
        await client.send("session.update", session={"type": "transcription", "audio": {"input": settings}})
        echoed = (await client.until("session.updated"))["session"]["audio"]["input"]["transcription"]
        assert echoed == {"model": "gpt-4o-mini-transcribe", "language": None, "prompt": None}
        begin = len(client.events)
        await append(client, silence(200) + voice(config, QUESTION) + silence(800 if ends_with == "silence" else 0))
        if ends_with == "commit":
            await client.send("input_audio_buffer.commit")
        completed = await client.until(f"{HEARD}.completed")
        stopped = ["input_audio_buffer.speech_stopped"] if ends_with == "silence" else []
        assert client.kinds(begin) == [
            "input_audio_buffer.speech_started",
            *stopped,
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            f"{HEARD}.delta",
            f"{HEARD}.completed",
        ]
        assert completed["transcript"] == "how are you today"
        assert completed["usage"]["output_tokens"] == count_text("how are you today")
        await client.send("response.create", event_id="no")
        assert (await client.until("error"))["error"]["event_id"] == "no", "a response is refused"
        assert not [kind for kind in client.kinds() if kind.startswith(("response.", "rate_limits"))]


async def test_section_3_9_after_silence_the_model_follows_up(simulator: Simulator) -> None:
    async with connect(simulator) as client:
        await listen(client, turn_detection={"type": "server_vad", "idle_timeout_ms": 5_000})
        await append(client, silence(1_000))
        reply = await type_turn(client, "Who are you?")
        begin = len(client.events)
        from_ms = 1_000 + heard_ms(client, reply)
        await append(client, silence(int(from_ms - 1_000) + 5_500))
        followed_up = await response_done(client)

        kinds = [kind for kind in client.kinds(begin) if "transcription" not in kind and "rate" not in kind]
        assert kinds[:7] == [
            "input_audio_buffer.timeout_triggered",
            "conversation.item.added",
            "conversation.item.done",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
        ]
        timeout = client.all("input_audio_buffer.timeout_triggered")[0]
        assert abs(timeout["audio_start_ms"] - from_ms) <= 1, "the clock starts when the reply was heard"
        assert 5_000 <= timeout["audio_end_ms"] - timeout["audio_start_ms"] < 5_000 + 32
        note, silent = client.all("conversation.item.added")[2:4]
        assert note["item"]["role"] == "system"
        assert note["item"]["content"][0]["text"].startswith("No user speech was detected for a while.")
        assert (silent["item"]["id"], silent["previous_item_id"]) == (timeout["item_id"], note["item"]["id"])
        (transcript,) = client.all(f"{HEARD}.completed", item_id=timeout["item_id"])
        assert (transcript["transcript"], transcript["usage"]["seconds"]) == ("", 0)
        assert followed_up["usage"]["input_token_details"]["audio_tokens"] >= 50, "the silence costs tokens"


async def test_section_3_9_speech_stops_the_idle_clock(simulator: Simulator, config: Config) -> None:
    async with connect(simulator) as client:
        await listen(client, turn_detection={"type": "server_vad", "idle_timeout_ms": 5_000})
        reply = await type_turn(client, "Hello")
        await append(client, silence(int(heard_ms(client, reply)) + 4_000))
        await client.speak(voice(config, QUESTION))
        await response_done(client)
        await append(client, silence(4_000))
        await update(client)
        assert not client.all("input_audio_buffer.timeout_triggered")


@pytest.mark.parametrize("eagerness", ["low", "medium", "high", "auto"])
@pytest.mark.parametrize("sentence", ["How are you today?", "I would like to"])
async def test_section_1_6_semantic_detection_waits_longer_after_an_unfinished_sentence(
    config: Config, eagerness: str, sentence: str
) -> None:
    is_finished = sentence.endswith("?")
    expected_ms = EAGERNESS[eagerness].pause_ms if is_finished else EAGERNESS[eagerness].longest_wait_ms
    assert (
        EAGERNESS[eagerness].longest_wait_ms == {"low": 8_000, "medium": 4_000, "auto": 4_000, "high": 2_000}[eagerness]
    )
    speech = voice(config, sentence)
    async with Simulator(config) as simulator, connect(simulator) as client:
        settings = {"type": "semantic_vad", "eagerness": eagerness, "create_response": False}
        await listen(client, turn_detection=settings)
        await append(client, silence(300) + speech + silence(9_000))
        stopped = await client.until("input_audio_buffer.speech_stopped")
        await client.until(f"{HEARD}.completed")
        assert abs(stopped["audio_end_ms"] - 300 - duration_ms(speech) - expected_ms) < 300
        assert len(client.all("input_audio_buffer.speech_started")) == 1


async def test_section_3_3_transcripts_land_in_mid_reply_at_real_pace(config: Config) -> None:
    config.pace = Pace(transcript_ms=20, audio_speed=8.0)
    async with Simulator(config) as simulator, connect(simulator) as client:
        await listen(client)
        await client.speak(voice(config, "Tell me a quick story."))
        await response_done(client)
        kinds = client.kinds()
        assert kinds.index("response.created") < kinds.index(f"{HEARD}.completed") < kinds.index("response.done")
