"""`make bench`: what a turn costs a client that looks at every event, at the beginning and after 9,000 turns."""

from __future__ import annotations

import statistics
import time
from typing import Any

from realtime_helpers.conversation import Captions, Conversation, FrozenView

TURNS = 10_000
SHARE = 1_000
KEPT = 2
PERIOD = 10


def turn(number: int) -> list[dict[str, Any]]:
    """Events of one spoken turn; every tenth one, those of a summary as well."""
    user, reply = f"u{number}", f"a{number}"
    message = {"id": user, "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
    answer = {"id": reply, "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    done = {**answer, "status": "completed", "content": [{"type": "output_audio", "transcript": "word " * 20}]}
    response = {"id": f"r{number}", "conversation_id": "conv_1", "status": "completed"}
    last = f"a{number - 1}" if number else None
    events = [
        {"type": "conversation.item.added", "previous_item_id": last, "item": message},
        {"type": "response.created", "response": response},
        {"type": "conversation.item.added", "previous_item_id": user, "item": answer},
        {"type": "conversation.item.input_audio_transcription.completed", "item_id": user, "transcript": "word " * 20},
    ]
    for _ in range(20):
        events.append({"type": "response.output_audio_transcript.delta", "item_id": reply, "delta": "word "})
        events.append({"type": "response.output_audio.delta", "item_id": reply, "delta": "A" * 1000})
    events += [{"type": "conversation.item.done", "item": done}, {"type": "response.done", "response": response}]
    if number % PERIOD == PERIOD - 1:
        words = [{"type": "input_text", "text": "what was said"}]
        summary = {"id": f"sum_{number}", "type": "message", "role": "system", "content": words}
        events.append({"type": "conversation.item.added", "previous_item_id": None, "item": summary})
        old = [f"{kind}{n}" for n in range(max(0, number - PERIOD - KEPT), number - KEPT) for kind in "ua"]
        gone = [*old, f"sum_{number - PERIOD}"]
        events += [{"type": "conversation.item.deleted", "item_id": item_id} for item_id in gone]
    return events


def per_turn(seconds: list[float]) -> float:
    """The median over whole periods, each with its summary: other work on the machine hardly shows."""
    periods = [sum(seconds[start : start + PERIOD]) / PERIOD for start in range(0, len(seconds), PERIOD)]
    return statistics.median(periods)


def main() -> None:
    conversation = Conversation()
    captions = Captions(conversation, lambda _item_id: 60_000)
    seconds = []
    for number in range(TURNS):
        events = turn(number)
        start = time.perf_counter()
        for event in events:
            conversation.apply(event)
            captions.apply(event)
            looked = conversation.all_turns, conversation.items, FrozenView(conversation.ledger.entries), captions.view
        seconds.append(time.perf_counter() - start)
    assert len(looked[0]) == TURNS
    assert len(looked[3]) == 2 * TURNS
    first, last = per_turn(seconds[:SHARE]), per_turn(seconds[-SHARE:])
    print(f"{TURNS:,} turns, looked at after every event: {first * 1e6:.0f} us a turn in the first {SHARE:,}, "
          f"{last * 1e6:.0f} us in the last: {last / first:.2f} times")  # fmt: skip


if __name__ == "__main__":
    main()
