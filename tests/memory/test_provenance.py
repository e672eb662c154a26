from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_helpers.conversation import Item
from realtime_helpers.memory import SummaryRecord, covered_by, lost_items


def with_chains_spelt_out(records: list[SummaryRecord], present: set[str]) -> dict[str, str]:
    """The same the slow way: every summary lists everything that it and those before it stand for."""
    covers: dict[str, tuple[str, ...]] = {}
    found: dict[str, str] = {}
    for record in records:
        covers[record.id] = (*covers.get(record.merges or "", ()), *record.covers)
        if record.id in present:
            found.update(dict.fromkeys(covers[record.id], record.id))
    return found


RECORDS = st.lists(
    st.tuples(st.lists(st.sampled_from("abcdefgh"), max_size=4), st.one_of(st.none(), st.integers(0, 12))), max_size=8
).map(
    lambda drawn: [
        SummaryRecord(f"sum_{number}", "", tuple(covers), None if merges is None else f"sum_{merges % (number + 1)}", 0)
        for number, (covers, merges) in enumerate(drawn)
    ]
)


@settings(max_examples=300)
@given(RECORDS, st.sets(st.integers(0, 8)))
def test_an_item_is_covered_by_the_newest_summary_that_took_it_in(
    records: list[SummaryRecord], present: set[int]
) -> None:
    there = {f"sum_{number}" for number in present}
    on_server = [Item(item_id, "message", "system") for item_id in there]
    assert covered_by(records, on_server) == with_chains_spelt_out(records, there)


class _Counted(str):
    """An id that counts how often it is looked at as a key."""

    looks = 0
    __slots__ = ()

    def __hash__(self) -> int:
        _Counted.looks += 1
        return super().__hash__()


def test_a_thousand_merges_cost_a_thousand_steps() -> None:
    records = [
        SummaryRecord(f"sum_{n}", "", (_Counted(f"i{n}"),), f"sum_{n - 1}" if n else None, 0) for n in range(1_000)
    ]
    covered = covered_by(records, [Item("sum_999", "message", "system")])
    assert set(covered.values()) == {"sum_999"}
    assert len(covered) == 1_000
    assert _Counted.looks <= 6 * 1_000
    assert lost_items([], [], records) == ()
