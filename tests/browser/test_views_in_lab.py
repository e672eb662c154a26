"""The panels that only show, in a real JupyterLab: what the kernel sends arrives, what the page asks is answered."""

from __future__ import annotations

import nbformat
import pytest

from .accessibility import look_for_barriers
from .artefacts import keep_picture
from .lab import PATIENCE_MS, Desk

_CELLS = (
    """from realtime_helpers import RealtimeSession, SessionOptions, SilentSink, SummaryPolicy
from realtime_helpers.widgets import Inspector, LatencyStrip, LevelMeters, Transcript, WindowGauge
session = RealtimeSession(memory=SummaryPolicy(trigger_tokens=120, keep_turns=1, least_saving_tokens=1),
                          options=SessionOptions(output_modality="text"))
transcript, inspector = Transcript(session), Inspector(session)""",
    "transcript", "inspector", "WindowGauge(session)", "LatencyStrip(session)", "LevelMeters(session)",
)  # fmt: skip
_TALK = """session.start(sink=SilentSink())
for number in range(1, 5):
    session.send_text("Tell me a quick story.")
    session.wait_for_answer(number)
session.wait_for(lambda now: len(now.summaries) and not now.is_summarising)
session.stop()"""


def test_the_panels_follow_a_talk_in_a_notebook_and_answer_its_reader(desk: Desk) -> None:
    with desk.browser() as window:
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
        book.cells = [nbformat.v4.new_code_cell(cell) for cell in _CELLS]
        nbformat.write(book, desk.folder / "views.ipynb")
        notebook = window.look_at("views.ipynb")
        page = notebook.page
        page.set_viewport_size({"width": 1100, "height": 3_000})
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda said: failures.append(said.text) if "anywidget" in said.text else None)
        notebook.command("notebook:run-all-cells")
        page.get_by_text("Nothing was said yet.").first.wait_for(timeout=PATIENCE_MS)
        page.locator("section[aria-label=levels]").wait_for()
        notebook.run(_TALK)

        page.locator(".realtime-fold > summary", has_text="A summary stands for turn").wait_for()
        page.get_by_text(notebook.value("inspector.log_sentence")).wait_for()
        page.locator("section[aria-label='window gauge'] .realtime-cut").first.wait_for(state="attached")
        rows = page.locator("details.realtime-event")
        shown = notebook.value("[row.number for row in inspector.events]")
        page.wait_for_function(
            "(n) => document.querySelectorAll('details.realtime-event').length === n", arg=len(shown)
        )
        assert [int(number) for number in rows.evaluate_all("(all) => all.map((row) => row.dataset.key)")] == shown

        rows.last.locator("summary").click()
        rows.last.locator("pre", has_text='"type"').wait_for()
        page.get_by_label("type contains").fill("deleted")
        notebook.wait_until("inspector.filters['text'] == 'deleted'")
        assert {row.split()[0] for row in rows.locator("code").all_inner_texts()} == {"conversation.item.deleted"}
        page.locator(".realtime-fold > summary").click()
        page.locator(".realtime-fold li", has_text="Tell me a quick story.").first.wait_for()
        assert notebook.value("transcript.is_unfolded")
        notebook.run("transcript.fold(); inspector.filter(errors_only=True)")
        page.locator(".realtime-fold:not([open])").wait_for()
        assert rows.count() == 0
        assert failures == []


@pytest.mark.usefixtures("axe")
def test_a_person_plays_a_mistake_in_the_fault_lab(desk: Desk) -> None:
    with desk.browser() as window:
        cell = "from realtime_helpers.widgets.fault_lab import FaultLab\nlab = FaultLab()\nlab"
        notebook = window.run(cell, shows=".realtime-fault-lab")
        page = notebook.page
        page.set_viewport_size({"width": 1280, "height": 1_600})
        panel = page.locator(".realtime-fault-lab")
        panel.get_by_label("Scenario:").select_option(index=1)
        notebook.wait_until("lab.status == 'Choose a scenario and press Play.'")
        panel.get_by_role("button", name="Play").click()
        panel.get_by_role("status").filter(has_text="The naive client: ").wait_for(timeout=PATIENCE_MS)
        naive, ours = panel.get_by_role("columnheader").all_inner_texts()[1:]
        assert naive.startswith("Naive: ")
        assert ours == "Ours: ok"
        keep_picture(page, "fault-lab-light")
        light = look_for_barriers(page, ".realtime-fault-lab")
        notebook.darken()
        keep_picture(page, "fault-lab-dark")
        dark = look_for_barriers(page, ".realtime-fault-lab")
        notebook.run("lab.close()")
    assert light.grave == dark.grave == ()
    assert min(light.checked, dark.checked) > 8
