"""Options and profiles as tables, for notebooks and terminals. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from .values import SERVER_DEFAULT, option_of


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        name: The option; of an option inside another one, with its place: `turn_detection.threshold`.
        value: What was chosen, or the server's default in words.
        is_default: Whether nothing was chosen.
        note: What it does, or why it was chosen.
    """

    name: str
    value: str
    is_default: bool
    note: str


def option_rows(options: Any, within: str = "") -> Iterator[Row]:
    """Every option, chosen or not, with what it does."""
    for of in fields(options):
        value, about = getattr(options, of.name), option_of(of)
        is_default = value is SERVER_DEFAULT
        shown = f"server's default: {about.default}" if is_default else shown_value(value)
        yield Row(within + of.name, shown, is_default, about.what)
        if is_dataclass(value):
            yield from option_rows(value, f"{within}{of.name}.")


def chosen_values(options: Any, within: str = "") -> Iterator[tuple[str, Any]]:
    """What was chosen, with what was chosen inside of it."""
    for of in fields(options):
        value = getattr(options, of.name)
        if value is SERVER_DEFAULT:
            continue
        yield within + of.name, value
        if is_dataclass(value):
            yield from chosen_values(value, f"{within}{of.name}.")


def shown_value(value: object) -> str:
    """A value in a cell of a table."""
    if value is None:
        return "off"
    if is_dataclass(value):
        return type(value).__name__
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def text_table(rows: Iterable[Row], heading: tuple[str, str, str] = ("option", "value", "what it does")) -> str:
    """For a terminal."""
    lines = [heading, *((row.name, f"({row.value})" if row.is_default else row.value, row.note) for row in rows)]
    first, second = (max(len(line[column]) for line in lines) for column in (0, 1))
    return "\n".join(f"{name:<{first}}  {value:<{second}}  {note}".rstrip() for name, value, note in lines)


def html_table(rows: Iterable[Row], heading: tuple[str, str, str] = ("option", "value", "what it does")) -> str:
    """For a notebook."""
    head = "".join(f"<th style='text-align:left'>{html.escape(title)}</th>" for title in heading)
    body = "".join(_html_row(row) for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_row(row: Row) -> str:
    value = html.escape(row.value)
    shown = f"<i>{value}</i>" if row.is_default else f"<b>{value}</b>"
    cells = (f"<code>{html.escape(row.name)}</code>", shown, html.escape(row.note))
    return "<tr>" + "".join(f"<td style='text-align:left'>{cell}</td>" for cell in cells) + "</tr>"
