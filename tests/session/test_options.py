"""Options of a live session: what is sent, what waits, what is refused, and what survives a lost line."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from realtime_helpers import (
    CallFunction,
    PushToTalk,
    RealtimeSession,
    Reconnect,
    SemanticVAD,
    ServerVAD,
    SessionError,
    SessionOptions,
    Settings,
    SettingsError,
    State,
    Tracing,
    Transcription,
)
from realtime_helpers.experiments import lab as laboratory
from realtime_helpers.experiments.lab import LabParts, MemoryService, lab_config, lab_session
from realtime_helpers.protocol import commit_audio, create_response
from realtime_helpers.runtime import background_loop
from realtime_helpers.session.live import LiveSession
from realtime_helpers.simulator import Config, Simulator
from realtime_helpers.simulator.faults import NO_FAULTS, Faults
from tests.memory.world import Exchange, Hand

from .lab import run, say, say_aloud, snap, voice_session

TRANSCRIBED = {"audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}}
Event = dict[str, Any]


class Updates:
    """The `session.update`s that were sent, without their type."""

    def __init__(self) -> None:
        self.sent: list[Event] = []

    def __call__(self, way: str, event: Event, _at_s: float) -> None:
        if way == "sent" and event["type"] == "session.update":
            assert event["session"]["type"] == "realtime"
            self.sent.append({name: value for name, value in event["session"].items() if name != "type"})


async def listening(session: LiveSession) -> None:
    await session.wait_for(lambda now: now.state is State.LISTENING)


def text_only(**others: Any) -> SessionOptions:
    return SessionOptions(output_modality="text", **others)


def test_a_new_session_sends_what_was_chosen_and_the_transcription_that_summaries_need(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service, updates = MemoryService(lab_config(lab)), Updates()
        session, _ = voice_session(service, trace=updates, options=SessionOptions(voice="cedar"))
        await listening(session)
        assert updates.sent == [{"audio": {"output": {"voice": "cedar"}, **TRANSCRIBED["audio"]}}]
        now = session.snapshot()
        assert now.options is not None
        assert (now.options.voice, now.options.speed) == ("cedar", 1.0)
        assert now.options.turn_detection == ServerVAD(
            threshold=0.5, prefix_padding_ms=300, silence_duration_ms=500, idle_timeout_ms=None, create_response=True,
            interrupt_response=True,
        ), "the server's own defaults can be seen"  # fmt: skip
        await session.stop()

    run(talk, lab)


def test_raw_fields_are_merged_last(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        raw = {"audio": {"output": {"voice": "ash"}, "input": {"transcription": {"language": "de"}}}}
        session, _ = voice_session(service, options=SessionOptions(voice="cedar"), config=raw)
        await listening(session)
        assert service.line.session.wire["audio"]["output"]["voice"] == "ash"
        assert service.line.session.wire["audio"]["input"]["transcription"] == {
            "model": "gpt-transcribe", "language": "de", "prompt": None,
        }  # fmt: skip
        session.set_options(SessionOptions(voice="cedar", speed=0.9))
        await session.wait_for(lambda now: now.options.speed == 0.9)
        assert service.line.session.wire["audio"]["output"]["voice"] == "ash"
        assert session.problems == [], "an override is no contradiction"
        await session.stop()

    run(talk, lab)


def test_only_what_differs_is_sent_and_what_is_left_out_goes_back_to_the_default(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service, updates = MemoryService(lab_config(lab)), Updates()
        session, _ = voice_session(service, trace=updates, options=SessionOptions(instructions="Be brief."))
        await listening(session)
        patient = SessionOptions(instructions="Be brief.", turn_detection=ServerVAD(silence_duration_ms=900))
        session.set_options(patient)
        await session.wait_for(lambda now: now.options.turn_detection.silence_duration_ms == 900)
        assert list(updates.sent[-1]) == ["audio"]
        session.set_options(session.snapshot().options.but(max_output_tokens=100))
        await session.wait_for(lambda now: now.options.max_output_tokens == 100)
        assert updates.sent[2:] == [{"max_output_tokens": 100}]
        session.set_options(SessionOptions(instructions="Be brief."))
        await session.wait_for(lambda now: now.options.turn_detection.silence_duration_ms == 500)
        assert updates.sent[3]["max_output_tokens"] == "inf"
        session.set_options(SessionOptions(instructions="Be brief."))
        await say(session, "How are you?")
        assert len(updates.sent) == 4, "nothing differs"
        await session.stop()

    run(talk, lab)


def test_of_quick_changes_only_the_last_is_sent_while_one_is_under_way(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service, updates = MemoryService(lab_config(lab)), Updates()
        session, _ = voice_session(service, trace=updates)
        await listening(session)
        for hundredths in range(50, 91):  # a slider is drawn
            session.set_options(SessionOptions(turn_detection=ServerVAD(threshold=hundredths / 100)))
        await session.wait_for(lambda now: now.options.turn_detection.threshold == 0.9)
        thresholds = [sent["audio"]["input"]["turn_detection"]["threshold"] for sent in updates.sent[1:]]
        assert thresholds == [0.51, 0.9]
        await session.stop()

    run(talk, lab)


def test_the_speed_waits_for_the_end_of_the_reply_and_nothing_else_does(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service, updates = MemoryService(lab_config(lab)), Updates()
        session, _ = voice_session(service, trace=updates)
        await listening(session)
        session.say_text("Tell me a long story.")
        await session.wait_for(lambda now: now.state is State.SPEAKING)
        session.set_options(SessionOptions(speed=0.8, noise_reduction="near_field"))
        now = await session.wait_for(lambda now: now.options.noise_reduction == "near_field")
        assert now.options.speed == 1.0
        assert session.conversation.active_response_id is not None
        now = await session.wait_for(lambda now: now.options.speed == 0.8)
        assert session.conversation.active_response_id is None
        assert updates.sent[1:] == [
            {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}},
            {"audio": {"output": {"speed": 0.8}}},
        ]
        assert now.problems == ()
        await session.stop()

    run(talk, lab)


def test_a_reply_that_begins_just_before_the_speed_arrives_only_delays_it(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        hand = Hand()
        service = MemoryService(lab_config(lab), lambda: hand)
        session, _ = voice_session(service)
        await listening(session)
        session.set_options(SessionOptions(speed=0.8))
        service.line._connection._responses.create({"type": "response.create"})  # as turn detection would
        now = await session.wait_for(lambda now: now.options.speed == 0.8)
        assert len(now.responses) == 1
        assert now.problems == ()
        await session.stop()

    run(talk, lab)


def test_a_voice_that_was_heard_stays_and_nothing_is_sent(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service, updates = MemoryService(lab_config(lab)), Updates()
        session, _ = voice_session(service, trace=updates)
        await listening(session)
        session.set_options(SessionOptions(voice="ash"))
        await session.wait_for(lambda now: now.options.voice == "ash")
        await say(session, "How are you?")
        with pytest.raises(SessionError, match=r"stays ash.*new session"):
            session.set_options(SessionOptions(voice="cedar", speed=0.8))
        with pytest.raises(SessionError, match="stays ash"):
            session.set_options(SessionOptions())
        session.set_options(SessionOptions(voice="ash", speed=0.8))
        await session.wait_for(lambda now: now.options.speed == 0.8)
        assert len(updates.sent) == 3
        service.line.cut()  # the next conversation knows this reply as text only
        await session.wait_for(lambda now: len(now.restorations) == 1 and now.state is State.LISTENING)
        assert service.line.session.wire["audio"]["output"] == {
            "format": {"type": "audio/pcm", "rate": 24_000}, "voice": "ash", "speed": 0.8,
        }  # fmt: skip
        session.set_options(SessionOptions(voice="cedar"))
        await session.wait_for(lambda now: now.options.voice == "cedar")
        await session.stop()

    run(talk, lab)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (SessionOptions(tracing="auto"), SessionOptions(), "Tracing cannot change"),
        (SessionOptions(tracing="auto"), SessionOptions(tracing=Tracing(group_id="a")), "Tracing cannot change"),
        (SessionOptions(), SessionOptions(input_format="g711_ulaw"), "formats stay"),
        (SessionOptions(), SessionOptions(output_format="g711_alaw"), "formats stay"),
    ],
)
def test_what_is_locked_is_refused_here(
    before: SessionOptions, after: SessionOptions, told: str, lab: LabParts
) -> None:
    async def talk(lab: LabParts) -> None:
        session, _ = voice_session(MemoryService(lab_config(lab)), options=before)
        await listening(session)
        with pytest.raises(SessionError, match=told):
            session.set_options(after)
        session.set_options(before.but(speed=0.9))
        await session.wait_for(lambda now: now.options.speed == 0.9)
        await session.stop()

    run(talk, lab)


def test_a_refused_update_leaves_the_old_options_in_force_and_says_so(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        hand, updates = Hand(), Updates()
        service = MemoryService(lab_config(lab), lambda: hand)
        session, _ = voice_session(service, trace=updates, options=text_only(instructions="Be brief."))
        await listening(session)
        hand.refusals["session.update"] = 1
        session.set_options(text_only(instructions="Be long.", tool_choice="none"))
        now = await session.wait_for(lambda now: now.problems)
        assert "refused the new options, the old ones stay in force" in now.problems[0]
        await say(session, "How are you?")
        assert (now.options.instructions, now.options.tool_choice) == ("Be brief.", "auto")
        assert len(updates.sent) == 2, "it is not asked for again"
        service.line.cut()
        await session.wait_for(lambda now: now.state is State.RECONNECTING)
        await listening(session)
        assert service.line.session.wire["instructions"] == "Be brief."
        session.set_options(text_only(instructions="Be long."))
        await session.wait_for(lambda now: now.options.instructions == "Be long.")
        await session.stop()

    run(talk, lab)


def test_what_was_chosen_while_an_update_was_refused_is_tried(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        hand = Hand()
        session, _ = voice_session(MemoryService(lab_config(lab), lambda: hand))
        await listening(session)
        hand.refusals["session.update"] = 1
        session.set_options(SessionOptions(max_output_tokens=100))
        session.set_options(SessionOptions(max_output_tokens=200))
        await session.wait_for(lambda now: now.options.max_output_tokens == 200)
        await session.stop()

    run(talk, lab)


@pytest.mark.parametrize("is_confirmed", [True, False])
def test_new_options_survive_a_lost_line(is_confirmed: bool, lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service, updates = Exchange(lab_config(lab), lambda: Faults(NO_FAULTS, random.Random(0))), Updates()
        patience = Reconnect(attempts=20, first_wait_s=8.0)
        session, _ = voice_session(service, trace=updates, options=text_only(), reconnect=patience)
        await say(session, "My dog is called Biscuit.")
        session.set_options(text_only(instructions="Be kind.", turn_detection=SemanticVAD()))
        if is_confirmed:
            await session.wait_for(lambda now: now.options.instructions == "Be kind.")
        snap(service)
        service.refused_lines = 8  # longer than a confirmation is waited for
        await session.wait_for(lambda now: len(now.restorations) == 1)
        now = await session.wait_for(lambda now: now.options.instructions == "Be kind.")
        assert now.options.turn_detection.eagerness == "auto"
        assert service.line.session.wire["instructions"] == "Be kind."
        assert len(updates.sent) == (3 if is_confirmed else 4)
        await say(session, "What is my dog called?")
        assert "Biscuit" in session.snapshot().turns[-1].assistant_text
        await asyncio.sleep(60)
        assert session.problems == []
        await session.stop()

    run(talk, lab)


def test_options_can_be_changed_while_there_is_no_line(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session, _ = voice_session(service)
        session.set_options(SessionOptions(max_output_tokens=100))  # before the first greeting
        await session.wait_for(lambda now: now.options is not None and now.options.max_output_tokens == 100)
        service.line.cut()
        await session.wait_for(lambda now: now.state is State.RECONNECTING)
        session.set_options(SessionOptions(max_output_tokens=200))
        await session.wait_for(lambda now: now.options.max_output_tokens == 200)
        await session.stop()

    run(talk, lab)


def test_detection_can_be_switched_off_in_the_middle_of_speech_and_on_again(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session, user = voice_session(service)
        await say_aloud(session, user, await lab.voice.clip("Hello."))
        clip = await lab.voice.clip("How are you today?")
        user.play(clip, pause_ms=400)  # shorter than the silence that would end the turn
        await session.wait_for(lambda now: now.state is State.HEARING)
        session.set_options(SessionOptions(turn_detection=PushToTalk()))
        now = await session.wait_for(lambda now: now.options.turn_detection == PushToTalk())
        assert now.state is State.LISTENING, "nobody would tell when this speech ends"
        await session.wait_for(lambda _now: not session._outbox._audio)
        session._send(commit_audio(event_id="commit"))
        session._send(create_response(event_id="reply"))
        now = await session.wait_for(lambda now: len(now.turns) == 2 and now.has_answered(2))
        assert now.turns[1].user_text == "how are you today"
        assert "fine" in now.turns[1].assistant_text
        session.set_options(SessionOptions())
        await session.wait_for(lambda now: isinstance(now.options.turn_detection, ServerVAD))
        await say_aloud(session, user, await lab.voice.clip("I live in Lisbon."))
        now = session.snapshot()
        assert now.turns[2].user_text == "i live in lisbon"
        assert now.problems == ()
        await session.stop()

    run(talk, lab)


def frames_through(change: Callable[[Event], Event | None], patch: pytest.MonkeyPatch) -> None:
    """Have every frame of the server pass through a function; `None` takes it away."""
    receive = laboratory._ClientEnd.receive

    async def changed(self: Any) -> str:
        while (event := change(orjson.loads(await receive(self)))) is None:
            pass
        return orjson.dumps(event).decode()

    patch.setattr(laboratory._ClientEnd, "receive", changed)


def test_a_server_that_takes_another_value_is_found_out(lab: LabParts, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(event: Event) -> Event:
        if event["type"] == "session.updated":
            event["session"]["audio"]["output"]["speed"] = 1.0
        return event

    async def talk(lab: LabParts) -> None:
        updates = Updates()
        session, _ = voice_session(MemoryService(lab_config(lab)), trace=updates)
        await listening(session)
        session.set_options(SessionOptions(speed=1.2))
        now = await session.wait_for(lambda now: now.problems)
        session.set_options(SessionOptions(speed=1.2, max_output_tokens=100))
        await session.wait_for(lambda now: now.options.max_output_tokens == 100)
        assert updates.sent[-1]["audio"] == {"output": {"speed": 1.2}}, "what it did not take is asked for again"
        assert now.problems == ("The server's session is not as asked: speed is 1.0, 1.2 was asked for.",)
        assert now.options.speed == 1.0
        await session.stop()

    frames_through(slow, monkeypatch)
    run(talk, lab)


def test_what_a_server_never_tells_is_remembered_here(lab: LabParts, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(event: Event) -> Event:
        event.get("session", {}).pop("reasoning", None)  # as recorded (reference §1.5)
        return event

    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session, _ = voice_session(service, options=SessionOptions(reasoning_effort="low"))
        await listening(session)
        assert service.line.session.wire["reasoning"] == {"effort": "low"}
        session.set_options(SessionOptions(max_output_tokens=100))
        await session.wait_for(lambda now: now.options.max_output_tokens == 100)
        assert service.line.session.wire["reasoning"] is None
        assert session.problems == []
        await session.stop()

    frames_through(silent, monkeypatch)
    run(talk, lab)


def test_no_wait_for_a_confirmation_is_for_ever(lab: LabParts, monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(lab: LabParts) -> None:
        session, _ = voice_session(MemoryService(lab_config(lab)))
        await listening(session)
        unconfirmed.append("session.updated")
        session.set_options(SessionOptions(max_output_tokens=100))
        session.set_options(SessionOptions(max_output_tokens=200))
        now = await session.wait_for(lambda now: now.problems)
        assert "did not confirm the new options within 15 seconds" in now.problems[0]
        unconfirmed.clear()
        session.set_options(SessionOptions(max_output_tokens=300))
        await session.wait_for(lambda now: now.options.max_output_tokens == 300)
        await session.stop()

    unconfirmed: list[str] = []
    frames_through(lambda event: None if event["type"] in unconfirmed else event, monkeypatch)
    run(talk, lab)


def test_without_transcription_nobody_waits_for_words_and_it_is_said_why_there_are_none(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        loop = asyncio.get_running_loop()
        session, user = voice_session(MemoryService(lab_config(lab)), options=SessionOptions(transcription=None))
        await listening(session)
        began_s = loop.time()
        await say_aloud(session, user, await lab.voice.clip("How are you?"))
        now = session.snapshot()
        assert now.options.transcription is None
        assert now.turns[0].pending == ()
        assert "transcription is switched off" in now.problems[0]
        assert loop.time() - began_s < 15
        session.set_options(SessionOptions(transcription=Transcription(language="en")))
        await session.wait_for(lambda now: now.options.transcription is not None)
        await say_aloud(session, user, await lab.voice.clip("I live in Lisbon."))
        await session.wait_for(lambda now: now.turns[1].user_text == "i live in lisbon")
        await session.stop()

    run(talk, lab)


@pytest.fixture
def settings(config: Config) -> Any:
    simulator = Simulator(config)
    background_loop().submit(simulator.start()).result(10)
    yield Settings.from_environment("simulator", simulator_url=simulator.base_url, environ={})
    background_loop().submit(simulator.stop()).result(10)


def test_from_a_cell_it_returns_at_once_and_raises_what_is_refused(settings: Settings, tmp_path: Any) -> None:
    with RealtimeSession(settings=settings, options=text_only()) as session:
        session.start()
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=10)
        (tmp_path / "kind.md").write_text("Be kind.", encoding="utf-8")
        session.set_options(text_only(instructions=tmp_path / "kind.md"))
        session.wait_for(lambda now: now.options.instructions == "Be kind.", timeout_s=10)
        with pytest.raises(SettingsError, match="no file"):
            session.set_options(text_only(instructions=tmp_path / "other.md"))
        with pytest.raises(SettingsError, match="Use SessionOptions"):
            session.set_options({"voice": "cedar"})  # type: ignore[arg-type]
        with pytest.raises(SessionError, match="formats stay"):
            session.set_options(text_only(input_format="g711_ulaw"))

        async def from_the_loop_itself() -> None:
            session.set_options(text_only(speed=0.9))

        background_loop().submit(from_the_loop_itself()).result(5)
        now = session.wait_for(lambda now: now.options.speed == 0.9, timeout_s=10)
        assert now.problems == ()


def test_a_model_that_does_not_reason_is_known_before_anything_is_sent() -> None:
    settings = Settings.from_environment("simulator", model="gpt-realtime", environ={})
    with pytest.raises(SettingsError, match="gpt-realtime does not"):
        RealtimeSession(settings=settings, options=SessionOptions(reasoning_effort="low"))


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.1])
def test_formats_are_locked_from_the_beginning_also_while_the_session_connects(lab: LabParts, after_s: float) -> None:
    async def talk(lab: LabParts) -> None:
        service = MemoryService(lab_config(lab))
        session, user = voice_session(service, options=SessionOptions(input_format="g711_ulaw"))
        await asyncio.sleep(after_s)
        with pytest.raises(SessionError, match="formats stay"):
            session.set_options(SessionOptions())
        session.set_options(SessionOptions(input_format="g711_ulaw", output_format="pcm16", instructions="Be brief."))
        await session.wait_for(lambda now: now.options is not None and now.options.instructions == "Be brief.")
        await say_aloud(session, user, await lab.voice.clip("I live in Lisbon."))
        assert session.problems == []
        await session.stop()

    run(talk, lab)


def test_a_change_that_the_config_makes_void_is_refused(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        raw = {"audio": {"output": {"speed": 1.2, "voice": "ash"}}}
        session, _ = voice_session(MemoryService(lab_config(lab)), options=SessionOptions(voice="cedar"), config=raw)
        await listening(session)
        with pytest.raises(SettingsError, match=r"config fixes what would change: speed is 1\.2, 0\.8 was asked for"):
            session.set_options(SessionOptions(speed=0.8, instructions="Be brief."))
        assert session.snapshot().options.speed == 1.2  # type: ignore[union-attr]
        found = session.snapshot().options
        assert found is not None
        session.set_options(found.but(instructions="Be long."))  # with what is fixed, as it is
        await session.wait_for(lambda now: now.options.instructions == "Be long.")
        assert session.problems == []
        await session.stop()

    run(talk, lab)


def test_a_tool_choice_that_names_no_declared_tool_is_refused_here(lab: LabParts) -> None:
    def get_weather() -> str:
        """Tell the weather."""
        return "sunny"

    async def talk(lab: LabParts) -> None:
        wrong = SessionOptions(tool_choice=CallFunction(name="get_wether"))
        with pytest.raises(SettingsError, match="Did you mean 'get_weather'"):
            lab_session(MemoryService(lab_config(lab)), tools=[get_weather], options=wrong)
        with pytest.raises(SettingsError, match="RealtimeSession\\(tools="):
            lab_session(MemoryService(lab_config(lab)), options=wrong)
        session, _ = voice_session(MemoryService(lab_config(lab)), tools=[get_weather])
        await listening(session)
        with pytest.raises(SettingsError, match="no such tool"):
            session.set_options(wrong)
        session.set_options(SessionOptions(tool_choice=CallFunction(name="get_weather")))
        await session.wait_for(lambda now: now.options.tool_choice == CallFunction(name="get_weather"))
        await session.stop()

    run(talk, lab)
