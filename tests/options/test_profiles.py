"""Every profile explains itself, and holds a conversation of its kind with the simulator."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Any

import pytest

from realtime_helpers import Snapshot
from realtime_helpers.audio.formats import AUDIO_FORMATS, chunks_of, samples_from_pcm, silence
from realtime_helpers.experiments.lab import SETTINGS, LabParts, MemoryService, lab_config
from realtime_helpers.options import PROFILES, Profile, SessionOptions, contradictions
from realtime_helpers.options.show import chosen_values
from realtime_helpers.protocol import append_audio, decode, encode, update_session
from realtime_helpers.protocol.frames import base64_to_pcm
from realtime_helpers.session.live import LiveSession
from realtime_helpers.simulator.memory_door import MemoryLine
from tests.session.lab import run, say_aloud, voice_session

PAUSE_MS = 640
"""How long people pause in the middle of a sentence, without being done."""


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_every_chosen_value_has_its_reason_and_no_reason_is_left_over(profile: Profile) -> None:
    assert set(profile.reasons) == {name for name, _ in chosen_values(profile.options)}
    assert all(reason.endswith(".") and len(reason) > 20 for reason in profile.reasons.values())
    for shown in (str(profile), profile._repr_html_()):
        assert profile.purpose in shown
        assert all(name in shown for name in profile.reasons)


def test_the_table_holds_all_profiles() -> None:
    assert len(PROFILES) == 6
    for shown in (repr(PROFILES), str(PROFILES), PROFILES._repr_html_()):
        assert all(name in shown for name in PROFILES)
    assert "nobody" not in PROFILES


def test_a_profile_is_easily_changed() -> None:
    options = PROFILES["telephony"].options
    european = options.but(input_format="g711_alaw", output_format="g711_alaw")
    differing = {of.name for of in fields(SessionOptions) if getattr(options, of.name) != getattr(european, of.name)}
    assert differing == {"input_format", "output_format"}


async def begin(name: str, lab: LabParts) -> tuple[LiveSession, Any]:
    options = PROFILES[name].options
    session, user = voice_session(MemoryService(lab_config(lab)), options=options)
    now = await session.wait_for(lambda now: now.is_quiet)
    assert now.options is not None
    assert contradictions(options, now.options) == []
    return session, user


def spoken(now: Snapshot) -> list[str]:
    """What the user said, turn by turn as the server divided it."""
    return [item.text for item in now.items if item.role == "user"]


async def with_pause(lab: LabParts, *parts: str) -> bytes:
    """A sentence with pauses in it."""
    return silence(PAUSE_MS).join([await lab.voice.clip(words) for words in parts])


def test_the_voice_assistant_answers_a_question_in_speech(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        session, user = await begin("voice_assistant", lab)
        await say_aloud(session, user, await lab.voice.clip("What can you do?"))
        turn = session.snapshot().turns[0]
        assert turn.user_text == "what can you do"
        assert turn.items[1].audio_ms > 1_000
        await session.stop()

    run(talk, lab)


def test_customer_service_lets_a_caller_look_for_words_and_asks_when_the_line_falls_silent(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        session, user = await begin("customer_service", lab)
        await say_aloud(session, user, await with_pause(lab, "My dog is called Biscuit.", "I live in Lisbon."))
        assert len(spoken(session.snapshot())) == 1
        user.play_on(silence(25_000), pause_ms=0)
        now = await session.wait_for(lambda now: len(now.responses) == 2 and now.is_quiet)
        assert [item.role for item in now.items] == ["user", "assistant", "system", "user", "assistant"]
        await session.stop()

    run(talk, lab)


def test_the_demo_takes_the_same_pause_for_the_end_and_answers_sooner(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        session, user = await begin("interactive_demo", lab)
        user.play(await with_pause(lab, "My dog is called Biscuit.", "I live in Lisbon."))
        now = await session.wait_for(lambda now: len(spoken(now)) == 2 and now.is_quiet)
        assert spoken(now) == ["my dog is called biscuit", "i live in lisbon"]
        assert "Lisbon" in now.turns[-1].assistant_text
        await session.stop()

    run(talk, lab)


def test_the_tutor_waits_for_the_end_of_a_sentence(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        session, user = await begin("language_tutor", lab)
        user.play(await lab.voice.clip("I live in"), pause_ms=3_000)
        user.play_on(await lab.voice.clip("Lisbon."), pause_ms=9_000)
        now = await session.wait_for(lambda now: bool(now.turns) and now.has_answered(1))
        assert len(spoken(now)) == 1
        assert now.turns[0].items[0].audio_ms > 4_000, "the pause was waited for"
        await session.stop()

    run(talk, lab)


def test_meeting_notes_listens_in_silence_and_writes_when_it_is_asked(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        session, user = await begin("meeting_notes", lab)
        for number, words in enumerate(["My dog is called Biscuit.", "I live in Lisbon."], start=1):
            user.play(await lab.voice.clip(words), pause_ms=1_200)
            await session.wait_for(lambda now, number=number: len(now.items) == number and not now.turns[-1].pending)
        await asyncio.sleep(30)
        now = session.snapshot()
        assert spoken(now) == ["my dog is called biscuit", "i live in lisbon"]
        assert len(now.responses) == 0
        session.say_text("Where do I live?")
        now = await session.wait_for(lambda now: now.has_answered(1))  # all before it is one open turn
        assert "Lisbon" in now.turns[-1].assistant_text
        assert now.responses[0].usage.output_audio == 0
        await session.stop()

    run(talk, lab)


def test_telephony_holds_a_conversation_in_a_session(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        session, user = await begin("telephony", lab)
        await say_aloud(session, user, await lab.voice.clip("How are you?"))
        turn = session.snapshot().turns[0]
        assert "fine" in turn.assistant_text
        assert 1_000 < turn.items[1].audio_ms < 10_000, "counted at the line's own rate"
        await session.stop()

    run(talk, lab)


def test_telephony_speaks_g711_in_both_directions(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        law = AUDIO_FORMATS["audio/pcmu"]
        line = MemoryLine(lab_config(lab), SETTINGS.model)  # the bytes of the wire are the point
        await line.send(encode(update_session(PROFILES["telephony"].options.wire)))
        clip = silence(200) + await lab.voice.clip("How are you?") + silence(1_000)
        for chunk in chunks_of(law.from_pcm24k(clip), 160):  # 20 ms, as providers send them
            await line.send(encode(append_audio(chunk)))
        heard = b""
        while (event := decode(await line.receive()))["type"] != "response.done":
            assert event["type"] != "error", event
            if event["type"] == "response.output_audio.delta":
                heard += base64_to_pcm(event["delta"])
        assert "fine" in event["response"]["output"][0]["content"][0]["transcript"]
        assert law.duration_ms(heard) == pytest.approx(3_500, rel=0.5)
        assert abs(samples_from_pcm(law.to_pcm24k(heard))).max() > 0.1, "there is a voice in it"
        await line.close()

    run(talk, lab)
