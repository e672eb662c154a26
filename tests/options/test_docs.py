"""The page of the options is as true as the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from realtime_helpers.options import (
    PROFILES,
    CallFunction,
    Profile,
    RetentionRatio,
    SemanticVAD,
    ServerVAD,
    SessionOptions,
    Tracing,
    Transcription,
)
from realtime_helpers.options.show import chosen_values, shown_value
from realtime_helpers.options.values import option_of

PAGE = (Path(__file__).parents[2] / "docs" / "options.md").read_text(encoding="utf-8")
KINDS = (SessionOptions, ServerVAD, SemanticVAD, Transcription, RetentionRatio, CallFunction, Tracing)


def rows_of(kind: type) -> Iterator[str]:
    """Each option as a line of the page."""
    for of in fields(kind):
        about = option_of(of)
        cells = (about.what, about.allowed, about.default, about.good_for, about.section)
        yield f"| `{of.name}` | {' | '.join(cells)} |"


def rows_of_profile(profile: Profile) -> Iterator[str]:
    """Each value with its reason, as a line of the page."""
    for name, value in chosen_values(profile.options):
        shown = "…" if name == "instructions" else shown_value(value)
        yield f"| `{name}` | {shown} | {profile.reasons[name]} |"


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_stands_on_the_page_in_the_words_of_the_code(kind: type) -> None:
    for row in rows_of(kind):
        assert row in PAGE


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_every_profile_stands_on_the_page(profile: Profile) -> None:
    assert f"`{profile.name}`: {profile.purpose}" in PAGE
    for row in rows_of_profile(profile):
        assert row in PAGE


def test_what_the_page_shows_in_python_works() -> None:
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        compile(block, "options.md", "exec")
    example = re.search(r"```python\n(from realtime_helpers import .*?)```", PAGE, re.DOTALL)
    assert example is not None
    exec(example[1], {})
