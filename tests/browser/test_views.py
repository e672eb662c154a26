"""The panels that only show, in a real browser: text stays text, readers are not thrown about, the keyboard works."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from realtime_helpers.experiments.lab import LabParts, lab_parts
from realtime_helpers.simulator import Parts
from realtime_helpers.widgets import Inspector, LatencyStrip, LevelMeters, Transcript, WindowGauge
from realtime_helpers.widgets.event_record import EventRecord
from realtime_helpers.widgets.gauge import gauge_picture
from realtime_helpers.widgets.inspector import inspector_picture
from realtime_helpers.widgets.latency_strip import latency_picture
from realtime_helpers.widgets.level_meters import SIDES, SideLevel, levels_picture
from realtime_helpers.widgets.transcript import transcript_picture
from tests.widgets.talks import SCRIPT, Seen, whole_talk

from .view_page import view_page

FILTERS = {"direction": "both", "text": "", "errors_only": False, "pieces": False}

_CUT_TEXTS = """() => [...document.querySelectorAll("svg text")].filter((text) => {
  const box = text.getBoundingClientRect(), whole = text.ownerSVGElement.getBoundingClientRect();
  const isInside = box.left >= whole.left - 1 && box.right <= whole.right + 1;
  return !isInside || box.top < whole.top - 1 || box.bottom > whole.bottom + 1;
}).map((text) => text.textContent)"""


@pytest.fixture(scope="module")
def seen(parts: Parts) -> Seen:
    lab: LabParts = lab_parts(parts.voice, parts.ears)
    with ThreadPoolExecutor(1) as thread:  # playwright's loop runs in this one
        return thread.submit(whole_talk, lab).result(60)


def lines(count: int) -> dict[str, Any]:
    rows = [{"id": f"i{n}", "who": "Bot", "state": "final", "text": f"Line {n}.", "turn": n} for n in range(count)]
    return {"lines": rows[-30:], "earlier": "", "fold": None, "sentence": f"{count} lines."}


def test_what_was_said_is_text_never_markup(playwright: Any, seen: Seen) -> None:
    record = EventRecord()
    for way, event, at_s in seen.events[:200]:
        record(way, event, at_s)  # type: ignore[arg-type]
    now = seen.at["typed"]
    with view_page(playwright) as view:
        dialogs: list[str] = []
        view.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        view.show(Transcript, picture=transcript_picture(now), is_unfolded=False)
        assert view.page.get_by_text(SCRIPT).count() >= 1
        view.show(Inspector, picture=inspector_picture(now, record.facts), filters=FILTERS, log_sentence="")
        view.receive({"kind": "events", "rows": [row.wire for row in record.after(0)]})
        number = next(row.number for row in record.after(0) if row.type == "conversation.item.added")
        view.page.locator(f"details[data-key='{number}'] > summary").click()
        view.receive({"kind": "json", "number": number, "text": record.find(number).json})  # type: ignore[union-attr]
        assert SCRIPT in view.page.locator(f"details[data-key='{number}'] pre").inner_text()
        assert view.page.locator("section script").count() == 0
        assert not dialogs


def test_words_from_right_to_left_begin_at_the_right(playwright: Any) -> None:
    said = [("i0", "Tell me a story."), ("i1", "ספר לי סיפור.")]
    rows = [{"id": name, "who": "You", "state": "final", "text": text} for name, text in said]
    fold = {"title": "A summary", "text": "الاسم بسكويت.", "covers": "", "lines": [], "earlier": "", "boundary": "",
            "is_unfolded": False}  # fmt: skip
    with view_page(playwright) as view:
        view.show(Transcript, picture={**lines(0), "lines": rows, "fold": fold}, is_unfolded=False)
        script = "all => all.map((one) => getComputedStyle(one).direction)"
        assert view.page.locator(".realtime-words").evaluate_all(script) == ["ltr", "rtl"]
        assert view.page.locator("blockquote").evaluate_all(script) == ["rtl"]


def test_a_reader_who_scrolled_up_stays_there_and_one_at_the_end_follows(playwright: Any) -> None:
    with view_page(playwright) as view:
        view.show(Transcript, picture=lines(28), is_unfolded=False)
        at_end = """() => {
          const box = document.querySelector("[role=log]");
          return box.scrollHeight - box.scrollTop - box.clientHeight < 2;
        }"""
        assert view.page.evaluate(at_end)
        view.set("picture", lines(30))
        assert view.page.evaluate(at_end)
        top = view.page.evaluate("() => { document.querySelector('[role=log]').scrollTop = 100; return 100; }")
        view.set("picture", {**lines(30), "sentence": "news"})
        grown = lines(30)
        grown["lines"][-1] = {**grown["lines"][-1], "text": "More words. " * 40}
        view.set("picture", grown)
        assert view.page.evaluate("() => document.querySelector('[role=log]').scrollTop") == top
        assert not view.page.evaluate(at_end)


def test_a_screen_reader_is_told_final_lines_only(playwright: Any) -> None:
    with view_page(playwright) as view:
        view.show(Transcript, picture=lines(3), is_unfolded=False)
        live = view.page.locator("[aria-live=polite]")
        assert live.inner_text() == "", "one who just came need not hear it all"
        picture = lines(4)
        picture["lines"][-1] = {**picture["lines"][-1], "state": "partial", "note": "is speaking"}
        view.set("picture", picture)
        assert live.inner_text() == ""
        view.set("picture", lines(4))
        assert live.inner_text().strip() == "Bot Line 3."
        assert view.page.locator("[role=log]").get_attribute("aria-live") == "off"


def test_a_summary_opens_with_the_keyboard_and_asks_the_kernel_for_its_turns(playwright: Any, seen: Seen) -> None:
    now = seen.at["end"]
    with view_page(playwright) as view:
        view.show(Transcript, picture=transcript_picture(now), is_unfolded=False)
        fold = view.page.locator("details.realtime-fold")
        fold.locator("> summary").focus()
        view.page.keyboard.press("Enter")
        view.page.wait_for_function("() => model.get('is_unfolded') && model.saved === 1")
        view.set("picture", transcript_picture(now, is_unfolded=True))
        assert "my dog is called biscuit" in fold.inner_text()
        view.page.keyboard.press("Enter")
        view.page.wait_for_function("() => !model.get('is_unfolded') && model.saved === 2")
        view.set("is_unfolded", True)  # the script opens it
        assert fold.get_attribute("open") is not None
        assert view.state("is_unfolded")


def test_the_event_log_filters_in_the_page_and_loads_json_on_demand(playwright: Any, seen: Seen) -> None:
    record = EventRecord()
    for way, event, at_s in seen.events:
        record(way, event, at_s)  # type: ignore[arg-type]
    with view_page(playwright) as view:
        picture = inspector_picture(seen.at["end"], record.facts)
        view.show(Inspector, picture=picture, filters=FILTERS, log_sentence="x")
        assert view.sent == [{"kind": "hello", "after": 0}]
        view.receive({"kind": "events", "rows": [row.wire for row in record.after(0)]})
        rows = view.page.locator("details.realtime-event")
        assert rows.count() == 200
        view.page.get_by_label("type contains").fill("transcription")
        types = set(rows.locator("code").all_inner_texts())
        assert types == {f"conversation.item.input_audio_transcription.{end}" for end in ("completed", "failed")}
        assert view.state("filters")["text"] == "transcription"
        view.page.get_by_label("errors only").check()
        assert rows.count() == 1
        assert "ERROR" in rows.inner_text()
        rows.locator("summary").focus()
        view.page.keyboard.press("Enter")
        number = int(rows.get_attribute("data-key"))
        view.page.wait_for_function("() => model.sent.length === 2")
        assert view.sent[-1] == {"kind": "open", "number": number}
        view.receive({"kind": "json", "number": number, "text": '{"it": "is here"}'})
        assert rows.locator("pre").inner_text() == '{"it": "is here"}'
        view.set("filters", {**FILTERS, "direction": "sent"})  # the script filters
        assert view.page.get_by_label("direction").input_value() == "sent"
        assert set(rows.locator("code").all_inner_texts()) <= {
            row.type for row in record.after(0) if row.direction == "sent"
        }


@pytest.mark.parametrize("is_dark", [False, True])
def test_every_picture_has_its_sentence_and_no_text_is_cut(playwright: Any, seen: Seen, is_dark: bool) -> None:
    now = seen.at["end"]
    shown = [
        (WindowGauge, gauge_picture(now, "gpt-realtime")),
        (LatencyStrip, latency_picture(now)),
        (LevelMeters, levels_picture(now, {side: SideLevel(peaks=(50,) * 120) for side in SIDES})),
        (WindowGauge, gauge_picture(seen.at["new"], "unknown")),
        (LatencyStrip, latency_picture(seen.at["new"])),
    ]
    with view_page(playwright, is_dark=is_dark) as view:
        for panel, picture in shown:
            view.show(panel, picture=picture)
            assert view.page.get_by_text(picture["sentence"], exact=True).count() >= 1
        assert view.page.evaluate(_CUT_TEXTS) == []
        assert view.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
