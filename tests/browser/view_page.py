"""Panels in a real browser, without a notebook: their own scripts, and a model as anywidget has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .lab import find_chromium

# what anywidget gives to a script, and what JupyterLab's themes set
_MODEL = """
window.show = async (script, css, state) => {
  const style = document.createElement("style");
  style.textContent = css;
  document.head.append(style);
  const handlers = new Map();
  const tell = (name, ...what) => { for (const handler of handlers.get(name) ?? []) handler(...what); };
  const model = window.model = {
    state, sent: [], saved: 0,
    get: (name) => model.state[name],
    set: (name, value) => { model.state[name] = value; tell(`change:${name}`); },
    save_changes: () => { model.saved += 1; },
    on: (name, handler) => handlers.set(name, [...(handlers.get(name) ?? []), handler]),
    off: (name, handler) => handlers.set(name, (handlers.get(name) ?? []).filter((other) => other !== handler)),
    send: (content) => model.sent.push(content),
    receive: (content) => tell("msg:custom", content, []),
  };
  const widget = (await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })))).default;
  const el = document.createElement("div");
  document.body.append(el);
  await widget.render({ model, el });
};
"""
_LIGHT = {
    "--jp-ui-font-color1": "rgba(0, 0, 0, 0.87)", "--jp-ui-font-color2": "rgba(0, 0, 0, 0.54)",
    "--jp-layout-color1": "white", "--jp-layout-color2": "#eeeeee", "--jp-border-color1": "#bdbdbd",
    "--jp-border-color2": "#e0e0e0", "--jp-brand-color1": "#1976d2",
}  # fmt: skip
_DARK = {
    "--jp-ui-font-color1": "rgba(255, 255, 255, 0.87)", "--jp-ui-font-color2": "rgba(255, 255, 255, 0.54)",
    "--jp-layout-color1": "#111111", "--jp-layout-color2": "#424242", "--jp-border-color1": "#616161",
    "--jp-border-color2": "#424242", "--jp-brand-color1": "#2196f3",
}  # fmt: skip


class ViewPage:
    """One page with one panel."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def show(self, panel: type[Any], **state: Any) -> None:
        """Show a panel in this state."""
        self.page.evaluate("([script, css, state]) => show(script, css, state)", [panel._esm, panel._css, state])

    def set(self, name: str, value: Any) -> None:
        """The kernel changes a trait."""
        self.page.evaluate("([name, value]) => model.set(name, value)", [name, value])

    def receive(self, content: Any) -> None:
        """The kernel sends a message."""
        self.page.evaluate("(content) => model.receive(content)", content)

    def state(self, name: str) -> Any:
        return self.page.evaluate("(name) => model.get(name)", name)

    @property
    def sent(self) -> Any:
        return self.page.evaluate("() => model.sent")


@contextmanager
def view_page(playwright: Any, *, is_dark: bool = False, width: int = 900) -> Iterator[ViewPage]:
    """A page as wide as a cell of a notebook."""
    browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
    try:
        page = browser.new_page(viewport={"width": width, "height": 900})
        colours = ";".join(f"{name}:{value}" for name, value in (_DARK if is_dark else _LIGHT).items())
        theme = "false" if is_dark else "true"
        page.set_content(
            f"<!doctype html><html lang='en'><title>panel</title><body data-jp-theme-light='{theme}' "
            f"style='{colours};background:var(--jp-layout-color1)'></body></html>"
        )
        page.add_script_tag(content=_MODEL)
        yield ViewPage(page)
    finally:
        browser.close()
