"""Engines over real HTTP: a running simulator is the engine of another one, and speech is really spoken and heard."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import numpy as np
import pytest
from openai import AsyncOpenAI, BadRequestError
from openai.types.chat import ChatCompletionChunk
from typer.testing import CliRunner

from realtime_helpers.audio.formats import duration_ms, samples_from_pcm, silence
from realtime_helpers.cli import app
from realtime_helpers.errors import MissingPartError, SettingsError, WorkshopError
from realtime_helpers.simulator import Config, Parts, Simulator
from realtime_helpers.simulator.engines import choose_ears, choose_responder, choose_voice
from realtime_helpers.simulator.engines.messages import messages_of, options_of
from realtime_helpers.simulator.engines.openai_compatible import (
    ChatResponder,
    SpeechEndpointVoice,
    TranscriptionEndpointEars,
    _Call,
    _pieces,
)
from realtime_helpers.simulator.engines.word_marks import with_estimated_word_marks
from realtime_helpers.simulator.parts import Responder
from realtime_helpers.simulator.prompt import Line, Prompt, ToolCall

from ..conftest import SharedParts
from ..wire.stream import connect

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
MODEL = "any-model"


def user(text: str) -> Line:
    return Line("user", text)


async def answer(responder: Responder, prompt: Prompt) -> list[str | ToolCall]:
    return [piece async for piece in responder.reply(prompt)]


@pytest.fixture
async def sdk(simulator: Simulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=simulator.base_url, api_key="any") as client:
        yield client


# -- a mind at a URL ----------------------------------------------------------------------------------


async def test_a_reply_arrives_piece_by_piece_and_is_the_same_as_without_the_wire(simulator: Simulator) -> None:
    prompt = Prompt([user("My dog is called Biscuit."), Line("assistant", "Nice."), user("What is my dog called?")])
    pieces = await answer(ChatResponder(simulator.base_url, MODEL), prompt)
    assert len(pieces) == 5
    assert "".join(map(str, pieces)) == "Your dog is called Biscuit."


async def test_a_summary_in_the_system_message_is_read(simulator: Simulator) -> None:
    lines = [Line("system", "Summary. The user said: “my name is Ada”."), user("Hello."), user("What is my name?")]
    pieces = await answer(ChatResponder(simulator.base_url, MODEL), Prompt(lines, "Be kind."))
    assert "".join(map(str, pieces)) == "Your name is Ada."


async def test_a_function_is_called_and_its_output_reported(simulator: Simulator) -> None:
    responder = ChatResponder(simulator.base_url, MODEL)
    question = user("What is the weather in Lisbon and in Paris?")
    calls = await answer(responder, Prompt([question], tools=[WEATHER]))
    assert calls == [ToolCall("get_weather", {"city": city}) for city in ("Lisbon", "Paris")]

    lines = [question, *(Line("assistant", "", call, f"call_{n}") for n, call in enumerate(calls))]
    lines += [Line("tool", '{"sky": "clear"}', call_id="call_0"), Line("tool", '{"sky": "grey"}', call_id="call_1")]
    said = await answer(responder, Prompt(lines, tools=[WEATHER]))
    assert "".join(map(str, said)) == "Here is what I found. sky clear. sky grey."

    one = await answer(responder, Prompt([question], tools=[WEATHER], parallel_tool_calls=False))
    assert len(one) == 1
    forced = await answer(responder, Prompt([user("Good morning.")], tools=[WEATHER], tool_choice="required"))
    assert [call.name for call in forced if isinstance(call, ToolCall)] == ["get_weather"]


async def test_the_limit_ends_a_reply(simulator: Simulator) -> None:
    prompt = Prompt([user("Tell me a story of about 300 words.")], max_output_tokens=12)
    text = "".join(map(str, await answer(ChatResponder(simulator.base_url, MODEL), prompt)))
    assert 5 <= len(text.split()) <= 12


class Noting:
    """A responder and ears that note what reached them over the wire."""

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []
        self.hints: list[tuple[float, str | None, str | None]] = []

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        self.prompts.append(prompt)
        yield "Noted."

    def load(self) -> None:
        pass

    async def hear(self, pcm: bytes, language: str | None, prompt: str | None) -> str:
        self.hints.append((duration_ms(pcm), language, prompt))
        return "noted"

    def close(self) -> None:
        pass


async def test_a_prompt_and_hints_cross_the_wire_unchanged(parts: Parts) -> None:
    noting = Noting()
    lines = [
        Line("system", "It is late."),
        Line("user", "Look.", images=("data:image/png;base64,AA", "data:image/png;base64,BB")),
        Line("assistant", "I see."),
        Line("assistant", "", ToolCall("get_weather", {"city": "São Paulo"}), "call_7"),
        Line("tool", "clear", call_id="call_7"),
    ]
    prompt = Prompt(
        lines,
        tools=[WEATHER],
        tool_choice={"type": "function", "name": "get_weather"},
        parallel_tool_calls=False,
        max_output_tokens=50,
    )
    async with Simulator(Config(parts=SharedParts(noting, parts.voice, noting))) as simulator:
        await answer(ChatResponder(simulator.base_url, MODEL), prompt)
        await answer(ChatResponder(simulator.base_url, MODEL), Prompt([user("Hello.")], "Be kind."))
        ears = TranscriptionEndpointEars(simulator.base_url, MODEL)
        await ears.hear(silence(700), "de", "Wetter")
        await ears.hear(silence(300))
    assert noting.prompts == [prompt, Prompt([Line("system", "Be kind."), user("Hello.")], tools=[])]
    assert noting.hints == [(700, "de", "Wetter"), (300, None, None)]


class Endless:
    """A responder that never ends by itself, and tells when it was stopped."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()
        self.said = 0

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        try:
            while True:
                self.said += 1
                yield "on and "
                await asyncio.sleep(0)
        finally:
            self.stopped.set()


async def test_closing_a_reply_stops_the_engine_behind_it(config: Config) -> None:
    endless = Endless()
    config.parts.responder = endless
    async with Simulator(config) as simulator:
        async with aclosing(ChatResponder(simulator.base_url, MODEL).reply(Prompt([user("Hello.")]))) as pieces:
            heard = [await anext(pieces) for _ in range(4)]
            assert not endless.stopped.is_set()
        assert "".join(map(str, heard)).startswith("on and on")
        await asyncio.wait_for(endless.stopped.wait(), 10)


async def test_chunks_come_as_the_sdk_reads_them_with_usage_last(sdk: AsyncOpenAI) -> None:
    tool = {"type": "function", "function": {key: WEATHER[key] for key in ("name", "parameters")}}
    stream = await sdk.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "What is the weather in Lisbon?"}],
        tools=[tool],  # type: ignore[list-item]
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    parts = [part for chunk in chunks[:-1] for part in chunk.choices[0].delta.tool_calls or ()]
    assert len(parts) > 2, "the arguments come in pieces"
    assert "".join(part.function.arguments or "" for part in parts if part.function) == '{"city":"Lisbon"}'
    assert chunks[-2].choices[0].finish_reason == "tool_calls"
    assert chunks[-1].choices == []
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 10
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert "gpt-realtime-2.1-mini" in [model.id async for model in sdk.models.list()]


async def test_calls_are_put_together_however_a_server_cuts_and_numbers_them() -> None:
    async def chunks() -> AsyncIterator[ChatCompletionChunk]:
        for index, call_id, name, arguments in (
            (0, "a", "look", '{"at":'),
            (0, None, None, ' "sky"}'),
            (0, "b", "wait", ""),  # another call under the same index: seen from Ollama
            (1, "c", "look", "{"),
            (1, "c", None, "}"),  # the id again: seen from other servers
        ):
            function = {"name": name, "arguments": arguments}
            delta = {"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]}
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            same = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": MODEL}
            yield ChatCompletionChunk.model_validate({**same, "choices": [choice]})

    responder = ChatResponder("http://localhost/v1", MODEL)
    calls = [responder._call(call) async for call in _pieces(chunks()) if isinstance(call, _Call)]
    assert calls == [ToolCall("look", {"at": "sky"}), ToolCall("wait", {}), ToolCall("look", {})]
    with pytest.raises(WorkshopError, match=r"called 'look' with arguments that are no JSON object: \[1\]"):
        responder._call(_Call("d", "look", "[1]"))


def test_a_prompt_becomes_messages_that_every_chat_template_takes() -> None:
    lisbon, paris = ToolCall("get_weather", {"city": "Lisbon"}), ToolCall("get_weather", {"city": "Paris"})
    lines = [
        Line("system", "Summary."),
        Line("tool", "an output without its call", call_id="gone"),
        Line("user", "Look.", images=("data:image/png;base64,AA",)),
        Line("assistant", "", lisbon, "a"),
        Line("assistant", "", paris, "b"),
        user("And?"),
        Line("tool", "clear", call_id="b"),
        Line("system", "It is late."),
    ]
    messages = messages_of(Prompt(lines, "Be kind."))
    everything = "Be kind.\n\nSummary.\n\nA function returned: an output without its call\n\nIt is late."
    assert messages[0] == {"role": "system", "content": everything}
    assert [message["role"] for message in messages[1:]] == ["user", "assistant", "tool", "tool", "user"]
    assert messages[1]["content"] == [
        {"type": "text", "text": "Look."},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
    ]
    assert [call["id"] for call in messages[2]["tool_calls"]] == ["a", "b"]
    assert [(tool["tool_call_id"], tool["content"]) for tool in messages[3:5]] == [
        ("a", "No output yet."),
        ("b", "clear"),
    ]

    named = Prompt([], tools=[WEATHER], tool_choice={"type": "function", "name": "get_weather"})
    assert options_of(named)["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}
    assert options_of(named)["tools"][0]["function"]["name"] == "get_weather"
    assert options_of(Prompt([], tool_choice="required", max_output_tokens=9)) == {"max_tokens": 9}


# -- a voice and ears at a URL ------------------------------------------------------------------------


async def test_what_the_speech_door_says_the_transcription_door_understands(simulator: Simulator) -> None:
    speech = await SpeechEndpointVoice(simulator.base_url, MODEL).speak("Tell me a quick story.", "sage", 1.0)
    assert 1000 < speech.duration_ms < 3000
    ears = TranscriptionEndpointEars(simulator.base_url, MODEL)
    ears.load()
    assert await ears.hear(silence(300) + speech.pcm + silence(500), "en", "stories") == "tell me a quick story"


async def test_voice_and_speed_reach_the_voice(simulator: Simulator, config: Config) -> None:
    voice = SpeechEndpointVoice(simulator.base_url, MODEL)
    slow, fast = [await voice.speak("How are you today?", "cedar", speed) for speed in (0.75, 1.5)]
    assert slow.duration_ms > 1.5 * fast.duration_ms
    assert slow.pcm == (await config.parts.voice.speak("How are you today?", "cedar", 0.75)).pcm


def test_word_times_are_spread_over_the_audio() -> None:
    speech = with_estimated_word_marks("One  two, three", silence(1500))
    assert [(word.offset, word.length, word.at_ms) for word in speech.words] == [(0, 3, 0), (5, 4, 500), (10, 5, 1000)]
    assert with_estimated_word_marks("", b"").words == ()


async def test_the_audio_doors_take_files_and_name_what_they_cannot_do(sdk: AsyncOpenAI, parts: Parts) -> None:
    wav = await sdk.audio.speech.create(model=MODEL, input="Hello there.", voice="marin", response_format="wav")
    assert (await wav.aread())[:4] == b"RIFF"
    with pytest.raises(BadRequestError, match=r"'mp3'. Supported values are: 'pcm' and 'wav'"):
        await sdk.audio.speech.create(model=MODEL, input="Hello.", voice="marin")
    with pytest.raises(BadRequestError, match=r"'nobody'. Supported values are: 'alloy'"):
        await sdk.audio.speech.create(model=MODEL, input="Hello.", voice="nobody", response_format="pcm")

    flac = flac_at_44_khz(silence(300) + parts.voice.engine.speak("How are you today?").pcm + silence(500))
    heard = await sdk.audio.transcriptions.create(model=MODEL, file=("speech.flac", flac), response_format="text")
    assert str(heard).strip() == "how are you today"
    with pytest.raises(BadRequestError, match="WAV, FLAC or OGG"):
        await sdk.audio.transcriptions.create(model=MODEL, file=("speech.wav", b"no sound at all"))
    with pytest.raises(BadRequestError, match=r"'srt'. Supported values are: 'json' and 'text'"):
        await sdk.audio.transcriptions.create(model=MODEL, file=("speech.flac", flac), response_format="srt")


def flac_at_44_khz(pcm: bytes) -> bytes:
    import io

    import soundfile

    from realtime_helpers.audio.formats import resample

    mono = resample(samples_from_pcm(pcm), 24_000, 44_100)
    file = io.BytesIO()
    soundfile.write(file, np.column_stack([mono, mono]), 44_100, format="FLAC")
    return file.getvalue()


# -- a whole turn -------------------------------------------------------------------------------------


async def test_a_spoken_turn_on_a_simulator_whose_parts_are_all_urls(simulator: Simulator, parts: Parts) -> None:
    word = f"{simulator.base_url}#{MODEL}"
    outer = Config(parts=Parts(choose_responder(word), choose_voice(word), choose_ears(word)))
    async with Simulator(outer) as front, connect(front) as client:
        transcription = {"transcription": {"model": "gpt-transcribe"}}
        await client.send("session.update", session={"type": "realtime", "audio": {"input": transcription}})
        await client.until("session.updated")
        await client.speak(parts.voice.engine.speak("How are you today?").pcm)
        done = await client.until("response.done")
        heard = next(e for e in client.events if e["type"].endswith("transcription.completed"))
        assert heard["transcript"] == "how are you today"
        assert done["response"]["status"] == "completed"
        assert "I am fine" in done["response"]["output"][0]["content"][0]["transcript"]
        deltas = [e["delta"] for e in client.events if e["type"] == "response.output_audio.delta"]
        pcm = b"".join(map(base64.b64decode, deltas))
        assert duration_ms(pcm) > 2000
        assert np.abs(samples_from_pcm(pcm)).max() > 0.1


# -- failures in words --------------------------------------------------------------------------------


async def fail(base_url: str, environ: dict[str, str]) -> list[str]:
    """What each of the three says."""
    said = []
    for work in (
        answer(ChatResponder(base_url, "gone", environ), Prompt([user("Hello.")])),
        SpeechEndpointVoice(base_url, "gone", environ).speak("Hello.", "marin", 1.0),
        TranscriptionEndpointEars(base_url, "gone", environ).hear(silence(200)),
    ):
        with pytest.raises(WorkshopError) as failure:
            await work
        said.append(str(failure.value))
    return said


async def test_an_address_where_nothing_listens(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/v1"
    for part, sentence in zip(("responder", "voice", "ears"), await fail(url, {}), strict=True):
        assert f"The {part} at {url} cannot be reached" in sentence
        assert f"curl {url}/models" in sentence


async def test_a_key_that_is_not_accepted_or_not_there(config: Config) -> None:
    config.required_key = "right"
    variables = {f"REALTIME_{part}_KEY": "wrong-and-secret" for part in ("RESPONDER", "VOICE", "EARS")}
    async with Simulator(config) as simulator:
        for variable, sentence in zip(variables, await fail(simulator.base_url, variables), strict=True):
            assert f"does not accept the key of {variable}" in sentence
            assert simulator.base_url in sentence
            assert "secret" not in sentence
        for variable, sentence in zip(variables, await fail(simulator.base_url, {}), strict=True):
            assert f"wants a key, and {variable} is not set" in sentence
        right = ChatResponder(simulator.base_url, MODEL, {"REALTIME_RESPONDER_KEY": "right"})
        assert await answer(right, Prompt([user("Hello.")]))
        assert "right" not in repr(right.endpoint)


async def test_an_address_without_that_model(simulator: Simulator) -> None:
    for sentence in await fail(f"{simulator.base_url}/elsewhere", {}):
        assert "has no model 'gone'" in sentence
        assert "is not simulated" in sentence, "the server's own words"


async def test_an_engine_that_fails_is_told_to_the_client_of_the_front(config: Config) -> None:
    """Also when it fails after the first words: the status is sent by then."""

    class Failing:
        def __init__(self, words: int) -> None:
            self.words = words

        async def reply(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
            for _ in range(self.words):
                yield "word "
            raise WorkshopError("The graphics card burns, and so does the-secret-key.", "Put it out.")

    for words in (0, 2):
        config.parts.responder = Failing(words)
        async with Simulator(config) as simulator:
            responder = ChatResponder(simulator.base_url, MODEL, {"REALTIME_RESPONDER_KEY": "the-secret-key"})
            with pytest.raises(WorkshopError) as failure:
                await answer(responder, Prompt([user("Hello.")]))
        assert f"The responder at {simulator.base_url} failed with the model 'any-model'" in str(failure.value)
        assert "The graphics card burns, and so does ***." in str(failure.value)


async def test_a_voice_that_sends_nothing(config: Config, parts: Parts) -> None:
    class Silent:
        async def speak(self, text: str, voice: str, speed: float) -> object:
            return with_estimated_word_marks(text, b"")

        def close(self) -> None:
            pass

    config.parts = SharedParts(voice=Silent(), ears=parts.ears)  # type: ignore[arg-type]
    async with Simulator(config) as simulator:
        with pytest.raises(WorkshopError, match=f"The voice at {simulator.base_url} sent no audio for 'Hello.'"):
            await SpeechEndpointVoice(simulator.base_url, MODEL).speak("Hello.", "marin", 1.0)


# -- words of the command line ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choose", "word", "sentence"),
    [
        (choose_responder, "gpt", "--responder 'gpt' is not known. Choose builtin, or URL#MODEL"),
        (choose_voice, "piper", "Piper's model file '.' is not there. Fetch a voice: python -m piper.download_voices"),
        (choose_voice, "alloy", "Choose builtin, piper:PATH of a model, or URL#MODEL"),
        (choose_ears, "whisper", "Choose builtin, faster-whisper, faster-whisper:MODEL, or URL#MODEL"),
        (choose_ears, "http://localhost:8000/v1", "names no model. Add one: http://localhost:8000/v1#MODEL"),
        (choose_voice, "http://me:secret@localhost/v1#x", "no user, no password"),
    ],
)
def test_a_word_that_names_no_part(choose: type, word: str, sentence: str) -> None:
    with pytest.raises((SettingsError, MissingPartError)) as failure:
        choose(word)
    assert sentence in str(failure.value)
    assert "secret" not in str(failure.value)


def test_the_command_line_says_what_is_missing_before_it_serves() -> None:
    result = CliRunner().invoke(app, ["serve", "--port", "0", "--voice", "piper:nowhere.onnx"])
    assert result.exit_code == 1
    assert "Piper's model file 'nowhere.onnx' is not there." in result.output
