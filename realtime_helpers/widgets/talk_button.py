"""The push-to-talk button: it talks as long as it is held, by mouse, finger or key."""

from __future__ import annotations

import anywidget
import traitlets

from .panel import script


class TalkButton(anywidget.AnyWidget):
    """A button that knows how long it is held; `observe` its `is_held`.

    Whatever takes the finger off it releases it: another window, a lost pointer, a page that is hidden.
    """

    _esm = script("panel.js", "talk_button.js")
    _css = script("panel.css", "talk_button.css")

    description = traitlets.Unicode("Hold to talk").tag(sync=True)
    is_held = traitlets.Bool().tag(sync=True)
    disabled = traitlets.Bool().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)

    def __repr__(self) -> str:
        return f"TalkButton({'held' if self.is_held else 'not held'})"
