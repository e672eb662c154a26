"""The offline recogniser: what it hears must not depend on what nobody said."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from realtime_helpers.audio.formats import silence
from realtime_helpers.simulator.phrases import PHRASES
from realtime_helpers.speech import USER_VOICE, Transcriber, Voice
from realtime_helpers.speech.transcriber import without_silence

Samples = npt.NDArray[np.float32]
RATE_HZ = 16_000
MARGIN = RATE_HZ // 10


@pytest.fixture(scope="module")
def voice() -> Iterator[Voice]:
    speaking = Voice()
    yield speaking
    speaking.close()


@pytest.fixture(scope="module")
def transcriber() -> Iterator[Transcriber]:
    hearing = Transcriber(PHRASES)
    yield hearing
    hearing.close()


def tone(ms: int, loudness: float = 0.5) -> Samples:
    wave = np.sin(2 * np.pi * 440 * np.arange(ms * RATE_HZ // 1000) / RATE_HZ)
    return (wave * loudness).astype(np.float32)


def nothing(ms: int) -> Samples:
    return np.zeros(ms * RATE_HZ // 1000, np.float32)


@pytest.mark.parametrize("before_ms", [0, 50, 200, 3_000])
@pytest.mark.parametrize("after_ms", [0, 90, 1_500])
def test_of_silence_around_a_sound_a_tenth_of_a_second_is_left(before_ms: int, after_ms: int) -> None:
    left = without_silence(np.concatenate([nothing(before_ms), tone(400), nothing(after_ms)]))
    expected = 400 + min(before_ms, 100) + min(after_ms, 100)
    assert len(left) == expected * RATE_HZ // 1000


def test_a_pause_between_two_sounds_and_a_quiet_word_stay() -> None:
    talk = np.concatenate([tone(200), nothing(900), tone(200, 0.02)])
    assert np.array_equal(without_silence(talk), talk)


def test_of_silence_nothing_is_left_and_steady_noise_stays_as_it_is() -> None:
    assert len(without_silence(nothing(2_000))) == 0
    assert len(without_silence(np.zeros(3, np.float32))) == 0
    noise = np.random.default_rng(1).standard_normal(RATE_HZ).astype(np.float32) * 0.01
    assert np.array_equal(without_silence(noise), noise)


@pytest.mark.parametrize("phrase", ["i play the piano", "what can you do", "how are you"])
def test_a_known_phrase_is_heard_however_long_nobody_spoke(voice: Voice, transcriber: Transcriber, phrase: str) -> None:
    said = voice.speak(phrase, USER_VOICE).pcm
    for before_ms, after_ms in ((120, 300), (300, 500), (200, 1_500), (2_000, 4_000)):
        heard = transcriber.transcribe(silence(before_ms) + said + silence(after_ms))
        assert (heard.text, heard.source) == (phrase, "phrases")


@pytest.mark.parametrize("sentence", ["The museum is closed on Mondays.", "My radio is broken."])
def test_another_sentence_is_not_taken_for_a_known_phrase(
    voice: Voice, transcriber: Transcriber, sentence: str
) -> None:
    heard = transcriber.transcribe(silence(200) + voice.speak(sentence, USER_VOICE).pcm + silence(800))
    assert heard.source == "general"
    assert sentence.split()[1] in heard.text


def test_in_silence_nothing_is_heard(transcriber: Transcriber) -> None:
    assert transcriber.transcribe(silence(1_000)).text == ""
