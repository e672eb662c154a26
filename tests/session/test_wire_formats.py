"""Telephone audio on the wire: sources and sinks never notice, and every millisecond is where it was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime_helpers.audio.formats import AUDIO_FORMATS, BYTES_PER_MS, CHUNK_MS, AudioFormat
from realtime_helpers.experiments.lab import LabParts, LabUser
from realtime_helpers.session.snapshot import State

from .floor import STORY, Floor, Mouth, Script, run
from .lab import BISCUIT, NEVER_TRANSCRIBED, snap
from .test_other_parts import KeepingSink

YES = "Yes, of course."
TELEPHONES = [AUDIO_FORMATS["audio/pcmu"], AUDIO_FORMATS["audio/pcma"]]
telephones = pytest.mark.parametrize("wire", TELEPHONES, ids=["mu-law", "A-law"])


def telephony(wire: AudioFormat, **turns: Any) -> dict[str, Any]:
    detection = {"turn_detection": {"type": "server_vad", "silence_duration_ms": 200, **turns}}
    return {
        "audio": {
            "input": {"format": wire.wire, "transcription": {"model": "gpt-4o-mini-transcribe"}, **detection},
            "output": {"format": wire.wire},
        }
    }


def on_the_phone(lab: LabParts, wire: AudioFormat, source: Any, **options: Any) -> Floor:
    return Floor(lab, Script([STORY], [YES]), source, KeepingSink(), wire, config=telephony(wire), **options)


async def listening(floor: Floor) -> None:
    await floor.until(lambda now: now.state is State.LISTENING)


@telephones
def test_a_spoken_turn_is_understood_and_answered_over_the_telephone(lab: LabParts, wire: AudioFormat) -> None:
    async def talk(lab: LabParts) -> None:
        user = LabUser()
        floor = on_the_phone(lab, wire, user)
        await listening(floor)
        user.play(await lab.voice.clip(BISCUIT))
        await floor.answered(1)
        now = await floor.until(lambda now: not now.turns[0].pending)
        question, story = now.turns[0].items
        assert now.turns[0].user_text == "my dog is called biscuit"
        on_server = floor.on_server[0].sounds[0]
        assert on_server.format == wire
        assert question.audio_ms == pytest.approx(on_server.length_ms)
        spoken = (await lab.voice.speak(STORY, "marin", 1.0)).pcm
        assert story.audio_ms == pytest.approx(len(spoken) / BYTES_PER_MS, abs=1)
        assert isinstance(floor.sink, KeepingSink)
        played_ms = len(floor.sink.sound[story.id]) / BYTES_PER_MS
        assert played_ms == pytest.approx(story.audio_ms, abs=1), "PCM16 at 24 kHz, to its last sample"
        uploaded = sum(len(event["audio"]) * 3 // 4 for event in floor.sent("input_audio_buffer.append"))
        assert uploaded < 3000 * wire.bytes_per_ms
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


@telephones
@pytest.mark.parametrize("heard_ms", [0, 250, 940])
def test_an_interruption_is_right_to_the_millisecond(lab: LabParts, wire: AudioFormat, heard_ms: int) -> None:
    async def talk(lab: LabParts) -> None:
        floor = on_the_phone(lab, wire, None)
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        await asyncio.sleep(heard_ms / 1000)
        floor.session.interrupt()
        floor.session.say_text("Go on.")
        await floor.answered(2)
        assert abs((floor.replies()[0].heard_ms or 0) - heard_ms) <= CHUNK_MS
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


@telephones
def test_a_telephone_with_a_button_sends_the_last_sample(lab: LabParts, wire: AudioFormat) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        config = telephony(wire)
        config["audio"]["input"]["turn_detection"] = None
        floor = Floor(lab, Script([YES]), mouth, wire=wire, config=config)
        await listening(floor)
        clip = await lab.voice.clip(BISCUIT)
        for number in (1, 2):
            floor.session.begin_turn()
            length_s = mouth.say(clip)
            await asyncio.sleep(length_s)
            floor.session.end_turn()
            await floor.answered(number)
            now = await floor.until(lambda now, number=number: not now.turns[number - 1].pending)
            item = now.turns[number - 1].items[0]
            assert item.text == "my dog is called biscuit"
            assert length_s * 1000 - 1 <= item.audio_ms <= length_s * 1000 + 2 * CHUNK_MS + 1
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


@telephones
def test_a_held_turn_is_as_long_on_the_wire_as_it_was(lab: LabParts, wire: AudioFormat) -> None:
    async def talk(lab: LabParts) -> None:
        user = LabUser()
        config = telephony(wire)
        config["audio"]["input"]["turn_detection"] = None
        floor = Floor(lab, Script([YES]), user, wire=wire, config=config)
        await listening(floor)
        clip = await lab.voice.clip(BISCUIT)
        for number in (1, 2):
            user.play_on(clip, pause_ms=0)
            floor.session.begin_turn()
            await asyncio.sleep(0.5)
            floor.session.end_turn()
            await floor.answered(number)
            item = floor.now.turns[number - 1].items[0]
            assert item.audio_ms == pytest.approx(len(clip) / BYTES_PER_MS, abs=1), "what a filter held back, too"
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


@telephones
def test_a_recording_of_a_telephone_call_survives_a_lost_line(lab: LabParts, wire: AudioFormat) -> None:
    async def talk(lab: LabParts) -> None:
        user = LabUser()
        floor = on_the_phone(lab, wire, user)
        floor.service.config.scenario, floor.service._faults = NEVER_TRANSCRIBED, None
        await listening(floor)
        user.play(await lab.voice.clip(BISCUIT))
        await floor.answered(1)
        before = bytes(floor.on_server[0].sounds[0].data)
        snap(floor.service)
        await floor.until(lambda now: now.restorations)
        assert bytes(floor.on_server[0].sounds[0].data) == before
        await floor.session.stop()

    run(talk, lab)


@telephones
def test_a_reply_changes_loudspeakers_over_the_telephone(lab: LabParts, wire: AudioFormat) -> None:
    async def talk(lab: LabParts) -> None:
        floor = on_the_phone(lab, wire, None)
        await listening(floor)
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        await asyncio.sleep(0.5)
        other = KeepingSink()
        floor.session.use(None, other)
        await floor.answered(1)
        story = floor.replies()[0]
        assert abs(len(other.sound[story.id]) / BYTES_PER_MS - (story.audio_ms - 500)) <= CHUNK_MS
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)
