"""What the demo shows: who says what as it is said, and a bar of tokens for each response."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ..conversation import LedgerEntry, Turn
from ..memory import SummaryRecord
from ..session import RealtimeSession, Snapshot

_BAR_CHARACTERS = 24
# shape and colour both: neither colour blindness nor a log file may hide the difference
_CACHED, _TEXT, _AUDIO = ("░", "cyan"), ("▒", "green"), ("█", "magenta")


class Stage:
    """Prints a conversation line by line; on a terminal the line in progress is shown live.

    Args:
        console: Where to print.
        full_bar_tokens: Tokens of a full bar.
    """

    def __init__(self, console: Console, full_bar_tokens: int) -> None:
        self._console = console
        self._full = full_bar_tokens
        self._shown_responses = 0
        self._shown_problems = 0
        self._shown_summaries = 0
        self._was_summarising = False
        self._measured: set[str] = set()

    def note(self, text: str) -> None:
        """A remark of the demo itself."""
        self._console.print(Text(text, style="dim"))

    def title(self, text: str) -> None:
        """A heading."""
        self._console.print(Rule(Text(text, style="bold")))

    def legend(self) -> None:
        """What the bars mean."""
        line = Text("input of each response:  ", style="dim")
        for (mark, colour), name in ((_CACHED, "cached"), (_TEXT, "text"), (_AUDIO, "audio")):
            line.append(mark * 3, colour).append(f" {name}   ", "dim")
        self._console.print(line)

    @contextmanager
    def live(self, session: RealtimeSession, turn_number: int) -> Iterator[None]:
        """Show the turn in progress while the block runs."""

        def caption() -> Text:
            now = session.snapshot
            turn = now.turns[-1] if len(now.turns) >= turn_number else None
            text = Text(f"    … {now.state.value}", style="yellow")
            for label, words in (("you", turn.user_text), ("bot", turn.assistant_text)) if turn is not None else ():
                if words:
                    text.append(f"\n   {label} {words}", "default")
            return text

        screen = Live(
            console=self._console,
            get_renderable=caption,
            refresh_per_second=10,
            transient=True,
            vertical_overflow="crop",
        )
        with screen:
            yield

    def turn(self, number: int, turn: Turn, now: Snapshot) -> None:
        """A finished turn, the responses it cost, and anything that happened beside it."""
        self._row(f"{number} you", "bold green", Text(turn.user_text))
        reply = Text(turn.assistant_text)
        if now.latency.first_audio.ms:
            reply.append(f"  (first audio after {now.latency.first_audio.ms[-1]:.0f} ms)", "dim")
        self._row("bot", "bold blue", reply)
        for entry in now.responses[self._shown_responses :]:
            self._row("in", "dim", self._bar(entry, now.cost_usd))
        self._shown_responses = len(now.responses)
        for problem in now.problems[self._shown_problems :]:
            self._row("!", "bold red", Text(problem, "red"))
        self._shown_problems = len(now.problems)
        self._summaries(now)

    def _summaries(self, now: Snapshot) -> None:
        for record in now.summaries[self._shown_summaries :]:
            self._row("sum", "bold yellow", _summary(record))
        self._shown_summaries = len(now.summaries)
        for record in now.summaries:
            if record.window_after is not None and record.id not in self._measured:
                self._measured.add(record.id)
                title = f"window {record.window_before} -> {record.window_after} conversation tokens"
                self._console.print(Rule(title, style="yellow"))
        if now.is_summarising and not self._was_summarising:
            text = f"window at {now.window_tokens}: a summary is being written while the talk goes on"
            self._console.print(Rule(text, style="yellow", characters="."))
        self._was_summarising = now.is_summarising

    def _row(self, label: str, style: str, content: Text) -> None:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=6, justify="right")
        grid.add_column(overflow="fold")
        grid.add_row(Text(label, style), content)
        self._console.print(grid)

    def _bar(self, entry: LedgerEntry, cost_usd: float | None) -> Text:
        usage = entry.usage
        fresh_text = usage.input_text - usage.cached_text
        fresh_audio = usage.input_audio - usage.cached_audio
        line = Text()
        for tokens, (mark, colour) in ((usage.cached_tokens, _CACHED), (fresh_text, _TEXT), (fresh_audio, _AUDIO)):
            line.append(mark * round(_BAR_CHARACTERS * tokens / self._full), colour)
        line.append(f" {usage.input_tokens} tokens", "default")
        line.append(f" (text {usage.input_text}, audio {usage.input_audio}; {usage.cached_tokens} of it cached)", "dim")
        if cost_usd is not None:
            line.append(f" ${cost_usd:.4f} so far", "dim")
        return line


def _summary(record: SummaryRecord) -> Text:
    line = Text(record.text, "yellow")
    return line.append(f"\nIt stands for {len(record.covers)} items, which are deleted on the server.", "dim")
