"""Pauses are as long as they were asked for, and what a server made of them is told as it was."""

from __future__ import annotations

import pytest

from realtime_helpers import PushToTalk, RealtimeSession, SemanticVAD, ServerVAD, SessionOptions, SpeechSource
from realtime_helpers.audio.formats import BYTES_PER_MS, duration_ms, samples_from_pcm
from realtime_helpers.course.turns import HeardTurn, Hearing, check_patience, hesitant, item_on_server, listen, quieter
from realtime_helpers.errors import SettingsError
from realtime_helpers.settings import Settings

SIMULATOR = Settings.from_environment("simulator")
GREEN = ("My favorite color", 330, "is", 700, "green.")


def turn(words: str, end_ms: int = 1_000) -> HeardTurn:
    return HeardTurn(words, 0, end_ms, "")


def test_a_pause_is_exactly_as_long_as_asked_for() -> None:
    without = hesitant("I live in", "Lisbon.")
    assert len(hesitant("I live in", 450, "Lisbon.")) == len(without) + 450 * BYTES_PER_MS
    samples = abs(samples_from_pcm(without))
    assert samples[0] > 0.003
    assert samples[-1] > 0.003


def test_quieter_is_quieter_by_that_much() -> None:
    loud = hesitant("Lisbon.")
    ratio = abs(samples_from_pcm(quieter(loud, by_db=20))).max() / abs(samples_from_pcm(loud)).max()
    assert ratio == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize(
    ("detection", "count"),
    [
        (ServerVAD(silence_duration_ms=200), 3),
        (ServerVAD(silence_duration_ms=500), 2),
        (ServerVAD(silence_duration_ms=900), 1),
        (SemanticVAD(), 1),
        (ServerVAD(threshold=1.0, silence_duration_ms=900), 0),
    ],
)
def test_the_same_sentence_is_as_many_turns_as_the_setting_makes_of_it(
    detection: ServerVAD | SemanticVAD, count: int
) -> None:
    pcm = quieter(hesitant(*GREEN), by_db=30 if count == 0 else 0)
    heard = listen(pcm, detection, SIMULATOR)
    assert len(heard.turns) == count
    assert heard.spans == sorted(heard.spans)
    if count == 1:
        assert heard.turns[0].words == "my favorite color is green"
        assert "green" in heard.turns[0].reply
        assert 0 < heard.waited_ms < 1_000
    if count:
        assert heard.turns[-1].end_ms > duration_ms(pcm)


def test_each_mistake_is_told_from_the_others() -> None:
    patient, cut, deaf = (
        Hearing((turn("all of it", 1_600),), 900),
        Hearing((turn("all"), turn("of")), 900),
        Hearing((), 9),
    )
    assert "was not heard" in check_patience([patient, deaf], most_wait_ms=750).why
    assert "'all' was answered before 'of' was said" in check_patience([cut, patient], most_wait_ms=750).why
    assert "700 ms after its last word, not 650 at most" in check_patience([patient], most_wait_ms=650).why
    assert repr(check_patience([patient], most_wait_ms=750)).startswith("Passed: nobody was cut off")


@pytest.mark.parametrize("silly", [None, "500", [], [None], {"speaker": 1}])
def test_what_is_no_hearing_is_not_passed_and_nothing_is_raised(silly: object) -> None:
    assert repr(check_patience(silly, most_wait_ms=750)).startswith("Not yet: there is nothing to look at.")


@pytest.mark.parametrize("nobody", [PushToTalk(), None])
def test_without_detection_it_says_so_at_once(nobody: PushToTalk | None) -> None:
    with pytest.raises(SettingsError, match="leaves it to somebody else"):
        listen(b"", nobody, SIMULATOR)  # type: ignore[arg-type]


def test_the_server_says_what_it_has_of_an_item() -> None:
    user, pcm = SpeechSource(), hesitant("I live in Lisbon.")
    with RealtimeSession(settings=SIMULATOR, options=SessionOptions(turn_detection=PushToTalk())) as session:
        session.start(source=user)
        session.begin_turn()
        user.play(pcm)
        session.end_turn()
        now = session.wait_for_answer(1)
        asked, answered = now.turns[0].items
        assert item_on_server(session, asked.id).audio_ms >= duration_ms(pcm)
        reply = item_on_server(session, answered.id)
        assert (reply.transcript, round(reply.audio_ms)) == (answered.text, round(answered.audio_ms))
        with pytest.raises(ValueError, match="no item nowhere"):
            item_on_server(session, "nowhere")
