from __future__ import annotations

import threading

import pytest

from realtime_helpers.audio.formats import silence
from realtime_helpers.errors import MissingPartError
from realtime_helpers.speech import Transcriber, Voice
from realtime_helpers.speech.worker import Worker, WorkerError

VOICE = "realtime_helpers.speech.voice_worker"
REQUEST = {"text": "Yes.", "voice": "en-us", "words_per_minute": 170}


def test_a_bad_request_is_an_error_and_the_worker_lives_on() -> None:
    worker = Worker(VOICE)
    with pytest.raises(WorkerError, match="no voice 'nobody'"):
        worker.request({**REQUEST, "voice": "nobody"})
    assert worker.request(REQUEST)[1]
    worker.close()


def test_an_interrupted_request_does_not_shift_the_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(VOICE)
    short = worker.request(REQUEST)[1]
    with monkeypatch.context() as patch:

        def interrupted(_stream: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("realtime_helpers.speech.worker.read_block", interrupted)
        with pytest.raises(KeyboardInterrupt):
            worker.request({**REQUEST, "text": "A sentence that is a good deal longer than the other one."})
    assert abs(len(worker.request(REQUEST)[1]) - len(short)) < 2000
    worker.close()


def test_closing_ends_a_request_that_somebody_waits_for() -> None:
    worker = Worker(VOICE)
    worker.request(REQUEST)
    failures: list[Exception] = []

    def ask() -> None:
        try:
            worker.request({**REQUEST, "text": "A long sentence about a goose. " * 20_000})
        except WorkerError as error:
            failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    asking.join(0.2)
    assert asking.is_alive(), "the text is long enough to be interrupted"
    worker.close()
    asking.join(10)
    assert not asking.is_alive()
    assert len(failures) == 1


def test_less_than_a_sample_of_sound_holds_no_words() -> None:
    transcriber = Transcriber()
    assert [transcriber.transcribe(pcm).text for pcm in (b"", b"\x11", b"\x11\x11")] == ["", "", ""]
    transcriber.close()


def test_a_recogniser_that_died_while_idle_is_started_again() -> None:
    transcriber = Transcriber(["how are you today"])
    transcriber.load()
    transcriber._worker.close()
    voice = Voice()
    heard = transcriber.transcribe(silence(300) + voice.speak("How are you today?").pcm + silence(500))
    assert heard.text == "how are you today"
    voice.close()
    transcriber.close()


def test_what_is_not_installed_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingPartError, match="pip install"):
        Voice().speak("Hello.")
    with pytest.raises(MissingPartError, match="pip install"):
        Transcriber().load()
