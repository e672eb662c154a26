"""Microphones and loudspeakers are changed, and fail, in the middle of a talk; the talk goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from realtime_helpers import AudioError, SilentSink, StereoRecorder, WorkshopError
from realtime_helpers.audio.formats import BYTES_PER_MS, CHUNK_BYTES, CHUNK_MS, PCM16
from realtime_helpers.experiments.lab import LabParts, LabUser
from realtime_helpers.experiments.scenarios.stage import LoopSink
from realtime_helpers.session.player import Player
from realtime_helpers.session.snapshot import State

from .floor import PUSH_TO_TALK, STORY, Floor, Mouth, Script, run
from .lab import BISCUIT

YES = "Yes, of course."


class Unplugged(Mouth):
    """A microphone that is unplugged after some chunks."""

    def __init__(self, after: int, error: Exception) -> None:
        super().__init__()
        self.was_closed = False
        self._after = after
        self._error = error

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            count = 0
            async for chunk in super().chunks():
                if count == self._after:
                    raise self._error
                count += 1
                yield chunk
        finally:
            self.was_closed = True


class KeepingSink(LoopSink):
    """A loudspeaker that knows what was played, and can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.sound: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.broken: set[str] = set()

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.broken:
            raise OSError(f"cannot {name}")

    def open(self) -> None:
        self._call("open")

    def play(self, item_id: str, pcm: bytes) -> None:
        self._call("play")
        self.sound[item_id] = self.sound.get(item_id, b"") + pcm
        super().play(item_id, pcm)

    def end(self, item_id: str) -> None:
        self._call("end")
        super().end(item_id)

    def flush(self, settled: Callable[[], None]) -> None:
        self._call("flush")
        super().flush(settled)

    def close(self) -> None:
        self._call("close")


async def listening(floor: Floor) -> None:
    await floor.until(lambda now: now.state is State.LISTENING)


async def begin_story(floor: Floor, heard_ms: int) -> None:
    await listening(floor)
    floor.session.say_text("Tell me a story.")
    await floor.until_received("response.output_audio.delta")
    await asyncio.sleep(heard_ms / 1000)


# -- sources ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("unplugged"), "The audio source Unplugged failed: OSError('unplugged'). The session goes on without"),
        (
            AudioError("The microphone is gone.", "Plug it in."),
            "The microphone is gone. The session goes on without it.",
        ),
    ],
)
def test_a_microphone_that_is_unplugged_is_told_and_another_one_goes_on(
    lab: LabParts, error: Exception, told: str
) -> None:
    async def talk(lab: LabParts) -> None:
        source = Unplugged(20, error)
        floor = Floor(lab, Script([YES]), source)
        now = await floor.until(lambda now: now.problems)
        assert now.problems[0].startswith(told)
        assert source.was_closed
        floor.session.say_text("Hello.")
        await floor.answered(1)
        other = Mouth()
        floor.session.use(other, None)
        other.say(await lab.voice.clip(BISCUIT))
        await floor.answered(2)
        now = await floor.until(lambda now: not now.turns[1].pending)
        assert now.turns[1].user_text == "my dog is called biscuit"
        await floor.session.stop()

    run(talk, lab)


def test_a_microphone_that_cannot_even_begin_ends_the_start(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([YES]), Unplugged(0, AudioError("No microphone can be used here.", "Check it.")))
        with pytest.raises(AudioError, match="No microphone can be used here"):
            await floor.until(lambda _now: False)
        assert floor.now.state is State.FAILED

    run(talk, lab)


def test_another_microphone_that_cannot_begin_is_told_and_the_talk_goes_on(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([YES]), Mouth())
        await listening(floor)
        floor.session.use(Unplugged(0, AudioError("No microphone can be used here.", "Check it.")), None)
        now = await floor.until(lambda now: now.problems)
        assert now.problems == ("No microphone can be used here. The session goes on without it. Check it.",)
        floor.session.say_text("Hello.")
        await floor.answered(1)
        await floor.session.stop()

    run(talk, lab)


def test_a_headset_is_changed_in_the_middle_of_a_word(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        first, second = Unplugged(10_000, OSError()), Mouth()
        floor = Floor(lab, Script([YES]), first, config=PUSH_TO_TALK)
        await listening(floor)
        clip = await lab.voice.clip(BISCUIT)
        half = len(clip) // 2 // CHUNK_BYTES * CHUNK_BYTES
        floor.session.begin_turn()
        await asyncio.sleep(first.say(clip[:half]))
        await asyncio.sleep(0.001)
        floor.session.use(second, None)
        await asyncio.sleep(0)
        await asyncio.sleep(second.say(clip[half:]) + 0.01)
        assert first.was_closed, "its device is free"
        floor.session.end_turn()
        await floor.answered(1)
        now = await floor.until(lambda now: not now.turns[0].pending)
        assert now.turns[0].user_text == "my dog is called biscuit"
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_a_source_that_ends_is_no_problem(lab: LabParts) -> None:
    class File:
        is_live = False

        def __init__(self, pcm: bytes) -> None:
            self._pcm = pcm

        async def chunks(self) -> AsyncIterator[bytes]:
            yield self._pcm

    async def talk(lab: LabParts) -> None:
        pcm = bytes(200 * BYTES_PER_MS) + await lab.voice.clip(BISCUIT) + bytes(800 * BYTES_PER_MS)
        floor = Floor(lab, Script([YES]), File(pcm))
        await floor.answered(1)
        floor.session.say_text("Hello.")
        await floor.answered(2)
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


# -- sinks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heard_ms", [0, 380, 1500])
def test_a_reply_goes_on_in_another_loudspeaker_where_it_was_heard_last(lab: LabParts, heard_ms: int) -> None:
    async def talk(lab: LabParts) -> None:
        first, second = KeepingSink(), KeepingSink()
        floor = Floor(lab, Script([STORY]), None, first)
        await begin_story(floor, heard_ms)
        floor.session.use(None, second)
        assert first.calls[-2:] == ["flush", "close"]
        now = await floor.answered(1)
        story = now.turns[0].items[-1]
        whole = int(story.audio_ms * BYTES_PER_MS)
        heard = first.head.heard_ms(story.id) * BYTES_PER_MS
        assert abs(heard - heard_ms * BYTES_PER_MS) <= CHUNK_BYTES
        assert len(second.sound[story.id]) == whole - heard
        assert (first.sound[story.id][:heard] + second.sound[story.id])[-CHUNK_BYTES:] == second.sound[story.id][
            -CHUNK_BYTES:
        ]
        assert second.calls[0] == "open"
        assert "end" in second.calls
        floor.assert_agreed()
        await floor.session.stop()
        assert second.calls[-1] == "close"

    run(talk, lab)


def test_a_reply_that_is_interrupted_in_its_second_loudspeaker_was_heard_in_both(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        floor = Floor(lab, Script([STORY], [YES]), None, KeepingSink())
        await begin_story(floor, 500)
        floor.session.use(None, KeepingSink())
        await asyncio.sleep(0.7)
        floor.session.interrupt()
        floor.session.say_text("Go on.")
        await floor.answered(2)
        assert abs((floor.replies()[0].heard_ms or 0) - 1200) <= CHUNK_MS
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_a_loudspeaker_that_cannot_be_opened_leaves_the_other_playing(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        first, second = KeepingSink(), KeepingSink()
        second.broken.add("open")
        floor = Floor(lab, Script([STORY]), None, first)
        await begin_story(floor, 300)
        floor.session.use(None, second)
        now = await floor.answered(1)
        assert now.problems == ("The sink KeepingSink cannot be used, so the one before plays on: cannot open",)
        assert len(first.sound[floor.replies()[0].id]) == int(floor.replies()[0].audio_ms * BYTES_PER_MS)
        await floor.session.stop()

    run(talk, lab)


@pytest.mark.parametrize("call", ["play", "end", "flush"])
def test_a_loudspeaker_that_fails_in_the_middle_leaves_a_talk_that_can_be_read(lab: LabParts, call: str) -> None:
    async def talk(lab: LabParts) -> None:
        sink = KeepingSink()
        floor = Floor(lab, Script([STORY], [YES], [YES]), None, sink)
        await begin_story(floor, 300)
        sink.broken.add(call)
        if call == "flush":
            floor.session.interrupt()
        await floor.until(lambda now: now.problems and now.is_quiet)
        (problem,) = floor.now.problems
        assert problem.startswith(f"The sink KeepingSink failed: OSError('cannot {call}'). Replies are not played")
        assert sink.calls[-1] == "close"
        floor.session.say_text("Go on.")
        now = await floor.answered(2)
        assert now.turns[1].assistant_text == YES
        other = KeepingSink()
        floor.session.use(None, other)
        floor.session.say_text("Go on.")
        await floor.answered(3)
        assert list(other.sound) == [floor.replies()[2].id], "the next reply sounds"
        assert not floor.received("error")
        await floor.session.stop()

    run(talk, lab)


def test_a_loudspeaker_that_cannot_be_opened_ends_the_start(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        sink = KeepingSink()
        sink.broken.add("open")
        floor = Floor(lab, Script([YES]), None, sink)
        with pytest.raises(Exception, match="cannot open"):
            await floor.until(lambda _now: False)
        assert floor.now.state is State.FAILED

    run(talk, lab)


def test_parts_can_be_changed_before_the_session_has_begun_and_not_after_its_end(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        first, second, third = KeepingSink(), KeepingSink(), KeepingSink()
        floor = Floor(lab, Script([YES]), None, first)
        user: Any = LabUser()
        floor.session.use(user, second)
        await listening(floor)
        user.play(await lab.voice.clip(BISCUIT))
        await floor.answered(1)
        await floor.session.stop()
        floor.session.use(Mouth(), third)
        assert (first.calls, third.calls) == ([], [])
        assert second.calls.count("open") == second.calls.count("close") == 1
        assert floor.now.problems == ()

    run(talk, lab)


class DeviceLike(LoopSink):
    """As `speaker()`: it acts only while it is open, and may be opened again.

    Args:
        opens_s: How long it takes to open.
        error: Why it cannot be opened.
    """

    def __init__(self, opens_s: float = 0.0, error: AudioError | None = None) -> None:
        super().__init__()
        self.is_open = False
        self.has_sounded = False
        self._opens_s = opens_s
        self._error = error

    def open(self) -> None:
        self.is_open = True

    async def opened(self) -> None:
        await asyncio.sleep(self._opens_s)
        if self._error is not None:
            raise self._error

    def watch(self, lost: Callable[[WorkshopError], None]) -> None:
        if self._error is not None:
            asyncio.get_running_loop().call_later(self._opens_s, lost, self._error)

    def close(self) -> None:
        self.is_open = False

    def play(self, item_id: str, pcm: bytes) -> None:
        self._check()
        self.has_sounded = True
        super().play(item_id, pcm)

    def flush(self, settled: Callable[[], None]) -> None:
        self._check()
        super().flush(settled)

    def _check(self) -> None:
        if not self.is_open:
            raise AudioError("The speaker is not open.", "Call its open() first.")


NO_DEVICE = AudioError("There is no device 'spaeker'.", "Choose another.")


@pytest.mark.parametrize("press", ["begin_turn", "interrupt"])
def test_a_button_that_is_pressed_while_the_session_connects_does_not_cost_the_speaker(
    lab: LabParts, press: str
) -> None:
    async def talk(lab: LabParts) -> None:
        sink = DeviceLike()
        floor = Floor(lab, Script([STORY]), Mouth(), sink, config=PUSH_TO_TALK)
        getattr(floor.session, press)()  # at once, as an eager user does
        await floor.until(lambda now: now.state in {State.HEARING, State.LISTENING})
        floor.session.end_turn()
        floor.session.say_text("Tell me a story.")
        await floor.until_received("response.output_audio.delta")
        assert sink.has_sounded
        assert not any("sink" in problem for problem in floor.now.problems)
        await floor.session.stop()

    run(talk, lab)


def test_plugging_in_what_is_plugged_in_changes_nothing(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        sink, source = DeviceLike(), Unplugged(10_000, OSError())
        floor = Floor(lab, Script([STORY]), source, sink)
        await begin_story(floor, 500)
        floor.session.use(source, sink)
        await asyncio.sleep(0.5)
        assert sink.is_open
        assert not source.was_closed
        floor.session.interrupt()
        await asyncio.sleep(1)
        (truncation,) = floor.sent("conversation.item.truncate")
        assert abs(truncation["audio_end_ms"] - 1000) <= CHUNK_MS
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_the_speaker_that_plays_may_be_recorded_from_now_on(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        sink, recorder = DeviceLike(), StereoRecorder()
        floor = Floor(lab, Script([STORY], [YES]), None, sink)
        await begin_story(floor, 500)
        floor.session.use(None, recorder.assistant(sink))
        assert sink.is_open
        await floor.answered(1)
        floor.session.say_text("Go on.")
        await floor.answered(2)
        assert recorder.duration_s > 0.5
        floor.assert_agreed()
        await floor.session.stop()
        assert not sink.is_open

    run(talk, lab)


def test_there_and_back_again_counts_what_was_heard_once(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        first, second = LoopSink(), LoopSink()
        floor = Floor(lab, Script([STORY]), None, first)
        await begin_story(floor, 1500)
        floor.session.use(None, second)
        await asyncio.sleep(0.5)
        floor.session.use(None, first)
        await asyncio.sleep(0.5)
        floor.session.interrupt()
        await asyncio.sleep(1)
        (truncation,) = floor.sent("conversation.item.truncate")
        assert abs(truncation["audio_end_ms"] - 2500) <= CHUNK_MS
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


def test_a_speaker_whose_device_does_not_open_leaves_the_one_before_in_place(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        first, second = DeviceLike(), DeviceLike(0.1, NO_DEVICE)
        floor = Floor(lab, Script([STORY]), None, first)
        await begin_story(floor, 500)
        floor.session.use(None, second)
        await asyncio.sleep(0.5)
        (problem,) = floor.now.problems
        assert problem.startswith("The sink DeviceLike cannot be used, so the one before plays on: There is no device")
        assert first.is_open
        assert not second.is_open, "its process is gone"
        floor.session.interrupt()
        await asyncio.sleep(1)
        (truncation,) = floor.sent("conversation.item.truncate")
        assert abs(truncation["audio_end_ms"] - 1000) <= CHUNK_MS, "it never stopped"
        await floor.session.stop()

    run(talk, lab)


def test_a_speaker_that_another_session_uses_is_left_to_it(lab: LabParts) -> None:
    class Exclusive(DeviceLike):
        def open(self) -> None:
            if self.is_open:
                raise AudioError("Another session uses this speaker.", "Make another speaker.")
            super().open()

    async def talk(lab: LabParts) -> None:
        taken = Exclusive()
        other = Floor(lab, Script([STORY]), None, taken)
        await listening(other)
        floor = Floor(lab, Script([STORY]), None, LoopSink())
        await listening(floor)
        floor.session.use(None, taken)
        await floor.until(lambda now: now.problems)
        assert taken.is_open
        await floor.session.stop()
        assert taken.is_open
        await other.session.stop()

    run(talk, lab)


def test_a_reply_sounds_on_while_the_next_speaker_opens(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        first, second = DeviceLike(), DeviceLike(0.3)
        floor = Floor(lab, Script([STORY]), None, first)
        await begin_story(floor, 500)
        floor.session.use(None, second)
        floor.session.use(None, second)
        await asyncio.sleep(0.2)
        assert first.is_open
        await asyncio.sleep(0.3)
        assert (first.is_open, second.is_open) == (False, True)
        floor.session.interrupt()
        await asyncio.sleep(1)
        (truncation,) = floor.sent("conversation.item.truncate")
        assert abs(truncation["audio_end_ms"] - 1000) <= CHUNK_MS
        floor.assert_agreed()
        await floor.session.stop()

    run(talk, lab)


@pytest.mark.parametrize("then", ["the next one", "the first one", "stop"])
def test_a_speaker_that_nobody_waits_for_any_more_is_let_go(lab: LabParts, then: str) -> None:
    async def talk(lab: LabParts) -> None:
        first, second, third = DeviceLike(), DeviceLike(0.3), DeviceLike(0.3)
        floor = Floor(lab, Script([STORY]), None, first)
        await begin_story(floor, 500)
        floor.session.use(None, second)
        await asyncio.sleep(0.1)
        if then == "stop":
            await floor.session.stop()
        else:
            floor.session.use(None, third if then == "the next one" else first)
        await asyncio.sleep(1)
        open_ones = {"the next one": [third], "the first one": [first], "stop": []}[then]
        assert [sink for sink in (first, second, third) if sink.is_open] == open_ones
        assert floor.now.problems == ()
        await floor.session.stop()

    run(talk, lab)


def test_a_speaker_that_fails_while_it_takes_a_reply_over_is_silent_for_its_rest_once(lab: LabParts) -> None:
    """Two replies wait when the sink is changed, and the new one fails at the first of them."""

    class Unfit(KeepingSink):
        def play(self, item_id: str, pcm: bytes) -> None:
            raise OSError("cannot play")

    async def talk(lab: LabParts) -> None:
        del lab
        told: list[str] = []
        player = Player(LoopSink(), told.append, lambda _sink: None)
        await player.open()
        second_ms = 1000 * BYTES_PER_MS
        for item_id in ("one", "two"):
            player.play(item_id, bytes(second_ms), PCM16)
            player.end(item_id)
        await asyncio.sleep(0.3)
        player.use(Unfit())
        assert [player.heard_ms("one"), player.heard_ms("two")] == [1000, 1000]
        assert len(told) == 1
        player.close()

    run(talk, lab)


def test_a_player_does_not_remember_every_reply_of_a_long_day(lab: LabParts) -> None:
    async def talk(lab: LabParts) -> None:
        del lab
        player = Player(SilentSink(), lambda _problem: None, lambda _sink: None)
        await player.open()
        for number in range(3_000):
            player.play(f"item{number}", bytes(BYTES_PER_MS), PCM16)
            player.end(f"item{number}")
        player.use(SilentSink())
        assert player.heard_ms("item2999") == 1
        assert max(len(value) for value in vars(player).values() if hasattr(value, "__len__")) <= 1_000
        player.close()

    run(talk, lab)


def test_microphones_that_are_changed_there_and_back_never_overlap(lab: LabParts) -> None:
    class Slow(Mouth):
        """One device, that takes its time to be let go."""

        readers = most = 0

        async def chunks(self) -> AsyncIterator[bytes]:
            self.readers += 1
            self.most = max(self.most, self.readers)
            try:
                async for chunk in super().chunks():
                    yield chunk
            finally:
                await asyncio.sleep(0.5)
                self.readers -= 1

    async def talk(lab: LabParts) -> None:
        first = Slow()
        floor = Floor(lab, Script([YES]), first)
        await listening(floor)
        await asyncio.sleep(1)
        floor.session.use(Mouth(), None)
        await asyncio.sleep(0.1)
        floor.session.use(first, None)
        await asyncio.sleep(2)
        assert (first.readers, first.most) == (1, 1)
        await floor.session.stop()

    run(talk, lab)
