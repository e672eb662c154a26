"""axe-core on a part of a page: what people who use a screen reader or a keyboard would run into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "axe"
"""Where `package-lock.json` pins axe-core."""
_GRAVE = ("serious", "critical")


@dataclass(frozen=True)
class Found:
    """What axe-core found.

    Attributes:
        grave: Serious and critical violations, a line for each element.
        slight: The others.
        checked: How many rules were applied and held.
    """

    grave: tuple[str, ...]
    slight: tuple[str, ...]
    checked: int


def look_for_barriers(page: Any, *selectors: str) -> Found:
    """Have axe-core look at what these selectors match, and at everything in it."""
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate((FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    result = page.evaluate(
        """async (selectors) => {
          const {violations, passes} = await axe.run({include: selectors.map((selector) => [selector])});
          const lines = violations.flatMap(({id, impact, help, nodes}) =>
            nodes.map(({html, any: why}) =>
              ({impact, line: `${id}: ${help}: ${html} (${why.map(({message}) => message).join("; ")})`})));
          return {lines, passes: passes.length};
        }""",
        list(selectors),
    )
    grave = tuple(found["line"] for found in result["lines"] if found["impact"] in _GRAVE)
    slight = tuple(found["line"] for found in result["lines"] if found["impact"] not in _GRAVE)
    return Found(grave, slight, result["passes"])
