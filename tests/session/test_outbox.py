from __future__ import annotations

import asyncio

from realtime_helpers.protocol import cancel_response, clear_audio, commit_audio
from realtime_helpers.session.outbox import MAX_WAITING_CHUNKS_OFFLINE, Outbox


async def test_control_events_overtake_waiting_audio() -> None:
    outbox = Outbox()
    outbox.offer_audio(b"aa")
    outbox.send(cancel_response())
    assert await outbox.take() == cancel_response()
    assert await outbox.take() == b"aa"


async def test_live_audio_loses_its_oldest_chunks_and_counts_them() -> None:
    outbox = Outbox(max_waiting_chunks=2)
    for pcm in (b"11", b"22", b"33"):
        outbox.offer_audio(pcm)
    assert outbox.dropped_chunks == 1
    assert await outbox.take() == b"22"


async def test_audio_that_can_wait_is_made_to_and_nothing_is_lost() -> None:
    outbox = Outbox(max_waiting_chunks=2)
    taken: list[object] = []

    async def speak() -> None:
        for number in range(10):
            await outbox.room()
            outbox.queue_audio(bytes([number, number]))

    speaking = asyncio.create_task(speak())
    while len(taken) < 10:
        taken.append(await outbox.take())
    await speaking
    assert taken == [bytes([number, number]) for number in range(10)]
    assert outbox.dropped_chunks == 0


async def test_audio_is_held_while_there_is_no_line_and_edits_of_the_old_conversation_are_dropped() -> None:
    outbox = Outbox(max_waiting_chunks=2)
    outbox.send(cancel_response())
    outbox.hold_audio()
    for number in range(5):
        outbox.offer_audio(bytes([number]))
    waiting = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.release_audio([b"before"])
    assert await waiting == b"before"
    assert [await outbox.take() for _ in range(5)] == [bytes([number]) for number in range(5)]
    assert outbox.dropped_chunks == 0


async def test_what_was_held_is_not_dropped_while_it_drains() -> None:
    outbox = Outbox(max_waiting_chunks=2)
    outbox.hold_audio()
    for _ in range(500):
        outbox.offer_audio(b"held")
    outbox.release_audio()
    drained = []
    for _ in range(250):  # live chunks go on coming, half as fast as the socket takes them
        outbox.offer_audio(b"live")
        drained += [await outbox.take(), await outbox.take()]
    assert drained == [b"held"] * 500
    assert outbox.dropped_chunks == 0
    for _ in range(250):
        await outbox.take()
    for _ in range(3):
        outbox.offer_audio(b"live")
    assert outbox.dropped_chunks == 1, "the ordinary bound is in force again"


async def test_unheard_audio_before_a_full_lane_is_not_evicted() -> None:
    outbox = Outbox(max_waiting_chunks=2)
    outbox.hold_audio()
    for _ in range(MAX_WAITING_CHUNKS_OFFLINE):
        outbox.offer_audio(b"held")
    outbox.release_audio([b"before"])
    outbox.offer_audio(b"live")
    assert outbox.dropped_chunks == 0
    assert await outbox.take() == b"before"


async def test_a_commit_does_not_overtake_its_audio_and_is_not_evicted() -> None:
    outbox = Outbox(max_waiting_chunks=2)
    outbox.send_in_order(clear_audio())
    outbox.offer_audio(b"11")
    outbox.offer_audio(b"22")
    outbox.send_in_order(commit_audio())
    outbox.offer_audio(b"33")
    outbox.send(cancel_response())
    assert outbox.dropped_chunks == 2, "of a lane that holds two"
    taken = [await outbox.take() for _ in range(4)]
    assert taken == [cancel_response(), clear_audio(), commit_audio(), b"33"]


async def test_turns_of_a_lost_line_go_before_everything_that_waits() -> None:
    outbox = Outbox()
    outbox.hold_audio()
    outbox.offer_audio(b"new")
    outbox.release_audio([b"old", commit_audio(), b"older"])
    assert [await outbox.take() for _ in range(4)] == [b"old", commit_audio(), b"older", b"new"]
