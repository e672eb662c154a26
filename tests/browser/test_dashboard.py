"""Notebook 07 in a real JupyterLab, on three kernels: run, then driven by the mouse and the keyboard of a person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import soundfile

from realtime_helpers.audio.formats import RATE_HZ, samples_from_pcm, silence
from realtime_helpers.speech import USER_VOICE, Voice

from .accessibility import look_for_barriers
from .artefacts import keep_picture
from .kernels import VERSIONS, CannotInstallError, install_kernel
from .lab import FAKE_MICROPHONE, SOUND_WITHOUT_A_CLICK, Desk, Notebook, Window, jupyter_lab

pytestmark = pytest.mark.timeout(120)

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "07_run_the_voice_bot.ipynb"
PROJECTOR = (1280, 800)
OURS = (".realtime-controls", ".realtime-control", ".realtime-view")


@pytest.fixture(scope="module")
def room(playwright: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A JupyterLab whose kernels start a simulator of their own, as a learner's do."""
    folder = tmp_path_factory.mktemp("room")
    with jupyter_lab(folder, REALTIME_SIMULATOR_URL="") as url:
        yield Desk(playwright, url, folder)


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A microphone that hears a question, and another one when the answer to the first may still sound."""
    voice = Voice()
    clips = [voice.speak(text, USER_VOICE).pcm for text in ("Tell me a quick story.", "How are you today?")]
    voice.close()
    pcm = silence(1_000) + clips[0] + silence(8_000) + clips[1] + silence(60_000)
    file = tmp_path_factory.mktemp("sound") / "questions.wav"
    soundfile.write(file, samples_from_pcm(pcm), RATE_HZ, subtype="PCM_16")
    return f"--use-file-for-fake-audio-capture={file}%noloop"


def run_all(window: Window, kernel: str) -> Notebook:
    """Open the lesson with a kernel of that name, and run it from top to bottom."""
    book = nbformat.read(NOTEBOOK, as_version=4)
    book.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
    name = f"{NOTEBOOK.stem}-{kernel}.ipynb"
    nbformat.write(book, window.folder / name)
    notebook = window.look_at(name)
    notebook.command("notebook:run-all-cells")
    notebook.wait_until_idle()
    assert notebook.errors() == []
    return notebook


class Hands:
    """What a person does with the dashboard: everything through the page."""

    def __init__(self, notebook: Notebook, kernel: str) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self._kernel = kernel
        self.dashboard = self.page.locator(".realtime-dashboard").first
        self.control = self.page.locator(".realtime-control").first

    def choose(self, name: str, option: str) -> None:
        """Choose from a list with the arrow keys, past what stands before."""
        box = self.control.get_by_label(name, exact=True)
        box.focus()
        for _ in range(box.locator("option").count()):
            if box.locator("option:checked").inner_text().replace("\xa0", " ") == option:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{name} has no {option}")

    def press(self, name: str) -> None:
        """Click a button of the panel."""
        self.control.get_by_role("button", name=name, exact=True).first.click()

    def move_down(self, dial: str, to: int) -> None:
        """Move a dial down, by arrow key."""
        slider = self.control.get_by_role("slider", name=dial, exact=True)
        slider.focus()
        while (before := float(slider.input_value())) > to:
            self.page.keyboard.press("ArrowLeft")
            assert float(slider.input_value()) < before, f"{dial} does not move"

    def wait_for_state(self, state: str) -> None:
        """Wait until the panel says so."""
        self.control.get_by_role("status").filter(has_text=f"The session is: {state}").first.wait_for()

    def wait_for_words(self, panel: str, words: str) -> None:
        """Wait until a panel shows these words."""
        self.dashboard.get_by_label(panel, exact=True).first.filter(has_text=words).wait_for()

    def keep_picture(self, name: str) -> None:
        keep_picture(self.page, f"ipykernel-{self._kernel}-{name}")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_lesson_runs_and_its_dashboard_obeys(room: Desk, questions: str, version: str) -> None:
    try:
        kernel = install_kernel(version, room.folder / ".JUPYTER_DATA_DIR")
    except CannotInstallError as error:
        pytest.skip(str(error))
    with room.browser(*FAKE_MICROPHONE, SOUND_WITHOUT_A_CLICK, questions, size=PROJECTOR) as window:
        notebook = run_all(window, kernel)
        assert notebook.value("__import__('ipykernel').__version__") == version
        hands = Hands(notebook, version)
        hands.dashboard.scroll_into_view_if_needed()
        hands.wait_for_state("stopped")
        hands.keep_picture("1-run")

        hands.choose("Source", "this browser")
        hands.choose("Sink", "this browser")
        hands.press("Start")
        hands.wait_for_state("listening")
        hands.page.wait_for_function("() => witness.tracks.length === 1")
        hands.keep_picture("2-started")

        notebook.wait_until("len(session.snapshot.turns) == 2 and session.snapshot.turns[1].assistant_text")
        hands.wait_for_state("speaking")
        hands.wait_for_words("transcript", "how are you today")
        hands.keep_picture("3-spoken")

        hands.press("Interrupt")
        hands.wait_for_state("listening")
        hands.move_down("Keep turns", to=1)
        hands.move_down("Trigger tokens", to=100)
        notebook.wait_until("session.snapshot.summaries and not session.snapshot.is_summarising")
        hands.wait_for_words("window gauge", "1 summary so far")
        hands.keep_picture("4-summarised")

        hands.press("Stop")
        hands.wait_for_state("stopped")
        assert notebook.open_parts() == {"tracks": 0, "contexts": 0}
        assert notebook.value("session.snapshot.state.value") == "stopped"
        hands.keep_picture("5-stopped")


TALK = """
from realtime_helpers import RealtimeSession, SummaryPolicy
from realtime_helpers.course import say
from realtime_helpers.widgets import Dashboard
session = RealtimeSession(memory=SummaryPolicy(trigger_tokens=200, keep_turns=1))
dashboard = Dashboard(session)
dashboard
"""
TALKING = """
dashboard.control.press("Start")
for words in ("My name is Ada.", "Tell me a quick story.", "How are you today?"):
    say(session, dashboard.control.source, words)
session.wait_for(lambda now: now.summaries and not now.is_summarising)
dashboard.control.standing.complain("Nothing is wrong here. This shows what a problem looks like.")
"""


def test_axe_core_finds_no_barrier_in_a_running_dashboard(axe: None, room: Desk) -> None:
    with room.browser(*FAKE_MICROPHONE, SOUND_WITHOUT_A_CLICK, size=PROJECTOR) as window:
        notebook = window.run(TALK, TALKING, shows=".realtime-dashboard")
        hands = Hands(notebook, "default")
        assert notebook.errors() == []
        hands.page.set_viewport_size({"width": PROJECTOR[0], "height": 2600})  # all of it, not what a window shows
        hands.page.get_by_role("button", name="Show the inspector").click()
        hands.dashboard.locator(".realtime-fold > summary").first.click()
        keep_picture(hands.page, "all-light")
        light = look_for_barriers(hands.page, *OURS)
        notebook.darken()
        keep_picture(hands.page, "all-dark")
        dark = look_for_barriers(hands.page, *OURS)
        hands.page.evaluate("document.querySelector('.realtime-dashboard').append(document.createElement('button'))")
        planted = look_for_barriers(hands.page, *OURS)
        notebook.run("session.stop()")
    assert light.grave == ()
    assert dark.grave == ()
    assert min(light.checked, dark.checked) > 15
    assert len(planted.grave) == 1, "it would have seen a button without a name"
