"""The teacher's overview of a class in a real browser: who is here, what went wrong, and nothing of what was said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from websockets.sync.client import ClientConnection, connect

from realtime_helpers.runtime import background_loop
from realtime_helpers.settings import LEARNER_HEADER
from realtime_helpers.simulator import Config, Simulator
from realtime_helpers.simulator.learners import ClassLimits, Classroom

from .accessibility import look_for_barriers
from .artefacts import keep_picture
from .lab import find_chromium

TOKEN = "teacher-of-the-class"
PATIENCE_S = 30.0


@pytest.fixture
def room(config: Config) -> Iterator[Simulator]:
    """A simulator for three learners with an answer a minute each."""
    config.classroom = Classroom(ClassLimits(learners=3, sessions=1, requests_a_minute=1), TOKEN, config.clock)
    simulator = Simulator(config)
    background_loop().submit(simulator.start()).result(PATIENCE_S)
    yield simulator
    background_loop().submit(simulator.stop()).result(PATIENCE_S)


@contextmanager
def overview(playwright: Any, room: Simulator, *, token: str, colours: str = "light") -> Iterator[Any]:
    """The page, opened with a link that holds the token."""
    browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
    try:
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=colours)
        page.goto(f"{room.base_url.removesuffix('/v1')}/class#{token}")
        yield page
    finally:
        browser.close()


def enter(room: Simulator, name: str) -> ClientConnection:
    url = room.base_url.replace("http", "ws", 1) + "/realtime?model=gpt-realtime-2.1-mini"
    return connect(url, additional_headers={"Authorization": "Bearer any", LEARNER_HEADER: quote(name, safe=" ")})


def ask(socket: ClientConnection) -> str:
    """One typed turn; how its response ended."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "My secret is Biscuit."}]}
    socket.send(orjson.dumps({"type": "conversation.item.create", "item": item}).decode())
    socket.send(orjson.dumps({"type": "response.create", "response": {"output_modalities": ["text"]}}).decode())
    while (event := orjson.loads(socket.recv(PATIENCE_S)))["type"] != "response.done":
        pass
    return str(event["response"]["status"])


def row_of(page: Any, name: str) -> list[str]:
    row = page.locator("#learners tr").filter(has=page.get_by_role("rowheader", name=name, exact=True))
    cells: list[str] = row.locator("th, td").all_inner_texts()
    return cells


@pytest.mark.usefixtures("axe")
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_teacher_sees_who_is_here_and_who_needs_help(playwright: Any, room: Simulator, colours: str) -> None:
    with enter(room, "Ada") as ada, enter(room, "<b>Ben</b>") as ben, enter(room, "Chloé"):
        assert ask(ada) == "completed"
        assert ask(ben) == "completed"
        assert ask(ben) == "failed"  # the second answer within a minute
        with overview(playwright, room, token=TOKEN, colours=colours) as page:
            page.get_by_text("3 of 3 learners here · 3 sessions open · no errors now · 1 limited now").wait_for()
            assert row_of(page, "Ada")[1:5] == ["connected", "just now", "1", "1"]
            assert row_of(page, "Ada")[6:] == ["none", "none"]
            limited = row_of(page, "<b>Ben</b>")
            assert limited[1] == "limited now"
            assert limited[7].startswith("1 × ")
            assert page.locator("#limits").inner_text().endswith("1 session at once and 1 answer a minute.")
            assert page.locator("#learners b").count() == 0, "a name is text, never markup"
            assert "Biscuit" not in page.content()
            assert page.url.endswith("/class"), "a projector shows the address bar"
            keep_picture(page, f"class-{colours}")
            found = look_for_barriers(page, "main")
    assert found.grave == ()
    assert found.checked > 15


def test_who_leaves_is_shown_as_gone_without_a_click(playwright: Any, room: Simulator) -> None:
    with overview(playwright, room, token=TOKEN) as page:
        with enter(room, "Ada"):
            page.get_by_text("1 of 3 learners here").wait_for()
        page.get_by_text("0 of 3 learners here").wait_for()
        assert row_of(page, "Ada")[1] == "left just now"


def test_a_wrong_token_opens_nothing_and_the_right_one_can_be_typed(playwright: Any, room: Simulator) -> None:
    with overview(playwright, room, token="guessed") as page:
        page.get_by_role("alert").filter(has_text="This is not the teacher's token.").wait_for()
        assert not page.locator("#room").is_visible()
        page.get_by_label("Teacher's token").fill(TOKEN)
        page.get_by_role("button", name="Open").click()
        page.get_by_text("0 of 3 learners here").wait_for()
        assert not page.locator("#door").is_visible()
        assert page.get_by_role("alert").inner_text() == ""


def test_figures_of_a_simulator_that_ended_are_told_to_be_old(playwright: Any, room: Simulator) -> None:
    with overview(playwright, room, token=TOKEN) as page:
        page.get_by_text("0 of 3 learners here").wait_for()
        background_loop().submit(room.stop()).result(PATIENCE_S)
        page.get_by_role("alert").filter(has_text="The simulator does not answer. These figures are old.").wait_for()
