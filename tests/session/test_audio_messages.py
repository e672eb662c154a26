"""A recording as one turn, in the same talk as speech and text."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from realtime_helpers import AudioError, SummaryPolicy
from realtime_helpers.audio.formats import AUDIO_FORMATS, samples_from_pcm
from realtime_helpers.experiments.lab import LabParts, LabUser
from realtime_helpers.memory import lost_items
from realtime_helpers.protocol import Event
from realtime_helpers.session.snapshot import State
from realtime_helpers.simulator.faults import Scenario

from .floor import Floor, Script, run
from .lab import BISCUIT, NEVER_TRANSCRIBED, snap
from .test_session import LocalServer, server  # noqa: F401 - a fixture

YES = "Yes, of course."
TRANSCRIBED = {"transcription": {"model": "gpt-4o-mini-transcribe"}}


async def listening(floor: Floor) -> None:
    await floor.until(lambda now: now.state is State.LISTENING)


def test_a_message_is_one_turn_beside_typed_and_spoken_ones(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user, script = LabUser(), Script([YES])
        floor = Floor(lab, script, user)
        await listening(floor)
        clip = await lab.voice.clip(BISCUIT)
        floor.session.say_audio(clip)
        await floor.answered(1)
        floor.session.say_text("Thank you.")
        await floor.answered(2)
        user.play(await lab.voice.clip("I live in Lisbon."))
        await floor.answered(3)
        now = await floor.until(lambda now: not now.turns[2].pending)
        assert [turn.user_text for turn in now.turns] == ["my dog is called biscuit", "Thank you.", "i live in lisbon"]
        message = now.turns[0].items[0]
        assert message.spoken
        assert message.audio_ms == pytest.approx(len(clip) / 48)
        assert not floor.received("input_audio_buffer.committed")[1:], "the message did not go through the microphone"
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_words_that_come_with_a_message_are_known_at_once(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([YES]), config={"audio": {"input": {"transcription": None}}})
        await listening(floor)
        floor.session.say_audio(await lab.voice.clip(BISCUIT), "My dog is called Biscuit.")
        now = await floor.answered(1)
        assert now.turns[0].user_text == "My dog is called Biscuit."
        assert now.turns[0].is_readable
        assert floor.session._uploads.clips == {}, "the words stand for it"
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


@pytest.mark.parametrize("lost_at", ["conversation.item.create", "response.create", "conversation.item.added"])
def test_a_message_survives_a_lost_line_once(lab: LabParts, lost_at: str) -> None:
    async def talk(lab: LabParts) -> None:
        def lose(_way: str, event: Event) -> None:
            if event["type"] == lost_at and len(floor.service.lines) == 1:
                snap(floor.service)

        script = Script([YES])
        floor = Floor(lab, script, on_event=lose)
        await listening(floor)
        clip = await lab.voice.clip(BISCUIT)
        floor.session.say_audio(clip)
        await floor.answered(1)
        now = await floor.until(lambda now: not now.turns[0].pending)
        assert len(floor.service.lines) == 2
        assert script.read[-1] == ["my dog is called biscuit"]
        assert [item.role for item in now.turns[0].items] == ["user", "assistant"]
        assert bytes(floor.on_server[0].sounds[0].data) == clip
        assert now.turns[0].items[0].audio_ms == pytest.approx(len(clip) / 48)
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_a_message_without_words_comes_back_as_a_recording_after_a_lost_line(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([YES]))
        floor.service.config.scenario = NEVER_TRANSCRIBED
        floor.service._faults = None
        await listening(floor)
        clip = await lab.voice.clip(BISCUIT)
        floor.session.say_audio(clip)
        await floor.answered(1)
        floor.service.config.scenario = Scenario()
        snap(floor.service)
        now = await floor.until(lambda now: now.restorations and now.turns[0].is_readable)
        assert now.turns[0].user_text == "my dog is called biscuit"
        assert bytes(floor.on_server[0].sounds[0].data) == clip
        await floor.session.stop()

    run(talk, lab)


def test_a_message_that_no_server_transcribes_is_put_into_words_before_it_is_summarised(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        memory = SummaryPolicy(trigger_tokens=60, keep_turns=1, least_saving_tokens=1)
        floor = Floor(lab, None, memory=memory, config={"output_modalities": ["text"], "audio": {"input": TRANSCRIBED}})
        floor.service.config.scenario = NEVER_TRANSCRIBED
        floor.service._faults = None
        await listening(floor)
        floor.session.say_audio(await lab.voice.clip(BISCUIT))
        await floor.answered(1)
        for number in (2, 3):
            floor.session.say_text("Tell me a long story.")
            await floor.answered(number)
        now = await floor.until(lambda now: now.summaries and not now.is_summarising)
        assert "Biscuit" in now.summaries[-1].text or "biscuit" in now.summaries[-1].text
        assert lost_items(now.turns, now.items, now.summaries) == ()
        assert now.turns[0].items[0].id not in [item.id for item in now.items]
        await floor.session.stop()

    run(talk, lab)


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
def test_a_message_goes_out_in_the_format_of_the_session(lab: LabParts, kind: str) -> None:
    async def talk(lab: LabParts) -> None:
        wire = AUDIO_FORMATS[kind]
        config = {"audio": {"input": {"format": wire.wire, **TRANSCRIBED}}}
        floor = Floor(lab, Script([YES]), config=config)
        await listening(floor)
        clip = await lab.voice.clip(BISCUIT)
        floor.session.say_audio(floor.session.input_format.from_pcm24k(clip))
        await floor.answered(1)
        now = await floor.until(lambda now: not now.turns[0].pending)
        assert now.turns[0].user_text == "my dog is called biscuit"
        assert now.turns[0].items[0].audio_ms == pytest.approx(len(clip) / 48, abs=1)
        await floor.session.stop()

    run(talk, lab)


def test_a_sound_file_is_sent_by_its_name(lab: LabParts, server: LocalServer, tmp_path: Path) -> None:  # noqa: F811
    import soundfile

    from realtime_helpers import RealtimeSession

    async def record() -> bytes:
        return await lab.voice.clip(BISCUIT)

    file = tmp_path / "message.wav"
    soundfile.write(file, samples_from_pcm(asyncio.run(record())), 24_000)
    with RealtimeSession(settings=server.settings) as session:
        session.start()
        session.send_audio(file)
        now = session.wait_for_answer(1, timeout_s=30)
        assert now.turns[0].user_text == "my dog is called biscuit"
        wrong: list[tuple[Any, str]] = [
            (tmp_path / "missing.wav", "There is no sound file"),
            (b"", "cannot be sent as one turn"),
            (bytes(99 * 48), "100 ms to 3 minutes"),
            (bytes(181 * 48_000), "100 ms to 3 minutes"),
        ]
        for audio, problem in wrong:
            with pytest.raises(AudioError, match=problem):
                session.send_audio(audio)
