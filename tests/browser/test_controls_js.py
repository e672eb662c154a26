"""The controls' own scripts in a real browser, without a kernel: what a person's fingers make them tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import anywidget
import pytest

from realtime_helpers.widgets.dial import Dial
from realtime_helpers.widgets.say_field import SayField
from realtime_helpers.widgets.standing import Standing
from realtime_helpers.widgets.talk_button import TalkButton

from .lab import find_chromium

# A model as anywidget's: `told` holds what the kernel would hear.
_SHOW = """async ([script, style, state]) => {
  const url = URL.createObjectURL(new Blob([script], {type: "text/javascript"}));
  const widget = (await import(url)).default;
  const listeners = [];
  window.told = [];
  window.model = {
    state,
    get: (key) => state[key],
    set: (key, value) => { state[key] = value; told.push([key, value]); window.news(); },
    save_changes: () => {},
    send: (content) => told.push(["send", content]),
    on: (name, call) => listeners.push(call),
    off: (name, call) => listeners.splice(listeners.indexOf(call), 1),
  };
  window.news = () => { for (const call of [...listeners]) call(); };
  window.kernel = (change) => { Object.assign(state, change); window.news(); };
  document.body.innerHTML = "";
  document.head.innerHTML = `<style>${style}</style>`;
  const el = document.body.appendChild(document.createElement("div"));
  window.leave = widget.render({model: window.model, el});
}"""

Show = Callable[..., Any]


@pytest.fixture(scope="module")
def page(playwright: Any) -> Iterator[Any]:
    launched = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
    page = launched.new_page()
    page.set_default_timeout(10_000)
    yield page
    launched.close()


@pytest.fixture
def show(page: Any) -> Show:
    def show(kind: type[anywidget.AnyWidget], **state: Any) -> Any:
        page.goto("about:blank")
        page.evaluate(_SHOW, [str(kind._esm), str(kind._css), state])
        return page

    return show


def told(page: Any) -> list[list[Any]]:
    words: list[list[Any]] = page.evaluate("told")
    return words


def a_dial(show: Show) -> Any:
    state = {"min": 50, "max": 20_000, "step": 50, "value": 2_000, "note": "", "disabled": False}
    return show(Dial, description="Trigger tokens", unit="tokens", **state)


def test_a_dial_tells_where_it_was_let_go_and_nothing_on_the_way(show: Show) -> None:
    page = a_dial(show)
    box = page.get_by_role("slider", name="Trigger tokens").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.1, middle)
    page.mouse.down()
    for share in (0.3, 0.5, 0.9):
        page.mouse.move(box["x"] + box["width"] * share, middle)
    dragged = page.get_by_role("spinbutton").input_value()
    page.evaluate("kernel({value: 700, max: 30000})")
    assert told(page) == []
    assert page.get_by_role("spinbutton").input_value() == dragged  # it does not jump under the finger
    page.mouse.up()
    assert told(page) == [["value", float(dragged)]]


def test_a_dial_that_turns_grey_while_somebody_types_shows_what_is_in_force(show: Show) -> None:
    page = a_dial(show)
    field = page.locator("input[type=number]")
    field.fill("7000")
    page.evaluate("kernel({disabled: true})")
    page.evaluate("kernel({disabled: false, value: 900})")
    assert field.input_value() == "900"
    assert told(page) == []


def test_a_dial_by_keys_and_by_typing(show: Show) -> None:
    page = a_dial(show)
    slider, field = page.get_by_role("slider", name="Trigger tokens"), page.get_by_role("spinbutton")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert told(page) == [["value", 1_950]]
    assert slider.get_attribute("aria-valuetext") == "1,950 tokens"
    field.fill("90000")
    assert len(told(page)) == 1
    page.keyboard.press("Enter")
    assert told(page)[1:] == [["value", 20_000]]
    assert field.input_value() == "20000"
    field.fill("")
    page.keyboard.press("Tab")
    assert field.input_value() == "20000"
    assert len(told(page)) == 2


def test_a_dial_keeps_a_value_between_its_steps_until_it_is_turned(show: Show) -> None:
    page = a_dial(show)
    page.evaluate("kernel({value: 1234})")
    for role in ("slider", "spinbutton"):
        page.get_by_role(role).focus()
        page.get_by_role(role).blur()
    assert told(page) == []
    assert page.get_by_role("spinbutton").input_value() == "1234"


def a_button(show: Show) -> Any:
    state = {"is_held": False, "disabled": False, "note": ""}
    return show(TalkButton, description="Hold to talk", **state)


HELD, RELEASED = ["is_held", True], ["is_held", False]


def test_the_button_talks_as_long_as_the_mouse_holds_it(show: Show) -> None:
    page = a_button(show)
    box = page.get_by_role("button", name="Hold to talk").bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    assert told(page) == [HELD]
    assert page.get_by_role("button").inner_text() == "Talking: let go to send"
    page.mouse.move(box["x"] + 900, box["y"] + 500)  # the finger slips
    page.mouse.up()
    assert told(page) == [HELD, RELEASED]
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down(button="right")
    page.mouse.up(button="right")
    assert told(page) == [HELD, RELEASED]


@pytest.mark.parametrize("key", ["Space", "Enter"])
def test_the_button_talks_as_long_as_a_key_holds_it(show: Show, key: str) -> None:
    page = a_button(show)
    page.get_by_role("button").focus()
    for _ in range(3):
        page.keyboard.down(key)  # the second and third are repeats
    assert told(page) == [HELD]
    page.keyboard.up(key)
    assert told(page) == [HELD, RELEASED]


@pytest.mark.parametrize(
    "loss",
    ["document.activeElement.blur()", "kernel({disabled: true})", "leave()"],
    ids=["another window", "session over", "panel gone"],
)
def test_whatever_takes_the_finger_off_ends_the_turn(show: Show, loss: str) -> None:
    page = a_button(show)
    page.get_by_role("button").focus()
    page.keyboard.down("Space")
    page.evaluate(loss)
    page.keyboard.up("Space")
    assert told(page) == [HELD, RELEASED]


def test_a_touch_holds_the_button_too(show: Show) -> None:
    page = a_button(show)
    fire = "(kind) => document.querySelector('button').dispatchEvent(new PointerEvent(kind, {pointerType: 'touch'}))"
    page.evaluate("HTMLElement.prototype.setPointerCapture = () => {}")  # there is no real finger to capture
    page.evaluate(fire, "pointerdown")
    page.evaluate(fire, "pointercancel")
    assert told(page) == [HELD, RELEASED]


def test_a_line_is_sent_once_and_the_field_is_empty_again(show: Show) -> None:
    page = show(SayField, description="Words to say", disabled=False)
    field = page.get_by_role("textbox", name="Words to say")
    field.fill("  ")
    page.keyboard.press("Enter")
    field.fill("Tell me a quick story.")
    page.keyboard.press("Enter")
    assert told(page) == [["send", {"submit": "Tell me a quick story."}]]
    assert field.input_value() == ""
    page.evaluate("kernel({disabled: true})")
    assert field.is_disabled()


def test_state_and_problems_are_announced_and_the_same_words_only_once(show: Show) -> None:
    page = show(Standing, picture={"state": "listening", "problems": []})
    status = page.get_by_role("status")
    assert status.inner_text() == "The session is: listening"
    assert page.get_by_role("list").count() == 0
    page.evaluate("""() => {
      window.changes = 0;
      new MutationObserver((all) => { changes += all.length; })
        .observe(document.body, {subtree: true, childList: true, characterData: true});
    }""")
    page.evaluate("kernel({picture: {state: 'listening', problems: []}})")
    assert page.evaluate("changes") == 0
    page.evaluate("kernel({picture: {state: 'failed', problems: ['No key. Set one.']}})")
    assert status.inner_text() == "The session is: failed"
    assert page.get_by_role("listitem").all_inner_texts() == ["Problem: No key. Set one."]
