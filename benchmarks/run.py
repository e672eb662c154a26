"""`make bench`: figures as ratios, both sides measured in the same run."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import orjson
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from realtime_helpers import RealtimeSession, SpeechSource
from realtime_helpers.audio.formats import silence
from realtime_helpers.conversation import Conversation
from realtime_helpers.protocol import decode
from realtime_helpers.simulator.phrases import PHRASES
from realtime_helpers.speech import Transcriber, Voice


def best_of(work: Callable[[], object], rounds: int = 5) -> float:
    """Shortest wall time of some rounds, in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def reply_frames() -> list[bytes]:
    """The frames of one ten-second spoken reply, as the service sends them."""
    audio = base64.b64encode(bytes(12_000)).decode()
    ids = {"response_id": "resp_1", "item_id": "a", "output_index": 0, "content_index": 0}
    item = {"id": "a", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    events = [{"type": "conversation.item.added", "event_id": "e", "previous_item_id": None, "item": item}]
    for _ in range(40):
        events.append({"type": "response.output_audio_transcript.delta", "event_id": "e", **ids, "delta": "word "})
        events.append({"type": "response.output_audio.delta", "event_id": "e", **ids, "delta": audio})
    return [orjson.dumps(event) for event in events]


def events_against_the_sdk() -> None:
    frames = reply_frames()
    connection = AsyncRealtimeConnection.__new__(AsyncRealtimeConnection)

    def ours() -> None:
        conversation = Conversation()
        for frame in frames:
            conversation.apply(decode(frame))

    def typed() -> None:
        for frame in frames:
            connection.parse_event(frame)

    mine, theirs = best_of(ours), best_of(typed)
    print(f"an event decoded and reduced: {mine / len(frames) * 1e6:.1f} us; the SDK's typed parsing alone takes "
          f"{theirs / mine:.1f} times as long")  # fmt: skip


def speech_against_real_time() -> None:
    voice, transcriber = Voice(), Transcriber(PHRASES)
    transcriber.load()
    texts = [f"Tell me a story about {animal}." for animal in ("a goose", "a goat", "an owl", "a snail")]
    voice.speak("Warm up.")
    start = time.perf_counter()
    spoken = [voice.speak(text) for text in texts]
    speaking = time.perf_counter() - start
    seconds = sum(speech.duration_ms for speech in spoken) / 1000
    start = time.perf_counter()
    for speech in spoken:
        transcriber.transcribe(silence(300) + speech.pcm + silence(500))
    hearing = time.perf_counter() - start
    print(f"speaking takes {speaking / seconds:.4f} of real time, hearing {hearing / seconds:.2f}")
    voice.close()
    transcriber.close()


def a_conversation_against_real_time() -> None:
    turns = 6
    user = SpeechSource()
    with RealtimeSession() as session:
        session.start(source=user)
        user.say("How are you today?")
        session.wait_for_answer(1)
        start = time.perf_counter()
        for number in range(2, turns + 1):
            user.say("Tell me a quick story.")
            now = session.wait_for_answer(number)
        passed = time.perf_counter() - start
    seconds = sum(item.audio_ms for turn in now.turns[1:] for item in turn.items) / 1000
    print(f"a spoken conversation of {seconds:.0f} s runs {seconds / passed:.1f} times faster than real time")


if __name__ == "__main__":
    assert AsyncOpenAI  # imported before anything is timed
    events_against_the_sdk()
    speech_against_real_time()
    a_conversation_against_real_time()
