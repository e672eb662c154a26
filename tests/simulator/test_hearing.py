from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_helpers.audio.formats import duration_ms, pcm_from_samples, samples_from_pcm, silence
from realtime_helpers.simulator import Parts
from realtime_helpers.simulator.input_audio import InputAudioBuffer
from realtime_helpers.simulator.vad import FRAME_MS, SpeechStarted, SpeechStopped, VoiceDetector

SENTENCES = ("Tell me a quick story.", "How are you today?", "I live in Lisbon.")


def detector(**changes: float) -> VoiceDetector:
    values: dict[str, float] = {"threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500, **changes}
    vad = VoiceDetector()
    vad.configure(**values)  # type: ignore[arg-type]
    return vad


def test_every_sentence_is_one_turn_with_padding_and_the_silence_that_ended_it(parts: Parts) -> None:
    vad = detector()
    events = []
    for sentence in SENTENCES:
        events += list(vad.feed(silence(500) + parts.voice.engine.speak(sentence).pcm + silence(900)))
    assert [type(event) for event in events] == [SpeechStarted, SpeechStopped] * 3
    at_ms = 0.0
    for sentence, start, stop in zip(SENTENCES, events[::2], events[1::2], strict=True):
        assert isinstance(start, SpeechStarted)
        assert isinstance(stop, SpeechStopped)
        length_ms = parts.voice.engine.speak(sentence).duration_ms
        assert at_ms + 200 - 96 <= start.start_ms <= at_ms + 500, "onset less padding"
        assert stop.end_ms % FRAME_MS == 0
        assert stop.end_ms <= at_ms + 500 + length_ms + 500 + 3 * FRAME_MS, "end of speech plus the silence"
        at_ms += 1400 + length_ms


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=60))
def test_offsets_do_not_depend_on_how_the_audio_is_cut(sizes: list[int]) -> None:
    tone = np.sin(2 * np.pi * 180 * np.arange(24_000) / 24_000) * np.sign(
        np.sin(2 * np.pi * 4 * np.arange(24_000) / 24_000)
    )
    pcm = silence(400) + pcm_from_samples((tone * 0.5).astype(np.float32)) + silence(900)
    whole = list(detector().feed(pcm))
    vad, cut, at = detector(), [], 0
    for size in (*sizes, len(pcm)):
        cut += vad.feed(pcm[at : at + size])
        at += size
    assert cut == whole


def test_silence_and_faint_noise_are_not_speech() -> None:
    noise = np.random.default_rng(1).standard_normal(24_000 * 5).astype(np.float32) * 0.002
    assert list(detector().feed(silence(3000) + pcm_from_samples(noise))) == []


def test_a_higher_threshold_does_not_hear_a_quiet_voice(parts: Parts) -> None:
    voice = samples_from_pcm(parts.voice.engine.speak(SENTENCES[0]).pcm)
    quiet = silence(300) + pcm_from_samples(voice * 0.02) + silence(900)
    assert len(list(detector(threshold=0.0).feed(quiet))) == 2
    assert list(detector(threshold=1.0).feed(quiet)) == []


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=20))
def test_the_buffer_gives_back_the_span_asked_for(steps: list[tuple[int, int]]) -> None:
    buffer, everything = InputAudioBuffer(), b""
    for number, (length_ms, back_ms) in enumerate(steps):
        pcm = bytes([number + 1]) * (length_ms * 48)
        buffer.write(pcm)
        everything += pcm
        end_ms = buffer.end_ms
        start_ms = max(end_ms - buffer.length_ms, end_ms - back_ms)
        if number % 3 == 2:
            assert buffer.take(start_ms, end_ms) == everything[round(start_ms * 48) : round(end_ms * 48)]
        else:
            buffer.keep_last(back_ms)
            assert buffer.length_ms <= back_ms or not back_ms
    assert buffer.end_ms == len(everything) / 48


@pytest.mark.parametrize("sentence", SENTENCES)
def test_known_phrases_are_heard_exactly(parts: Parts, sentence: str) -> None:
    heard = parts.ears.engine.transcribe(silence(300) + parts.voice.engine.speak(sentence).pcm + silence(500))
    assert heard.text == sentence.lower().rstrip(".?")


def test_an_unknown_sentence_is_heard_approximately_and_not_turned_into_a_phrase(parts: Parts) -> None:
    heard = parts.ears.engine.transcribe(
        silence(300) + parts.voice.engine.speak("The train leaves at seven.").pcm + silence(500)
    )
    assert heard.source == "general"
    assert {"train", "leaves", "seven"} <= set(heard.text.split())


def test_speech_knows_when_each_word_is_said(parts: Parts) -> None:
    speech = parts.voice.engine.speak("One two three four.")
    assert [speech.text[word.offset :][: word.length].strip(". ") for word in speech.words] == [
        "One",
        "two",
        "three",
        "four",
    ]
    times = [word.at_ms for word in speech.words]
    assert times == sorted(times)
    assert times[-1] < speech.duration_ms
    assert speech.duration_ms == duration_ms(speech.pcm)


def test_the_same_words_sound_the_same_twice(parts: Parts) -> None:
    assert parts.voice.engine.speak("Hello.") == parts.voice.engine.speak("Hello.")
