from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_helpers.conversation import FrozenView


@given(
    st.lists(st.integers()), st.lists(st.integers(), min_size=1), st.slices(12), st.one_of(st.none(), st.integers(0, 9))
)
def test_it_is_the_tuple_it_was_made_from_whatever_happens_to_the_list(
    elements: list[int], later: list[int], part: slice, shared: int | None
) -> None:
    shared = None if shared is None else min(shared, len(elements))
    was = tuple(elements)
    view = FrozenView(elements, shared)
    if shared is not None:
        del elements[shared:]
    elements.extend(later)
    assert view == was
    assert was == view
    assert list(was) == view
    assert view != (*was, 0)
    assert tuple(view) == was
    assert tuple(reversed(view)) == was[::-1]
    assert view[part] == was[part]
    assert [view[n] for n in range(-len(was), len(was))] == [*was, *was]
    assert (len(view), bool(view), hash(view), repr(view)) == (len(was), bool(was), hash(was), repr(was))
    for outside in (len(was), -len(was) - 1):
        with pytest.raises(IndexError):
            view[outside]


def test_views_are_equal_by_what_they_hold_and_differ_from_anything_else() -> None:
    assert FrozenView([1, 2]) == FrozenView([1, 2, 3], shared=2)[:2]
    assert FrozenView([1, 2]) == FrozenView([1, 2], shared=0)
    assert FrozenView([1, 2]) != FrozenView([2, 1])
    assert FrozenView(["a"]) != "a"
