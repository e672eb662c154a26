"""Microphones and loudspeakers are changed, and fail, in the middle of a talk; the talk goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from realtime_helpers import AudioError
from realtime_helpers.audio.formats import BYTES_PER_MS, CHUNK_BYTES, CHUNK_MS
from realtime_helpers.experiments.lab import LabParts, LabUser
from realtime_helpers.experiments.scenarios.stage import LoopSink
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
