"""Which way sound goes, and the doctor's table."""

from __future__ import annotations

import io
import signal
import sys
import time
import types

import pytest
from rich.console import Console

from realtime_helpers import SilentSink, SpeechSource
from realtime_helpers.audio.devices import Microphone, Speaker
from realtime_helpers.audio.probes import Probe
from realtime_helpers.audio_choice import AudioChoice, choose_audio, decide, front_end
from realtime_helpers.doctor import Finding, Report, examine

from .audio.virtual_sound import missing, virtual_sound

WORKS, GONE = Probe(True, "it works"), Probe(False, "There is none.", "Buy one.")


@pytest.mark.parametrize(
    ("hears", "plays", "notebook", "browser", "kind", "audible"),
    [
        (WORKS, WORKS, "", True, "devices", True),
        (WORKS, WORKS, "this notebook", True, "devices", True),
        (GONE, GONE, "this notebook", True, "browser", True),
        (GONE, WORKS, "this notebook", True, "browser", True),
        (GONE, GONE, "this notebook", False, "speech", False),
        (GONE, GONE, "", True, "speech", False),
        (GONE, WORKS, "", True, "speech", True),
        (WORKS, GONE, "", True, "speech", False),
    ],
)
def test_devices_come_first_then_the_browser_then_speech(
    hears: Probe, plays: Probe, notebook: str, browser: bool, kind: str, audible: bool
) -> None:
    choice = decide(hears, plays, notebook, browser)
    assert (choice.kind, choice.is_audible) == (kind, audible)
    assert ("There is none." in choice.why) == (kind != "devices")


def test_a_choice_makes_its_parts_when_asked_and_once() -> None:
    devices = decide(WORKS, WORKS, "", False)
    assert isinstance(devices.source, Microphone)
    assert isinstance(devices.sink, Speaker)
    assert devices.sink is devices.sink
    speech = decide(GONE, GONE, "", False)
    assert isinstance(speech.source, SpeechSource)
    assert isinstance(speech.sink, SilentSink)
    assert "There is none." in speech._repr_mimebundle_()[0]["text/html"]


def test_the_browsers_part_is_shown_as_the_last_line_of_a_cell() -> None:
    choice = decide(GONE, GONE, "this notebook", True)
    assert choice.source is choice.widget.microphone
    assert choice.sink is choice.widget.speaker
    bundle, _ = choice._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == choice.why
    choice.widget.close()


def test_only_a_notebook_behind_a_server_has_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    assert front_end({"JPY_SESSION_NAME": "/lesson.ipynb"}) == "this notebook"
    assert front_end({}) == ""  # nbclient, nbval, and Visual Studio Code, which denies pages the microphone
    monkeypatch.delitem(sys.modules, "ipykernel")
    assert front_end({"JPY_SESSION_NAME": "/lesson.ipynb"}) == ""


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_devices_that_work_are_chosen_and_devices_that_hang_are_given_up() -> None:
    with virtual_sound() as room:
        choice = choose_audio()
        assert choice.kind == "devices"
        assert "'default' plays" in choice.why
        table = str(examine(limit_s=30))
        assert "'default' records" in table
        assert "Audio: devices" in table
        room.server.send_signal(signal.SIGSTOP)  # a sound system that does not answer
        try:
            began_s = time.monotonic()
            report = examine({"OPENAI_API_KEY": "sk-secret"}, limit_s=3)
            assert time.monotonic() - began_s < 30
        finally:
            room.server.send_signal(signal.SIGCONT)
    found = {finding.name: finding for finding in report.findings}
    for name in ("sound devices", "microphone", "speaker"):
        assert not found[name].works
        assert "did not answer within" in found[name].detail
    assert report.is_fit, "sound devices are not needed"
    assert report.audio.kind == "speech"
    assert "secret" not in repr(report) + report._repr_html_()
    assert "OPENAI_API_KEY set" in found["API key"].detail


def test_the_table_names_the_repair_in_a_terminal_and_in_a_notebook() -> None:
    broken = Finding("voice <x>", False, "no voice", "pip install -e '.[simulator]'")
    report = Report([Finding("Python", True, "3.11"), broken], AudioChoice("speech", "Nobody listens.", False))
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(report)
    for shown in (console.export_text(), repr(report)):
        assert "[ FIX ]  voice <x>" in shown
        assert "pip install -e '.[simulator]'" in shown
        assert "Nobody listens." in shown
    assert "<td style='text-align: left'>voice &lt;x&gt;</td>" in report._repr_html_()
    assert not report.is_fit
