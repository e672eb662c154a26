"""A turn lasts from the press of a button to its release: nothing less is sent, and nothing more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from realtime_helpers import (
    AudioError,
    PushToTalk,
    RealtimeSession,
    ServerVAD,
    SessionError,
    SessionOptions,
    SilentSink,
    SpeechSource,
    StereoRecorder,
)
from realtime_helpers.audio.formats import CHUNK_BYTES, PCM16
from realtime_helpers.experiments.lab import LabParts, LabUser, MemoryService, lab_config, lab_session
from realtime_helpers.protocol import Event
from realtime_helpers.session.snapshot import State
from realtime_helpers.speech import Speech, Voice
from tests.memory.world import Hand

from .floor import PUSH_TO_TALK, Floor, Mouth, Script, run
from .lab import BISCUIT, snap
from .test_session import LocalServer, server  # noqa: F401 - a fixture

YES = ["Yes, of course."]
LONG = ["Once upon a time there was a lighthouse keeper who counted the ships.", *YES]


def talking(lab: LabParts, source: object, **options: object) -> Floor:
    return Floor(lab, Script(YES), source, config=PUSH_TO_TALK, **options)  # type: ignore[arg-type]


async def listening(floor: Floor) -> None:
    await floor.until(lambda now: now.state is State.LISTENING)


async def hold(floor: Floor, mouth: Mouth, clip: bytes) -> None:
    """Press, say something, release with the last sample."""
    floor.session.begin_turn()
    await asyncio.sleep(mouth.say(clip))
    floor.session.end_turn()


def whole(clip: bytes) -> bytes:
    return clip + bytes(-len(clip) % CHUNK_BYTES)


def heard_by_server(floor: Floor, number: int = 0) -> bytes:
    items = [item for item in floor.on_server if item.role == "user" and item.sounds]
    return bytes(items[number].sounds[0].data)


@pytest.mark.parametrize("late_chunks", [0, 1])
def test_exactly_what_is_said_while_the_button_is_held_becomes_a_turn(lab: LabParts, late_chunks: int) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth(late_chunks=late_chunks)
        floor = talking(lab, mouth)
        await listening(floor)
        await asyncio.sleep(2.013)  # beside the beat of the microphone
        clip = await lab.voice.clip(BISCUIT)
        await hold(floor, mouth, clip)
        assert floor.now.state is State.HEARING, "the last of it is on its way"
        now = await floor.answered(1)
        assert floor.order_sent == [
            "session.update", "input_audio_buffer.clear", "input_audio_buffer.append", "input_audio_buffer.commit",
            "response.create",
        ]  # fmt: skip
        sent = heard_by_server(floor)
        assert whole(clip) in sent, "to the last sample"
        assert len(sent) <= len(whole(clip)) + 2 * CHUNK_BYTES, "and not the silence around it"
        assert now.turns[0].user_text == "my dog is called biscuit"
        assert now.turns[0].items[0].audio_ms == pytest.approx(PCM16.duration_ms(sent))
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_nobody_answers_or_edits_while_the_button_is_held(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = talking(lab, mouth)
        await listening(floor)
        floor.session.begin_turn()
        floor.session.say_text("Look at this, too.")
        await asyncio.sleep(3)
        assert not floor.sent("response.create")
        assert not floor.session.conversation.is_quiet
        assert floor.now.state is State.HEARING
        await hold(floor, mouth, await lab.voice.clip("How are you?"))
        await floor.until(lambda now: now.is_quiet and now.turns[0].is_answered)
        assert len(floor.sent("response.create")) == 1, "one answer to both"
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


@pytest.mark.parametrize("held_ms", [0, 30, 99])
def test_a_tap_sends_nothing_asks_for_nothing_and_is_explained(lab: LabParts, held_ms: int) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = talking(lab, mouth)
        await listening(floor)
        mouth.say(b"\x11" * CHUNK_BYTES * 20)
        floor.session.begin_turn()
        await asyncio.sleep(held_ms / 1000)
        floor.session.end_turn()
        now = await floor.until(lambda now: now.problems)
        (problem,) = now.problems
        assert problem.startswith(f"You held the button for only {held_ms} ms, so nothing was sent. Hold it")
        await asyncio.sleep(5)
        assert not floor.sent("input_audio_buffer.commit")
        assert not floor.sent("response.create")
        assert floor.now.is_quiet
        await hold(floor, mouth, await lab.voice.clip(BISCUIT))
        await floor.answered(1)
        assert b"\x11" * 100 not in heard_by_server(floor), "the tap left nothing behind"
        await floor.session.stop()

    run(talk, lab)


def test_pressing_twice_and_releasing_twice_is_one_turn(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = talking(lab, mouth)
        await listening(floor)
        floor.session.end_turn()
        clip = await lab.voice.clip(BISCUIT)
        floor.session.begin_turn()
        length_s = mouth.say(clip)
        await asyncio.sleep(length_s / 2)
        floor.session.begin_turn()
        await asyncio.sleep(length_s / 2)
        floor.session.end_turn()
        floor.session.end_turn()
        await floor.answered(1)
        assert whole(clip) in heard_by_server(floor)
        assert len(floor.sent("input_audio_buffer.commit")) == len(floor.sent("response.create")) == 1
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_two_turns_right_after_each_other_stay_two_items_with_their_own_words(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = talking(lab, mouth)
        await listening(floor)
        first, second = await lab.voice.clip(BISCUIT), await lab.voice.clip("What can you do?")
        await hold(floor, mouth, first)
        await asyncio.sleep(0.07)
        await hold(floor, mouth, second)  # before the first has its answer
        assert len(floor.received("response.created")) == 1
        now = await floor.until(lambda now: now.is_quiet and now.turns[-1].is_answered and not now.turns[-1].pending)
        assert [item.text for turn in now.turns for item in turn.items if item.role == "user"] == [
            "my dog is called biscuit", "what can you do",
        ]  # fmt: skip
        assert whole(first) in heard_by_server(floor, 0)
        assert whole(second) in heard_by_server(floor, 1)
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_a_button_that_is_pressed_before_the_connection_stands_works_when_it_does(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = talking(lab, mouth)
        floor.session.begin_turn()
        assert floor.now.state is State.CONNECTING
        await floor.until(lambda now: now.state is State.HEARING)
        await hold(floor, mouth, await lab.voice.clip(BISCUIT))
        now = await floor.answered(1)
        await floor.until(lambda now: not now.turns[0].pending)
        assert now.turns[0].user_text == "my dog is called biscuit"
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


Moment = Callable[[str, Event], bool]
LOSSES: dict[str, Moment] = {
    "at the press": lambda way, event: (way, event["type"]) == ("sent", "input_audio_buffer.clear"),
    "in the middle of the words": lambda way, event: (way, event["type"]) == ("sent", "input_audio_buffer.append"),
    "with the commit": lambda way, event: (way, event["type"]) == ("sent", "input_audio_buffer.commit"),
    "with the request": lambda way, event: (way, event["type"]) == ("sent", "response.create"),
    "instead of the acknowledgement": lambda way, event: event["type"] == "input_audio_buffer.committed",
    "after the acknowledgement": lambda way, event: event["type"] == "conversation.item.added",
    "before the first word of the reply": lambda way, event: event["type"] == "response.created",
}


@pytest.mark.parametrize("moment", LOSSES, ids=lambda moment: moment.replace(" ", "_"))
def test_what_was_said_survives_a_line_that_is_lost(lab: LabParts, moment: str) -> None:
    async def talk(lab: LabParts) -> None:
        mouth, losses = Mouth(), 0

        def lose(way: str, event: Event) -> None:
            nonlocal losses
            if LOSSES[moment](way, event):
                losses += 1
                if losses == (15 if moment == "in the middle of the words" else 1):
                    snap(floor.service)

        floor = talking(lab, mouth, on_event=lose)
        await listening(floor)
        clip = await lab.voice.clip(BISCUIT)
        await hold(floor, mouth, clip)
        now = await floor.until(lambda now: now.turns and now.turns[0].is_answered and now.is_quiet)
        now = await floor.until(lambda now: not now.turns[0].pending)
        assert len(floor.service.lines) == 2
        assert [item.text for turn in now.turns for item in turn.items if item.role == "user"] == [
            "my dog is called biscuit"
        ], "once, with all its words"
        assert [item.role for item in now.turns[0].items] == ["user", "assistant"]
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


@pytest.mark.parametrize("released", ["while there is no line", "on the new line"])
def test_a_turn_goes_on_over_a_lost_line(lab: LabParts, released: str) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = talking(lab, mouth)
        await listening(floor)
        clip = await lab.voice.clip(BISCUIT)
        floor.session.begin_turn()
        length_s = mouth.say(clip)
        before_s = length_s - 0.01 if released == "while there is no line" else length_s / 2
        await asyncio.sleep(before_s)
        snap(floor.service)
        await asyncio.sleep(length_s - before_s)
        assert (floor.now.state is State.RECONNECTING) == (released == "while there is no line")
        floor.session.end_turn()
        await floor.answered(1)
        now = await floor.until(lambda now: not now.turns[0].pending)
        assert now.turns[0].user_text == "my dog is called biscuit"
        assert whole(clip) in heard_by_server(floor)
        assert len(floor.sent("response.create")) == 1
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_a_commit_that_is_refused_is_sent_again(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = talking(lab, mouth)
        await listening(floor)
        refusals = iter([True, True])
        faults = floor.service.line._faults
        refuse = faults.request
        from realtime_helpers.simulator.faults import Fault

        def request(kind: str) -> Fault | None:
            if kind == "input_audio_buffer.commit" and next(refusals, False):
                return Fault("request", "refused", event=kind)
            return refuse(kind)

        floor.service.line.session.faults.request = request  # type: ignore[method-assign]
        clip = await lab.voice.clip(BISCUIT)
        await hold(floor, mouth, clip)
        now = await floor.until(lambda now: now.turns and now.turns[-1].user_text and now.is_quiet)
        assert now.turns[-1].user_text == "my dog is called biscuit"
        assert now.turns[-1].is_answered
        assert whole(clip) in heard_by_server(floor)
        await floor.session.stop()

    run(talk, lab)


def test_a_source_that_can_wait_waits_for_the_button(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        user = LabUser()
        floor = talking(lab, user)
        await listening(floor)
        clip = await lab.voice.clip(BISCUIT)
        user.play_on(clip, pause_ms=0)
        await asyncio.sleep(5)
        assert not floor.sent("input_audio_buffer.append")
        floor.session.begin_turn()
        await asyncio.sleep(0.5)
        floor.session.end_turn()
        await floor.answered(1)
        assert heard_by_server(floor) == clip
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_a_source_that_waits_for_the_button_is_closed_with_its_session(lab: LabParts) -> None:
    class Device:
        is_live = False
        is_open = False

        async def chunks(self) -> AsyncIterator[bytes]:
            self.is_open = True
            try:
                while True:
                    yield bytes(CHUNK_BYTES)
            finally:
                self.is_open = False

    async def talk(lab: LabParts) -> None:
        device = Device()
        floor = talking(lab, device)
        await listening(floor)
        await asyncio.sleep(1)
        assert device.is_open
        await floor.session.stop()
        assert not device.is_open, "when stop() is over, not some time later"

    run(talk, lab)


def test_what_a_held_up_microphone_recorded_before_the_press_is_not_sent(lab: LabParts) -> None:
    """As the browser's: after a blocked kernel it hands over what waited, none of it may drop, and it is not live."""

    class HeldUp(Mouth):
        @property
        def is_live(self) -> bool:  # type: ignore[override]
            return not self._clips

    async def talk(lab: LabParts) -> None:
        mouth = HeldUp()
        floor = talking(lab, mouth)
        await listening(floor)
        mouth.say(b"\x11" * CHUNK_BYTES * 20)
        await asyncio.sleep(2)
        await hold(floor, mouth, await lab.voice.clip(BISCUIT))
        await floor.answered(1)
        assert b"\x11" * 100 not in heard_by_server(floor)
        await floor.session.stop()

    run(talk, lab)


def test_a_session_that_finds_turns_itself_explains_that_no_button_is_needed(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script(YES), Mouth())
        await listening(floor)
        floor.session.begin_turn()
        floor.session.end_turn()
        assert "turn_detection=PushToTalk()" in floor.now.problems[0]
        assert floor.now.is_quiet
        await floor.session.stop()

    run(talk, lab)


def test_without_a_microphone_the_button_says_so(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = talking(lab, None)
        await listening(floor)
        floor.session.begin_turn()
        floor.session.end_turn()
        assert "session.use(source=microphone())" in floor.now.problems[0]
        await floor.session.stop()

    run(talk, lab)


def test_a_session_that_is_stopped_while_the_button_is_held_leaves_nothing_behind(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = talking(lab, mouth)
        await listening(floor)
        floor.session.begin_turn()
        await asyncio.sleep(0.5)
        floor.session.end_turn()  # the last of it is still awaited
        await floor.session.stop()
        floor.session.begin_turn()
        floor.session.end_turn()
        floor.session.interrupt()
        assert floor.now.state is State.STOPPED
        assert floor.now.problems == ()
        assert asyncio.all_tasks() == {asyncio.current_task(), *floor.service.line._work} or all(
            task.done() for task in asyncio.all_tasks() - {asyncio.current_task()}
        )

    run(talk, lab)


def test_turn_detection_that_is_switched_off_in_the_talk_makes_the_button_work(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        from realtime_helpers.protocol import update_session

        mouth = Mouth()
        floor = Floor(lab, Script(YES), mouth)
        await listening(floor)
        await asyncio.sleep(1)
        floor.session._send(update_session({"audio": {"input": {"turn_detection": None}}}))
        await floor.until_received("session.updated", 2)
        clip = await lab.voice.clip(BISCUIT)
        await hold(floor, mouth, clip)
        await floor.answered(1)
        assert len(heard_by_server(floor)) <= len(whole(clip)) + 2 * CHUNK_BYTES
        floor.session.begin_turn()
        floor.session._send(update_session({"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}))
        await floor.until_received("session.updated", 3)
        assert floor.now.state is State.LISTENING, "the server listens by itself from here on"
        mouth.say(await lab.voice.clip("How are you?"))
        await floor.answered(2)
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


@pytest.mark.parametrize("is_recorded", [False, True])
@pytest.mark.parametrize("realtime", [False, True])
def test_a_button_in_a_cell_holds_what_a_speech_source_says(
    server: LocalServer,  # noqa: F811
    realtime: bool,
    is_recorded: bool,
) -> None:
    user = SpeechSource(realtime=realtime, engine=server.simulator.config.parts.voice.engine)
    with RealtimeSession(settings=server.settings, options=SessionOptions(turn_detection=None)) as session:
        session.start(source=StereoRecorder().user(user) if is_recorded else user)
        for number in (1, 2):
            session.begin_turn()
            user.say("My dog is called Biscuit.")
            session.end_turn()
            now = session.wait_for_answer(number, timeout_s=30)
        assert [turn.user_text for turn in now.turns] == ["my dog is called biscuit"] * 2
        assert now.problems == ()


class SlowVoice:
    """A voice that takes its time, or loses it.

    Args:
        engine: Speaks.
    """

    def __init__(self, engine: Voice) -> None:
        self.may_speak = threading.Event()
        self.error: AudioError | None = None
        self._engine = engine

    def speak(self, text: str, voice: str) -> Speech:
        assert self.may_speak.wait(20)
        if self.error is not None:
            raise self.error
        return self._engine.speak(text, voice)


def test_turns_in_a_row_stay_turns_however_late_their_words_are_made(server: LocalServer) -> None:  # noqa: F811
    voice = SlowVoice(server.simulator.config.parts.voice.engine)
    user = SpeechSource(engine=voice)  # type: ignore[arg-type]
    with RealtimeSession(settings=server.settings, options=SessionOptions(turn_detection=None)) as session:
        session.start(source=user)
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=20)
        for words in (BISCUIT, "What can you do?", "I live in Lisbon."):
            session.begin_turn()
            user.say(words)
            session.end_turn()
        assert session.snapshot.state is State.HEARING
        voice.may_speak.set()
        now = session.wait_for(
            lambda now: now.is_quiet and len([item for item in now.items if item.role == "user" and item.text]) == 3,
            timeout_s=30,
        )
        said = [item.text for turn in now.turns for item in turn.items if item.role == "user"]
        assert said == ["my dog is called biscuit", "what can you do", "i live in lisbon"]
        assert now.turns[-1].is_answered
        assert now.problems == ()


def test_a_voice_that_fails_while_the_button_is_held_holds_up_nothing(server: LocalServer) -> None:  # noqa: F811
    engine = server.simulator.config.parts.voice.engine
    voice = SlowVoice(engine)
    voice.error = AudioError("The voice is hoarse.", "Have a cup of tea.")
    with RealtimeSession(settings=server.settings, options=SessionOptions(turn_detection=None)) as session:
        user = SpeechSource(engine=voice)  # type: ignore[arg-type]
        session.start(source=user)
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=20)
        other = SpeechSource(engine=engine)
        session.use(source=other)
        session.use(source=user)
        session.begin_turn()
        user.say(BISCUIT)
        session.end_turn()
        voice.may_speak.set()
        now = session.wait_for(lambda now: now.problems and now.is_quiet, timeout_s=20)
        assert now.problems[0].startswith("The voice is hoarse.")
        session.use(source=other)
        session.begin_turn()
        other.say(BISCUIT)
        session.end_turn()
        assert session.wait_for_answer(1, timeout_s=30).turns[0].user_text == "my dog is called biscuit"


def test_another_microphone_ends_the_wait_for_what_a_source_would_have_said(server: LocalServer) -> None:  # noqa: F811
    voice = SlowVoice(server.simulator.config.parts.voice.engine)
    user = SpeechSource(engine=voice)  # type: ignore[arg-type]
    with RealtimeSession(settings=server.settings, options=SessionOptions(turn_detection=None)) as session:
        session.start(source=user)
        session.begin_turn()
        user.say(BISCUIT)
        session.end_turn()
        session.wait_for(lambda now: now.state is State.HEARING, timeout_s=20)
        session.use(source=SpeechSource())
        session.wait_for(lambda now: now.is_quiet and now.state is State.LISTENING, timeout_s=20)
        voice.may_speak.set()


def test_buttons_of_a_session_that_is_over_do_no_harm(server: LocalServer) -> None:  # noqa: F811
    session = RealtimeSession(settings=server.settings, options=SessionOptions(turn_detection=None))
    for _ in range(2):  # before it began, and after its end
        session.end_turn()
        session.interrupt()
        for press in (session.begin_turn, session.respond, session.use, lambda: session.send_audio(bytes(48_000))):
            with pytest.raises(SessionError, match="not running"):
                press()
        session.start()
        session.wait_for(lambda now: now.state is State.LISTENING, timeout_s=20)
        session.stop()


def test_the_button_works_right_after_push_to_talk_was_chosen(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = Floor(lab, Script(YES), mouth)
        await listening(floor)
        floor.session.set_options(SessionOptions(turn_detection=PushToTalk()))
        await hold(floor, mouth, await lab.voice.clip(BISCUIT))
        now = await floor.answered(1)
        assert now.turns[0].user_text == "my dog is called biscuit"
        assert len(floor.sent("input_audio_buffer.commit")) == 1
        assert len(floor.received("response.created")) == 1
        assert not now.problems
        await floor.session.stop()

    run(talk, lab)


def test_the_button_works_while_another_change_of_the_options_is_under_way(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = Floor(lab, Script(YES), mouth)
        await listening(floor)
        floor.session.set_options(SessionOptions(instructions="Be brief."))
        floor.session.set_options(SessionOptions(turn_detection=PushToTalk()))
        await hold(floor, mouth, await lab.voice.clip(BISCUIT))
        now = await floor.answered(1)
        assert now.turns[0].user_text == "my dog is called biscuit"
        assert len(floor.received("response.created")) == 1
        assert not now.problems
        await floor.session.stop()

    run(talk, lab)


def test_a_press_before_push_to_talk_is_refused_leaves_the_turn_to_the_server(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        mouth, hand = Mouth(), Hand()
        sent: list[str] = []
        service = MemoryService(lab_config(lab), lambda: hand)
        session = lab_session(
            service, trace=lambda way, event, _at: sent.append(event["type"]) if way == "sent" else None
        )
        session.start(mouth, SilentSink())
        await session.wait_for(lambda now: now.state is State.LISTENING)
        hand.refusals["session.update"] = 1
        session.set_options(SessionOptions(turn_detection=PushToTalk()))
        session.begin_turn()
        await asyncio.sleep(mouth.say(await lab.voice.clip(BISCUIT)))
        session.end_turn()
        now = await session.wait_for(lambda now: bool(now.turns) and bool(now.turns[0].assistant_text) and now.is_quiet)
        assert len(now.problems) == 1
        assert now.problems[0].startswith("The server refused the new options")
        assert now.turns[0].user_text == "my dog is called biscuit"
        assert "input_audio_buffer.commit" not in sent
        await session.stop()

    run(talk, lab)


def test_a_change_to_turn_detection_waits_for_the_release_of_the_button(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        mouth = Mouth()
        floor = Floor(lab, Script(YES), mouth, options=SessionOptions(turn_detection=PushToTalk()))
        await listening(floor)
        floor.session.begin_turn()
        length_s = mouth.say(await lab.voice.clip(BISCUIT))
        await asyncio.sleep(length_s * 0.8)
        floor.session.set_options(SessionOptions(instructions="Be brief."))
        await floor.until(lambda now: now.options.instructions == "Be brief.")
        assert floor.now.options.turn_detection == PushToTalk(), "everything else does not wait"  # type: ignore[union-attr]
        await asyncio.sleep(length_s * 0.2)
        floor.session.end_turn()
        now = await floor.answered(1)
        assert now.turns[0].user_text == "my dog is called biscuit"
        await floor.until(lambda now: isinstance(now.options.turn_detection, ServerVAD))
        mouth.say(await lab.voice.clip("I live in Lisbon."))
        now = await floor.answered(2)
        assert now.turns[1].user_text == "i live in lisbon", "nobody has to press"
        assert not now.problems
        await floor.session.stop()

    run(talk, lab)


def test_a_change_to_turn_detection_comes_also_after_a_tap(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script(YES), Mouth(), options=SessionOptions(turn_detection=PushToTalk()))
        await listening(floor)
        floor.session.begin_turn()
        await asyncio.sleep(0.05)
        floor.session.set_options(SessionOptions())
        floor.session.end_turn()
        await floor.until(lambda now: isinstance(now.options.turn_detection, ServerVAD))
        await floor.session.stop()

    run(talk, lab)
