"""A small table that reads well in a terminal, in a notebook and in a log. Plain data underneath."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table as RichTable


@dataclass(frozen=True)
class Table:
    """Rows of words.

    Attributes:
        columns: Headings.
        rows: As many words each as there are columns.
        after: A sentence below.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    after: str = ""

    def __rich__(self) -> RichTable:
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(box=None, header_style="bold", pad_edge=False, caption_justify="left", caption_style="")
        for column in self.columns:
            table.add_column(column, overflow="fold")
        for row in self.rows:
            table.add_row(*map(Text, row))
        if self.after:
            table.caption = Text(f"\n{self.after}")
        return table

    def __str__(self) -> str:
        from rich.console import Console

        page = io.StringIO()
        Console(file=page, width=120, color_system=None, force_jupyter=False).print(self)
        return page.getvalue().rstrip()

    def _repr_html_(self) -> str:
        head = "".join(f"<th scope='col' style='text-align: left'>{escape(column)}</th>" for column in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td style='text-align: left'>{escape(word)}</td>" for word in row) + "</tr>"
            for row in self.rows
        )
        after = f"<p>{escape(self.after)}</p>" if self.after else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{after}"
