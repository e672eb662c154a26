"""Every turn there ever was: as if grouped anew at every look, at a cost that does not grow with the talk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_helpers.conversation import Conversation, Item, Turn, group_turns, history

from .events import added, call, done, output, response_done, text, transcribed, transcription_failed, user_audio

Event = dict[str, Any]
DELTA = {"type": "response.output_audio_transcript.delta", "delta": " more"}
IDS = [f"i{number}" for number in range(16)] + [f"sum_{number}" for number in range(3)]
ROLES = st.sampled_from(["user", "user", "assistant", "assistant", "system"])


class EveryTurnGroupedAnew:
    """All turns the slow way: a list of ids, searched from the front, and grouped from the front."""

    def __init__(self) -> None:
        self.conversation = Conversation()
        self._timeline: list[str] = []

    def apply(self, event: Event) -> None:
        there, known = self.conversation.item_ids, set(self._timeline)
        self.conversation.apply(event)
        for new in set(self.conversation.item_ids) - known:
            previous = event.get("previous_item_id")
            place = 0 if previous is None else there.index(previous) + 1 if previous in there else len(there)
            following = self._timeline.index(there[place]) if place < len(there) else len(self._timeline)
            self._timeline.insert(following, new)

    @property
    def all_turns(self) -> tuple[Turn, ...]:
        items = (self.conversation.find(item_id) for item_id in self._timeline)
        return group_turns(tuple(item for item in items if item is not None))


@st.composite
def wire_items(draw: st.DrawFn) -> Event:
    item_id = draw(st.sampled_from(IDS))
    if item_id.startswith("sum_"):
        return text(item_id, draw(st.sampled_from(["system", "system", "system", "user"])), "summary")
    return draw(
        st.one_of(
            st.builds(text, st.just(item_id), ROLES, st.sampled_from("ab"), st.sampled_from(["completed", "x"])),
            st.just(user_audio(item_id)),
            st.just(call(item_id, "call_1")),
            st.just(output(item_id, "call_1")),
        )
    )


ANY_ID = st.sampled_from(IDS)
ANY_EVENT = st.one_of(
    st.builds(added, wire_items(), st.one_of(st.none(), ANY_ID)),
    st.builds(added, wire_items(), st.just("the last")),
    st.builds(added, wire_items(), st.just("the last")),
    st.builds(done, wire_items()),
    st.builds(lambda item_id: {"type": "conversation.item.deleted", "item_id": item_id}, ANY_ID),
    st.builds(lambda item_id: {"type": "conversation.item.truncated", "item_id": item_id, "audio_end_ms": 200}, ANY_ID),
    st.builds(transcribed, ANY_ID, st.just("late words")),
    st.builds(transcription_failed, ANY_ID),
    st.builds(lambda item_id: {**DELTA, "item_id": item_id}, ANY_ID),
)
LOOKS = st.sampled_from([True, False, False, False])
A_TALK = [
    (added(text(f"i{number}", role, "x"), "the last"), False)
    for number, role in enumerate(("user", "assistant", "user", "assistant", "user", "assistant", "assistant", "user"))
]


@settings(max_examples=400)
@given(st.lists(st.tuples(ANY_EVENT, LOOKS), max_size=60), st.integers(0, 3))
def test_turns_are_those_of_grouping_everything_anew_and_never_change_in_hand(
    steps: list[tuple[Event, bool]], recent: int
) -> None:
    slow, quick = EveryTurnGroupedAnew(), Conversation()
    held: list[tuple[Sequence[Turn], tuple[Turn, ...]]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "_RECENT_TURNS", recent)
        for drawn, looks in [*A_TALK, ({"type": "nothing"}, True), *steps, ({"type": "nothing"}, True)]:
            event = dict(drawn)
            if event.get("previous_item_id") == "the last":
                event["previous_item_id"] = quick.item_ids[-1] if quick.item_ids else None
            slow.apply(event)
            quick.apply(event)
            if looks:
                held.append((quick.all_turns, slow.all_turns))
                assert quick.all_turns == slow.all_turns
    for seen, meant in held:
        assert seen == meant, "what was handed out has changed"


def spoken_turn(number: int) -> Iterator[Event]:
    """One spoken turn with a call; every tenth turn a summary takes the place of the ten before the newest two."""
    user, reply, last = f"u{number}", f"a{number}", f"a{number - 1}" if number else None
    yield added(user_audio(user), last)
    yield added(call(f"c{number}", f"call_{number}"), user)
    yield added(output(f"o{number}", f"call_{number}"), f"c{number}")
    yield added(text(reply, "assistant", "", "in_progress"), f"o{number}")
    yield {**DELTA, "item_id": reply}
    if number % 7:
        yield transcribed(user, "words")
    yield done(text(reply, "assistant", "an answer"))
    yield response_done(f"r{number}", 100)
    if number % 10 == 9 and number > 10:
        yield added(text(f"sum_{number}", "system", "what was said"), None)
        for old in range(max(0, number - 12), number - 2):
            for kind in "ucoa":
                yield {"type": "conversation.item.deleted", "item_id": f"{kind}{old}"}
        yield {"type": "conversation.item.deleted", "item_id": f"sum_{number - 10}"}
        yield transcribed(f"u{number - number % 7}", "words that came late")


def test_a_look_costs_the_same_after_three_thousand_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    grouped = 0

    def counting(items: tuple[Item, ...]) -> tuple[Turn, ...]:
        nonlocal grouped
        grouped += len(items)
        return group_turns(items)

    monkeypatch.setattr(history, "group_turns", counting)
    conversation = Conversation()
    cost, copied = [], 0
    for number in range(3_000):
        before = grouped
        for event in spoken_turn(number):
            conversation.apply(event)
            turns = conversation.all_turns
            copied = max(copied, len(turns) - conversation._items._shared)
        assert len(turns) == number + 1
        cost.append(grouped - before)
    period = 70  # of summaries, and of words that come late
    assert sum(cost[-10 * period :]) == sum(cost[2 * period : 12 * period])
    assert copied <= 2 * history._RECENT_TURNS


def test_views_share_old_turns() -> None:
    """Memory: a snapshot in hand holds no list of its own."""
    conversation = Conversation()
    views = []
    for number in range(1_000):
        for event in spoken_turn(number):
            conversation.apply(event)
        views.append(conversation.all_turns)
    assert len({id(view._elements) for view in views[-500:]}) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", ["late words", "gone", "new neighbour"])
def test_an_old_turn_may_change_after_all(change: str) -> None:
    slow, quick = EveryTurnGroupedAnew(), Conversation()
    for number in range(1_000):
        event = added(user_audio(f"u{number}") if number % 2 == 0 else text(f"a{number}", "assistant", "x"),
                      None if number == 0 else f"{'ua'[(number - 1) % 2]}{number - 1}")  # fmt: skip
        slow.apply(event)
        quick.apply(event)
    before = quick.all_turns
    was = tuple(before)
    late = {
        "late words": transcribed("u10", "late"),
        "gone": {"type": "conversation.item.deleted", "item_id": "u10"},
        "new neighbour": added(text("new", "user", "x"), "a9"),
    }[change]
    slow.apply(late)
    quick.apply(late)
    assert quick.all_turns == slow.all_turns
    assert quick.all_turns != was
    assert before == was
