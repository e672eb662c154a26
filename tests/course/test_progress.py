"""The bar passes on what it is given, and says what it counts."""

from __future__ import annotations

import sys

import pytest

from realtime_helpers.course import progress
from realtime_helpers.errors import MissingPartError


def test_it_passes_on_everything_in_order(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", __import__("tqdm"))  # no notebook here: the bar in plain letters
    assert list(progress(["a", "b", "c"], "talks held")) == ["a", "b", "c"]
    assert "talks held: 100%" in capsys.readouterr().err


def test_where_tqdm_is_missing_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(MissingPartError, match=r"'tqdm' is not installed.*pip install -e '\.\[lab\]'"):
        progress([], "talks held")
