"""The results as a table, a comparison of two courses, and one last line that programs read."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from .cases import SCENARIOS, Case
from .referee import Verdict
from .run import Course, Result


def results_table(results: Sequence[Result]) -> Table:
    """One row a scenario."""
    table = Table(show_lines=False, header_style="bold", pad_edge=False)
    for column in ("#", "scenario", "pitfall", "what happens", "naive", "ours"):
        table.add_column(column, justify="right" if column == "#" else "left", overflow="fold")
    for result in results:
        case = result.case
        row = (str(number_of(case)), case.name, case.pitfall, case.what)
        table.add_row(*row, _word(result.naive.verdict), _word(result.ours.verdict))
    return table


def explanation(result: Result) -> RenderableType:
    """What happened to both, moment by moment."""
    parts: list[RenderableType] = [Text(result.case.what, "bold"), Text(result.case.lesson)]
    for name, course in (("naive", result.naive), ("ours", result.ours)):
        parts += [Rule(Text(name)), *_course(course)]
    return Group(*parts)


def last_line(results: Sequence[Result]) -> str:
    """The line that ends the program's output."""
    naive, ours = (sum(not course.verdict.is_ok for course in courses)
                   for courses in zip(*((result.naive, result.ours) for result in results), strict=True))  # fmt: skip
    return f"scenarios: total={len(results)} naive_lost={naive} ours_lost={ours}"


def number_of(case: Case) -> int:
    """The place of a scenario in the list, from 1; 0 for one that is not in it."""
    return SCENARIOS.index(case) + 1 if case in SCENARIOS else 0


def markdown_table() -> str:
    """The scenarios for `docs/scenarios.md`."""
    rows = ["| # | scenario | mistake | what happens | naive | what to take home |", "|---|---|---|---|---|---|"]
    rows += [
        f"| {number} | `{case.name}` | {case.pitfall} | {case.what} | {case.naive} | {case.lesson} |"
        for number, case in enumerate(SCENARIOS, start=1)
    ]
    return "\n".join(rows)


def _word(verdict: Verdict) -> Text:
    return Text(verdict.word, "green" if verdict.is_ok else "bold red")


def _course(course: Course) -> list[RenderableType]:
    moments = Table.grid(padding=(0, 1))
    moments.add_column(justify="right")
    moments.add_column()
    moments.add_column(overflow="fold")
    for moment in course.timeline:
        moments.add_row(f"{moment.at_s:.1f} s", Text(moment.who, "dim"), Text(moment.what))
    verdict = _word(course.verdict)
    return [moments, verdict.append(f": {course.verdict.why}" if course.verdict.why else "", "default")]
