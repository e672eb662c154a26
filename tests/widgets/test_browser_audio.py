"""The widget without a browser: its messages come on whatever thread, and everything happens on the background loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from realtime_helpers import AudioError, RealtimeSession
from realtime_helpers.runtime import background_loop
from realtime_helpers.widgets import BrowserAudio, lane

from .fake_browser import sound
from .test_speaker import in_virtual_time


class RecordingAudio(BrowserAudio):
    """Remembers what it sent, and on which thread."""

    def __init__(self, **options: Any) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self._wanted = {"microphone": threading.Event(), "speaker": threading.Event()}
        super().__init__(**options)

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.sent.append((threading.current_thread().name, content))
        for part, event in self._wanted.items():
            if content.get(part):
                event.set()
        super().send(content, buffers)

    def wait_until_wanted(self, part: str) -> None:
        assert self._wanted[part].wait(30)


@pytest.fixture
def audio() -> Iterator[RecordingAudio]:
    widget = RecordingAudio()
    yield widget
    widget.close()


def from_another_thread(audio: BrowserAudio, *messages: tuple[dict[str, Any], list[bytes]]) -> None:
    def deliver() -> None:
        for content, buffers in messages:
            message = {"page": "one", "lane": "comm", **content}
            audio._handle_custom_msg(message, [memoryview(buffer) for buffer in buffers])

    thread = threading.Thread(target=deliver)
    thread.start()
    thread.join()


def test_messages_of_a_foreign_thread_reach_the_session(audio: RecordingAudio) -> None:
    async def listen() -> list[bytes]:
        return [chunk async for chunk, _ in _zip(audio.microphone.chunks(), 3)]

    heard = background_loop().submit(listen())
    background_loop().submit(asyncio.sleep(0)).result(10)  # somebody listens before anything comes
    messages = [({"kind": "audio", "stream": 1, "sequence": n}, [sound(40, n + 1)]) for n in range(3)]
    from_another_thread(audio, ({"kind": "ready"}, []), *messages)
    assert heard.result(10) == [sound(40, n + 1) for n in range(3)]
    assert {thread for thread, _ in audio.sent} == {"realtime-helpers"}
    assert [content["kind"] for _, content in audio.sent][:2] == ["welcome", "want"]


async def _zip(chunks: Any, count: int) -> Any:
    for number in range(count):
        yield await anext(chunks), number
    await chunks.aclose()


def test_a_closed_widget_ends_its_session(audio: RecordingAudio) -> None:
    async def listen() -> None:
        async for _ in audio.microphone.chunks():
            pass

    heard = background_loop().submit(listen())
    from_another_thread(audio, ({"kind": "ready"}, []))
    audio.close()
    with pytest.raises(AudioError, match="was closed"):
        heard.result(10)


def test_what_the_speaker_tells_is_a_problem_of_the_session(audio: RecordingAudio) -> None:
    with RealtimeSession() as session:
        session.start(sink=audio.speaker)
        from_another_thread(audio, ({"kind": "ready"}, []))
        audio.wait_until_wanted("speaker")
        blocked = {"kind": "blocked", "what": "Nothing sounds before a click.", "next": "Press Start."}
        from_another_thread(audio, (blocked, []))
        now = session.wait_for(lambda now: now.problems, timeout_s=30)
        assert list(now.problems) == ["Nothing sounds before a click. Press Start."]


def test_a_refused_microphone_ends_the_session_with_the_sentence(audio: RecordingAudio) -> None:
    with RealtimeSession() as session:
        session.start(source=audio.microphone, sink=audio.speaker)
        refusal = {"kind": "problem", "part": "microphone", "what": "The browser said no.", "next": "Allow it."}
        from_another_thread(audio, ({"kind": "ready"}, []))
        audio.wait_until_wanted("microphone")
        from_another_thread(audio, (refusal, []))
        with pytest.raises(AudioError, match=r"The browser said no\. Allow it\."):
            session.wait_for(lambda now: False, timeout_s=30)


def test_it_holds_its_scripts_and_options(audio: RecordingAudio) -> None:
    options = BrowserAudio(prebuffer_ms=250, echo_cancellation=False)
    assert (options.prebuffer_ms, options.echo_cancellation, options.noise_suppression) == (250, False, True)
    assert "registerProcessor" in options.worklet
    assert "class Playout" in options.worklet
    assert "export default" in str(options._esm)
    assert options.name != audio.name
    options.close()


# -- the control channel -------------------------------------------------------------------------------


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    alive = SimpleNamespace(is_alive=lambda: True)
    kernel = SimpleNamespace(control_handlers={}, control_thread=alive)
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: SimpleNamespace(kernel=kernel))
    return kernel


def test_the_control_channel_is_used_where_there_is_one(kernel: SimpleNamespace) -> None:
    audio = RecordingAudio()
    assert audio.control_lane
    data = {"kind": "ready", "page": "one", "lane": "control"}
    message = {"content": {"comm_id": audio.name, "data": data}, "buffers": []}
    kernel.control_handlers["comm_msg"](None, [], message)
    kernel.control_handlers["comm_msg"](None, [], {"content": {"comm_id": "another", "data": {}}, "buffers": []})
    assert background_loop().submit(_is_here(audio)).result(10)
    audio.close()
    assert audio.name not in lane._receivers


async def _is_here(audio: BrowserAudio) -> bool:
    await audio._page.shown()
    return audio._page.lane == "control"


def test_without_a_control_thread_the_widgets_own_way_is_used(kernel: SimpleNamespace) -> None:
    kernel.control_thread = None
    audio = BrowserAudio()
    assert not audio.control_lane
    audio.close()


def test_somebody_elses_handler_is_left_alone(kernel: SimpleNamespace) -> None:
    kernel.control_handlers["comm_msg"] = theirs = object()
    audio = BrowserAudio()
    assert not audio.control_lane
    assert kernel.control_handlers["comm_msg"] is theirs
    audio.close()


def test_a_cell_that_holds_up_the_messages_is_told() -> None:
    """Where messages wait for cells, a page that is silent while one runs is not gone."""
    from .fake_browser import FakeBrowser

    async def play(browser: FakeBrowser) -> None:
        answers: list[Any] = []
        kernel_loop = SimpleNamespace(call_soon_threadsafe=answers.append)
        browser.page._kernel_loop = kernel_loop  # type: ignore[assignment]
        browser.show()
        browser.speaker.open()
        browser.speaker.play("a", sound(60_000))
        await asyncio.sleep(30)
        assert len(browser.problems) == 1
        assert "A cell is running" in browser.problems[0]
        assert browser.page.is_here
        browser.say("alive")
        assert browser.of_kind("say")[-1][0]["text"] == ""
        browser.page._kernel_answered()
        browser.page._kernel_loop = None
        await asyncio.sleep(8)
        assert not browser.page.is_here
        browser.speaker.close()

    in_virtual_time(play, lambda: FakeBrowser("comm"))


def test_without_the_widget_library_the_repair_is_named() -> None:
    code = """
import sys
sys.modules["anywidget"] = None
from realtime_helpers import MissingPartError
try:
    import realtime_helpers.widgets
except MissingPartError as error:
    print(error)
"""
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True).stdout
    assert printed == ("The package 'anywidget' is not installed. In the workshop's folder: pip install -e '.[lab]'\n")
