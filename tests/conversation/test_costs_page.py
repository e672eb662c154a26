"""The table of docs/costs.md is what the bench computes today."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_the_page_is_computed() -> None:
    spec = importlib.util.spec_from_file_location("costs_bench", ROOT / "benchmarks" / "costs.py")
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    page = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    header = next(row for row in rows if row[0] == "strategy")
    columns = []
    for name in header[1:]:
        match = re.fullmatch(r"(\d+) %, (.*)", name)
        assert match is not None
        columns.append(
            bench.strategies(bench.outlook_of("gpt-realtime-2.1-mini", int(match[1]) / 100, bench.LENGTHS[match[2]]))
        )
    quoted = [row for row in rows if row[0] in columns[0]]
    assert len(quoted) == 9
    for name, *cells in quoted:
        computed = [bench.shown(column[name], column["never (auto)"]) for column in columns]
        assert cells == [re.sub(r"\[.*?\]", "", cell) for cell in computed], name
