"""Pictures are computed from snapshots of a real talk, say in words what they show, and stay small."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from realtime_helpers import Snapshot, SummaryPolicy
from realtime_helpers.audio.formats import silence
from realtime_helpers.conversation import FrozenView
from realtime_helpers.experiments.lab import LabParts
from realtime_helpers.memory import AtShareOfWindow, AtTurns
from realtime_helpers.session import State
from realtime_helpers.widgets.event_record import EventRecord, Facts
from realtime_helpers.widgets.gauge import gauge_picture
from realtime_helpers.widgets.in_words import numbers, shortened
from realtime_helpers.widgets.inspector import inspector_picture
from realtime_helpers.widgets.latency_strip import latency_picture
from realtime_helpers.widgets.level_meters import SideLevel, SideMeter, levels_picture
from realtime_helpers.widgets.transcript import NEWEST_LINES, transcript_picture

from .talks import SCRIPT, Seen, long_talk

MODEL = "gpt-realtime-2.1-mini"
MOST_BYTES = 20_000


def size(picture: dict[str, Any]) -> int:
    return len(json.dumps(picture, ensure_ascii=False).encode())


def lines_of(picture: dict[str, Any], who: str) -> list[dict[str, Any]]:
    return [line for line in picture["lines"] if line["who"] == who]


# -- transcript -------------------------------------------------------------------------------------------


def test_a_transcript_says_who_said_what_and_how(seen: Seen) -> None:
    picture = transcript_picture(seen.at["typed"])
    assert [(line["who"], line.get("how"), line["turn"]) for line in picture["lines"]] == [
        ("You", "typed", 1),
        ("Bot", None, 1),
    ]
    assert picture["lines"][0]["text"] == f"Hello. {SCRIPT}"
    assert picture["fold"] is None
    assert transcript_picture(seen.at["new"])["sentence"] == "Nothing was said yet."


def test_words_that_have_not_sounded_yet_are_apart(seen: Seen) -> None:
    line = transcript_picture(seen.at["speaking"])["lines"][-1]
    assert line["state"] == "partial"
    assert line["note"] == "is speaking"
    assert line["text"].split()[0] == "Once"
    assert line["rest"], "more was generated than has sounded"


def test_what_was_not_heard_of_an_interrupted_reply_is_marked(seen: Seen) -> None:
    now = seen.at["interrupted"]
    line = next(line for line in transcript_picture(now)["lines"] if line["state"] == "interrupted")
    reply = next(item for item in now.turns[1].items if item.role == "assistant")
    assert line["note"] == "interrupted; you did not hear"
    assert line["text"] == reply.heard_text
    assert line["text"]
    assert line["rest"]
    assert f"{line['text']} {line['rest']}" == reply.text
    assert "interrupted" not in transcript_picture(now)["lines"][-1].get("note", "")


def test_a_call_of_a_tool_is_a_line_between_question_and_answer(seen: Seen) -> None:
    lines = transcript_picture(seen.at["called"])["lines"]
    place = next(place for place, line in enumerate(lines) if line["who"] == "Tool")
    assert lines[place - 1]["text"] == "What is the weather in Paris?"
    assert lines[place]["text"].startswith('get_weather({"city":"Paris"}) → {')
    assert lines[place]["note"].startswith("answered in ")
    assert lines[place + 1]["who"] == "Bot"


def test_words_that_nobody_knows_are_told_of(seen: Seen) -> None:
    picture = transcript_picture(seen.at["failed"])
    assert [line["note"] for line in lines_of(picture, "You") if line["state"] == "failed"] == [
        "said something that could not be understood"
    ]


def test_a_summary_is_a_fold_in_the_place_of_its_turns(seen: Seen) -> None:
    now = seen.at["end"]
    closed, opened = transcript_picture(now), transcript_picture(now, is_unfolded=True)
    assert closed["fold"]["title"] == "A summary stands for turns 1 to 7 (14 lines)."
    assert closed["fold"]["text"] == now.summaries[-1].text
    assert closed["fold"]["lines"] == []
    assert {line["turn"] for line in closed["lines"]} == {8, 9}
    assert {line.get("turn") for line in opened["fold"]["lines"]} == {None, *range(1, 8)}
    assert "Biscuit" in json.dumps(opened["fold"]["lines"])
    assert closed["fold"]["title"] in closed["sentence"]
    assert opened["lines"] == closed["lines"]


def test_turns_that_an_undo_brought_back_are_told_to_stand_word_for_word(seen: Seen) -> None:
    now = seen.at["end"]
    user = now.turns[5].items[0]
    record = replace(now.summaries[-1], verbatim=(user.id,))
    picture = transcript_picture(replace(now, summaries=[*now.summaries[:-1], record]))
    assert "of these, 6 word for word" in picture["fold"]["title"]
    plain = replace(record, text="")
    picture = transcript_picture(replace(now, summaries=[*now.summaries[:-1], plain]))
    assert picture["fold"]["title"].startswith("Turns 1 to 7 stand in one memory item")


# -- gauge ------------------------------------------------------------------------------------------------


def test_a_gauge_shows_what_each_response_read(seen: Seen) -> None:
    now = seen.at["end"]
    picture = gauge_picture(now, MODEL)
    reading = [entry for entry in now.responses if not entry.out_of_band]
    assert len(picture["bars"]) == len(reading) == 10
    for bar, entry in zip(picture["bars"], reading, strict=True):
        _, text, audio, image, cached, whole = bar
        assert text + audio + image + cached == whole == entry.usage.input_tokens
        assert cached == entry.usage.cached_tokens
    assert picture["tokens"] == now.window_tokens
    assert picture["trigger"] == 450
    assert picture["limit"] == 96_000
    assert (
        f"{now.window_tokens:,} conversation tokens, {now.window_tokens / 450:.0%} of the trigger"
        in picture["sentence"]
    )
    assert "5 summaries so far, the newest since then" in picture["sentence"]


def test_summaries_stand_between_the_bars_before_and_after_them(seen: Seen) -> None:
    now = seen.at["end"]
    picture = gauge_picture(now, MODEL)
    reading = [entry for entry in now.responses if not entry.out_of_band]
    assert [mark["label"] for mark in picture["boundaries"]] == ["S1", "S2", "S3", "S4", "S5"]
    for mark, record in zip(picture["boundaries"], now.summaries, strict=True):
        assert reading[mark["before"] - 2].conversation_tokens == record.window_before
        if record.window_after is not None:
            assert reading[mark["before"] - 1].conversation_tokens == record.window_after
    places = [mark["before"] for mark in picture["boundaries"]]
    assert places == sorted(set(places))
    assert places[-1] == 11, "no response has read the newest one yet"


def test_summaries_with_the_same_windows_stand_apart_and_one_that_nothing_read_beside_the_next(seen: Seen) -> None:
    now = seen.at["end"]
    entries = [replace(now.responses[0], conversation_tokens=tokens) for tokens in (500, 300, 500, 300, 500)]
    record = replace(now.summaries[0], window_before=500, window_after=300)
    unread = replace(record, window_after=None)
    summaries = [record, unread, record, unread]
    picture = gauge_picture(replace(now, responses=entries, summaries=summaries), MODEL)
    assert [(mark["label"], mark["before"]) for mark in picture["boundaries"]] == [
        ("S1", 2), ("S2", 4), ("S3", 4), ("S4", 6),
    ]  # fmt: skip


def test_an_undo_and_a_new_connection_are_not_counted_as_summaries(seen: Seen) -> None:
    now = seen.at["end"]
    occasions = ("due", "undone", "asked", "reconnected", "undone")
    summaries = [replace(record, occasion=why) for record, why in zip(now.summaries, occasions, strict=True)]
    picture = gauge_picture(replace(now, summaries=summaries), MODEL)
    assert [mark["label"] for mark in picture["boundaries"]] == ["S1", "U", "S2", "R", "U"]
    assert "2 summaries so far, 2 undone." in picture["sentence"]
    assert picture["boundaries"][-1]["title"] == f"Summary undone at {summaries[-1].window_before:,} tokens"


def test_the_cost_of_an_hour_is_told_with_how_it_was_computed(seen: Seen) -> None:
    now = seen.at["end"]
    picture = gauge_picture(now, MODEL)
    spoken_ms = sum(
        item.audio_ms if item.heard_ms is None else min(item.heard_ms, item.audio_ms)
        for turn in now.turns
        for item in turn.items
    )
    assert now.cost_usd is not None
    assert picture["per_hour"] == f"${now.cost_usd / spoken_ms * 3_600_000:,.2f}"
    assert "pauses do not count" in picture["cost_note"]
    silent = replace(now, turns=[])
    assert gauge_picture(silent, MODEL)["per_hour"] is None
    unpriced = gauge_picture(replace(now, cost_usd=None), "house-model-1")
    assert (unpriced["cost"], unpriced["per_hour"], unpriced["limit"]) == (None, None, None)
    assert "no listed price of the model house-model-1" in unpriced["sentence"]
    assert "model that writes summaries" in gauge_picture(replace(now, summaries_usd=None), MODEL)["sentence"]


@pytest.mark.parametrize(
    ("policy", "trigger", "words"),
    [
        (None, None, "only when you ask"),
        (SummaryPolicy(trigger=AtShareOfWindow(0.5), keep_turns=2), 48_000, "50% of what the model can read"),
        (SummaryPolicy(trigger=AtTurns(40), keep_turns=2), None, "AtTurns(turns=40)"),
    ],
)
def test_every_kind_of_trigger_is_told(
    seen: Seen, policy: SummaryPolicy | None, trigger: int | None, words: str
) -> None:
    picture = gauge_picture(replace(seen.at["end"], memory=policy), MODEL)
    assert picture["trigger"] == trigger
    assert words in picture["rule"]


# -- inspector --------------------------------------------------------------------------------------------


def recorded(seen: Seen, upto: str | None = None) -> EventRecord:
    record = EventRecord(kept=100_000)
    for way, event, at_s in seen.events:
        record(way, event, at_s)  # type: ignore[arg-type]
        if event["type"] == upto:
            break
    return record


def test_an_inspector_shows_the_items_that_the_server_holds(seen: Seen) -> None:
    now = seen.at["end"]
    picture = inspector_picture(now, recorded(seen).facts)
    assert [row["id"] for row in picture["items"]] == [item.id for item in now.items]
    assert picture["items"][0]["role"] == "summary"
    reply = next(row for row in picture["items"] if row["role"] == "assistant")
    assert reply["tokens"].endswith(" counted")
    assert reply["audio"].endswith(" s")
    user = next(row for row in picture["items"] if row["role"] == "user")
    assert user["tokens"].startswith("≈")
    assert user["state"] == "acknowledged"
    assert f"{len(now.items)} items" in picture["sentence"]


def test_states_of_items_are_told_in_words(seen: Seen) -> None:
    states = {name: [row["state"] for row in inspector_picture(now, Facts())["items"]] for name, now in seen.at.items()}
    assert "being said" in states["speaking"]
    assert any(state.startswith("acknowledged; cut at 2.") for state in states["interrupted"])
    assert "acknowledged; words unknown" in states["failed"]
    rows = inspector_picture(seen.at["interrupted"], recorded(seen).facts)["items"]
    assert [row["tokens"][0] for row in rows if "cut at" in row["state"]] == ["≈"], "what was billed was more"
    record = recorded(seen, upto="conversation.item.create")
    first = inspector_picture(seen.at["new"], record.facts)
    assert [(row["role"], row["state"]) for row in first["items"]] == [("user", "pending: sent, not acknowledged")]
    assert "1 item not acknowledged yet" in first["sentence"]
    deleting = recorded(seen, upto="conversation.item.delete").facts
    assert "pending: being deleted" in [
        row["state"] for row in inspector_picture(seen.at["interrupted"], deleting)["items"]
    ]
    assert not recorded(seen).facts.pending
    assert not recorded(seen).facts.leaving


# -- latency ----------------------------------------------------------------------------------------------


def test_a_latency_strip_has_a_dot_for_each_wait_of_each_turn(seen: Seen) -> None:
    now = seen.at["end"]
    picture = latency_picture(now)
    rows = {row["name"]: row for row in picture["rows"]}
    assert list(rows) == ["first audio", "first sound", "barge-in to silence", "transcript delay"]
    assert [turn for turn, _ in rows["first audio"]["dots"]] == list(range(1, 10))
    assert [turn for turn, _ in rows["transcript delay"]["dots"]] == [2, 3]
    assert rows["barge-in to silence"]["dots"][0][0] == 2
    assert rows["first audio"]["median"] == pytest.approx(now.latency.first_audio.median)
    assert f"First audio: median {now.latency.first_audio.median:,.0f} ms" in picture["sentence"]
    assert "1 of 9 replies interrupted" in picture["sentence"]
    before = latency_picture(seen.at["new"])
    assert before["sentence"] == "No wait was measured yet."
    assert [row["dots"] for row in before["rows"]] == [[], [], [], []]


# -- levels -----------------------------------------------------------------------------------------------


def tone(ms: int, amplitude: int) -> bytes:
    samples = amplitude * np.sin(np.arange(ms * 24) * 2 * np.pi * 440 / 24_000)
    return bytes(samples.astype("<i2").tobytes())


def told(meter: SideMeter, now: Snapshot) -> dict[str, Any]:
    picture = levels_picture(now, {"user": meter.now, "assistant": SideLevel()})
    assert picture["sentence"].startswith(picture["sides"][0]["words"])
    side: dict[str, Any] = picture["sides"][0]
    return side


def test_loudness_silence_and_clipping_are_told_in_words(seen: Seen) -> None:
    now, meter = seen.at["typed"], SideMeter()
    assert told(meter, now)["words"] == "You: nothing heard yet."
    meter.add(tone(500, 3_000))
    assert told(meter, now)["words"] == "You: well audible, -24 dBFS."
    meter.add(tone(500, 150))
    assert told(meter, now)["words"] == "You: quiet, -50 dBFS."
    meter.add(silence(500))
    assert told(meter, now)["words"] == "You: silent."
    meter.add(silence(3_500))
    assert told(meter, now)["words"] == "You: silent for 4 s."
    meter.add(struct.pack("<h", 32_767) * 2_400)
    side = told(meter, now)
    assert side["is_clipped"]
    assert side["words"] == "You: loud, 0 dBFS; clipped 1 time, move back or lower the gain."
    assert told(meter, replace(now, is_muted=True))["words"].startswith("You: muted, silence is sent; clipped")


def test_the_waveform_holds_the_last_seconds_however_the_audio_was_cut(seen: Seen) -> None:
    sound = silence(2_000) + tone(7_000, 10_000) + silence(1_000)
    whole, in_bits = SideMeter(), SideMeter()
    whole.add(sound)
    for start in range(0, len(sound), 1_111):
        in_bits.add(sound[start : start + 1_111])
    assert whole.now == in_bits.now
    peaks = whole.now.peaks
    assert len(peaks) == 120
    assert peaks[-20:] == (0,) * 20
    assert set(peaks[:100]) == {55}


def test_a_bot_that_does_not_speak_has_no_level(seen: Seen) -> None:
    meter = SideMeter()
    meter.add(tone(500, 10_000))
    now = seen.at["typed"]
    assert now.state is State.LISTENING
    side = levels_picture(now, {"user": SideLevel(), "assistant": meter.now})["sides"][1]
    assert (side["height"], side["words"]) == (0, "Bot: not speaking.")
    speaking = replace(now, state=State.SPEAKING)
    side = levels_picture(speaking, {"user": SideLevel(), "assistant": meter.now})["sides"][1]
    assert side["height"] == 78
    assert side["words"] == "Bot: well audible, -13 dBFS."


# -- all --------------------------------------------------------------------------------------------------


def test_pictures_of_a_long_talk_stay_small(lab: LabParts) -> None:
    largest = {"transcript": 0, "unfolded": 0, "gauge": 0, "inspector": 0, "latency": 0}

    def look(now: Snapshot) -> None:
        pictures = {
            "transcript": transcript_picture(now),
            "unfolded": transcript_picture(now, is_unfolded=True),
            "gauge": gauge_picture(now, MODEL),
            "inspector": inspector_picture(now, Facts()),
            "latency": latency_picture(now),
        }
        for name, picture in pictures.items():
            assert picture["sentence"]
            assert len(picture["sentence"]) < 700
            largest[name] = max(largest[name], size(picture))

    long_talk(lab, 200, look)
    assert all(1_000 < most < MOST_BYTES for most in largest.values()), largest


def test_a_transcript_without_summaries_sends_its_newest_lines(seen: Seen) -> None:
    now = seen.at["end"]
    captions = [replace(caption, id=f"c{n}", text="嗯" * 4_000, heard="嗯" * 4_000)
                for n, caption in enumerate(list(now.captions) * 20)]  # fmt: skip
    picture = transcript_picture(replace(now, captions=FrozenView(captions), summaries=[]))
    assert size(picture) < MOST_BYTES
    assert 1 <= len(picture["lines"]) <= NEWEST_LINES
    assert f"{len(captions) - len(picture['lines'])} earlier lines are not shown" in picture["earlier"]
    assert picture["lines"][-1]["id"] == captions[-1].id


def test_words_of_pictures() -> None:
    assert numbers([3, 1, 2, 7]) == "1 to 3, 7"
    assert numbers([]) == ""
    assert shortened("short", 10) == "short"
    assert shortened("é" * 10, 10) == "ééééé… (5 more characters)"
