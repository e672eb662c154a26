"""A panel that plays what goes wrong: choose a mistake, press Play, and see what it does to both clients."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable

import ipywidgets

from ..errors import SessionError, SettingsError
from ..experiments.lab import LabParts, lab_parts
from ..experiments.scenarios import SCENARIOS, Course, Result, run_scenario
from ..experiments.scenarios.run import find_scenario
from .closing import close_parts

Play = Callable[[str], Result]
_FIRST = "deaf"


class FaultLab(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The 24 scenarios, and what became of both clients in the one that was played last.

    A scenario is played on a thread of its own: a button's callback may run where cells or other callbacks wait.

    Args:
        play: Plays a scenario, given its name; by default `run_scenario` with engines that all plays share.

    Attributes:
        result: What was played last; `None` before.
    """

    def __init__(self, play: Play | None = None) -> None:
        self.result: Result | None = None
        self._play = play or self._play_here
        self._parts: LabParts | None = None
        self._lock = threading.Lock()
        self._player: threading.Thread | None = None
        self._error: Exception | None = None
        wide = {"description_width": "initial"}
        options = [(f"{n}. {case.what}", case.name) for n, case in enumerate(SCENARIOS, start=1)]
        self._scenario = ipywidgets.Dropdown(
            options=options, value=_FIRST, description="Scenario:", style=wide, layout={"width": "100%"}
        )
        self._button = ipywidgets.Button(
            description="Play", icon="play", tooltip="Play this scenario to the naive client and to ours"
        )
        self._status = ipywidgets.HTML(_status("Choose a scenario and press Play."))
        self._picture = ipywidgets.HTML()
        self._button.on_click(self._on_play)
        super().__init__([self._scenario, self._button, self._status, self._picture])
        self.add_class("realtime-fault-lab")

    @property
    def status(self) -> str:
        """What the panel says of itself, in words."""
        return html.unescape(self._status.value.partition(">")[2].removesuffix("</div>"))

    def choose(self, control: str, value: str) -> None:
        """Choose as a learner does: `choose("scenario", "deaf")`.

        Raises:
            SettingsError: There is no such control or no such scenario.
        """
        if control != "scenario":
            raise SettingsError(f"This panel has no choice called {control!r}.", 'Use choose("scenario", "deaf").')
        self._scenario.value = find_scenario(value).name

    def press(self, button: str) -> None:
        """Press a button as a learner does: `press("Play")`. It returns at once; `wait` waits.

        Raises:
            SettingsError: There is no such button.
        """
        if button != self._button.description:
            raise SettingsError(f"This panel has no button called {button!r}.", 'Use press("Play").')
        self._button.click()

    def wait(self, timeout_s: float = 60.0) -> Result:
        """Wait until what plays has ended.

        Raises:
            SessionError: Nothing was played yet.
            TimeoutError: It still plays.
            Exception: What went wrong while it was played.
        """
        if self._player is None:
            raise SessionError("Nothing was played yet.", 'Press Play, or call press("Play").')
        self._player.join(timeout_s)
        if self._player.is_alive():
            raise TimeoutError(f"The scenario still plays after {timeout_s:.0f} s.")
        if self._error is not None:
            raise self._error
        assert self.result is not None
        return self.result

    def stop(self) -> None:
        """Let what plays come to its end, and end the speech engines. The next Play starts them again."""
        if self._player is not None:
            self._player.join()
        if self._parts is not None:
            self._parts.close()
            self._parts = None

    def close(self) -> None:
        """Stop, and take the panel away."""
        self.stop()
        close_parts(self)
        super().close()

    def _on_play(self, _button: object) -> None:
        name = self._scenario.value
        with self._lock:  # two clicks may arrive on two threads
            if self._player is not None and self._player.is_alive():
                self._say("One scenario is still being played. It takes a few seconds; press Play again after it.")
                return
            self._say(f"Playing “{name}” to both clients; it takes a few seconds …")
            self._player = threading.Thread(target=self._run, args=(name,), name="fault-lab")
            self._player.start()

    def _run(self, name: str) -> None:
        try:
            result = self._play(name)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is shown where the learner looks, and by wait()
            self._error = error
            self._say(f"“{name}” could not be played. {error}")
        else:
            self.result, self._error = result, None
            self._picture.value = side_by_side(result)
            self._say(_in_words(result))

    def _play_here(self, name: str) -> Result:
        if self._parts is None:
            self._parts = lab_parts()
        return run_scenario(name, parts=self._parts)

    def _say(self, words: str) -> None:
        self._status.value = _status(words)


def side_by_side(result: Result) -> str:
    """Both timelines as one table, moment by moment, with the verdicts on top."""
    naive, ours = _by_moment(result.naive), _by_moment(result.ours)
    rows = "".join(
        f'<tr><th scope="row" style="text-align:right;white-space:nowrap;padding:2px 8px">{at_s:.1f} s</th>'
        + "".join(_cell("<br>".join(column.get(at_s, []))) for column in (naive, ours))
        + "</tr>"
        for at_s in sorted(naive.keys() | ours.keys())
    )
    heads = "".join(
        f'<th scope="col" style="text-align:left;width:47%;padding:2px 8px">{name}: '
        f"{html.escape(course.verdict.word)}</th>"
        for name, course in (("Naive", result.naive), ("Ours", result.ours))
    )
    return (
        '<table style="width:100%;font-size:15px;line-height:1.4;border-collapse:collapse">'
        f'<caption style="text-align:left;padding:4px 8px">{html.escape(result.case.what)} Seconds are virtual.'
        f'</caption><thead><tr><th scope="col">at</th>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _by_moment(course: Course) -> dict[float, list[str]]:
    found: dict[float, list[str]] = {}
    for moment in course.timeline:
        text = f"{moment.who} {moment.what}"
        found.setdefault(round(moment.at_s, 1), []).append(html.escape(text))
    return found


def _cell(inner: str) -> str:
    return f'<td style="vertical-align:top;padding:2px 8px;border-top:1px solid rgba(128,128,128,.4)">{inner}</td>'


def _in_words(result: Result) -> str:
    naive, ours = result.naive.verdict, result.ours.verdict
    why = f" ({naive.why})" if naive.why else ""
    if naive.is_ok and ours.is_ok:
        return f"Both came through. {result.case.lesson}"
    return f"The naive client: {naive.word}{why}. Ours: {ours.word}. {result.case.lesson}"


def _status(words: str) -> str:
    return f'<div role="status" aria-live="polite" style="font-size:15px;line-height:1.4">{html.escape(words)}</div>'
