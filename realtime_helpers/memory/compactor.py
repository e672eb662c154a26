"""Carries a plan out on the server, step by step, each step acknowledged. A state machine without I/O.

    idle -> waiting (for transcripts) -> summarising -> inserting -> deleting -> idle

The order keeps the promise that no turn is lost: the summary is acknowledged before the first delete is sent, so
a failure at any point leaves a conversation that is still complete. Edits are sent only while the conversation
is quiet. Nothing here blocks: the caller carries out the effects it gets, and reports what came of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from ..conversation import SUMMARY_ID_PREFIX, Conversation, Turn, Usage, estimate_text_tokens
from ..protocol import ErrorKind, Event, classify_error, create_item, delete_item, system_text
from ..protocol.client_events import ROOT
from .policy import Plan, SummaryPolicy, estimate_item_tokens
from .summariser import HEADING, SummaryRequest

MAX_ATTEMPTS = 3
TRANSCRIPT_PATIENCE_S = 15.0
ACKNOWLEDGEMENT_PATIENCE_S = 10.0
_MOST_RESPONSES_SKIPPED = 15


class Phase(Enum):
    """Where the compactor is."""

    IDLE = "idle"
    WAITING = "waiting"
    SUMMARISING = "summarising"
    INSERTING = "inserting"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class SummaryRecord:
    """One summary: what it says, what it stands for, and what it did to the window.

    Attributes:
        id: Id of its system item.
        text: The summary.
        covers: Ids of the items it replaced itself, in order.
        merges: Id of the earlier summary it took in, whose items it stands for too.
        window_before: Conversation tokens of the response that set it off.
        window_after: Conversation tokens of the first response after it; `None` until then.
        left_over: Items it covers that the server refused to delete: they stay verbatim as well.
    """

    id: str
    text: str
    covers: tuple[str, ...]
    merges: str | None
    window_before: int
    window_after: int | None = None
    left_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Send:
    """Effect: send this event."""

    event: Event


@dataclass(frozen=True, slots=True)
class Write:
    """Effect: have this summary written, off the receive loop; report with `summary_written` or `_failed`."""

    request: SummaryRequest


@dataclass(frozen=True, slots=True)
class Assume:
    """Effect: the server has evidently done this already; take the event in as if it had arrived."""

    event: Event


@dataclass(frozen=True, slots=True)
class Problem:
    """Effect: tell the user. The conversation is complete all the same."""

    message: str


Effect = Send | Write | Assume | Problem


@dataclass
class _Step:
    """An edit on its way: sent when, how often."""

    event: Event
    sent_at_s: float | None = None
    attempts: int = 0


class Compactor:
    """Summarises old turns inside the live conversation.

    Args:
        policy: When and what.
        new_id: Mints ids from a prefix.
    """

    def __init__(self, policy: SummaryPolicy, new_id: Callable[[str], str]) -> None:
        self.policy = policy
        self.phase = Phase.IDLE
        self.records: list[SummaryRecord] = []
        self._new_id = new_id
        self._plan: Plan | None = None
        self._deadline_s: float | None = None
        self._draft: SummaryRecord | None = None
        self._steps: dict[str, _Step] = {}
        self._fresh_response: str | None = None
        self._window_before = 0
        self._given_up: set[str] = set()
        self._failures = 0
        self._responses_to_skip = 0

    @property
    def next_deadline_s(self) -> float | None:
        """When `tick` is due, on the clock of `now_s`; `None` when nothing is awaited."""
        waits = [
            step.sent_at_s + ACKNOWLEDGEMENT_PATIENCE_S for step in self._steps.values() if step.sent_at_s is not None
        ]
        if self._deadline_s is not None:
            waits.append(self._deadline_s)
        return min(waits, default=None)

    # -- what happens ---------------------------------------------------------------------------------

    def apply(self, event: Event, conversation: Conversation, now_s: float) -> list[Effect]:
        """Take in a server event that `conversation` has already taken in."""
        effects: list[Effect] = []
        match event["type"]:
            case "response.created" if self.phase is Phase.IDLE and event["response"].get("conversation_id"):
                self._fresh_response = event["response"]["id"]
            case "response.done" if event["response"]["id"] == self._fresh_response and _read_something(event):
                # a response created during a splice measured the old window: it decides nothing
                effects += self._consider(conversation, now_s)
            case "conversation.item.added" if self._draft and event["item"]["id"] == self._draft.id:
                self._inserted(conversation)
            case "conversation.item.deleted" if event["item_id"] in self._steps:
                del self._steps[event["item_id"]]
            case "error":
                effects += self._refused(event)
        return effects + self.advance(conversation, now_s)

    def summarise_now(self, conversation: Conversation, now_s: float) -> list[Effect]:
        """Start without waiting for the trigger. Does nothing when one is under way or there is nothing to cover."""
        if self.phase is not Phase.IDLE:
            return []
        plan = replace(self.policy, least_saving_tokens=0).plan(conversation, self._given_up)
        if plan is None:
            return [Problem("There is nothing to summarise yet: no whole turn is older than those that are kept.")]
        self._start(plan, conversation, now_s)
        return self.advance(conversation, now_s)

    def summary_written(self, text: str, conversation: Conversation, now_s: float) -> list[Effect]:
        """Take the text that a `Write` asked for."""
        if self.phase is not Phase.SUMMARISING or self._plan is None:
            return []
        text = text.strip()
        size = sum(estimate_item_tokens(item) for turn in self._plan.turns for item in turn.items)
        previous = estimate_text_tokens(self._plan.previous.text) if self._plan.previous else 0
        if not text:
            return self._fail("The summariser answered with nothing")
        if estimate_text_tokens(text) >= size + previous:
            return self._fail("The summary is longer than what it would replace")
        covers = tuple(item_id for turn in self._plan.turns for item_id in turn.ids)
        merges = self._plan.previous.id if self._plan.previous else None
        self.phase = Phase.INSERTING
        self._draft = SummaryRecord(
            self._new_id(SUMMARY_ID_PREFIX.rstrip("_")), text, covers, merges, self._window_before
        )
        self._steps = {self._draft.id: self._insert_step(self._draft)}
        return self.advance(conversation, now_s)

    def summary_failed(self, reason: str) -> list[Effect]:
        """No summary could be written; a later response over the trigger tries again, ever later ones."""
        if self.phase is not Phase.SUMMARISING:
            return []
        return self._fail(f"The summary could not be written ({reason})")

    def advance(self, conversation: Conversation, now_s: float) -> list[Effect]:
        """Do what can be done now: call it after every event and at `next_deadline_s`."""
        match self.phase:
            case Phase.WAITING:
                return self._wait_for_words(conversation, now_s)
            case Phase.INSERTING | Phase.DELETING:
                return self._send_due(conversation, now_s)
            case _:
                return []

    # -- planning -------------------------------------------------------------------------------------

    def _consider(self, conversation: Conversation, now_s: float) -> list[Effect]:
        if self.records and self.records[-1].window_after is None and conversation.ledger.window_tokens:
            self.records[-1] = replace(self.records[-1], window_after=conversation.ledger.window_tokens)
        if self.phase is not Phase.IDLE or not self.policy.is_due(conversation):
            return []
        if self._responses_to_skip:
            self._responses_to_skip -= 1
        elif (plan := self.policy.plan(conversation, self._given_up)) is not None:
            self._start(plan, conversation, now_s)
        return []

    def _start(self, plan: Plan, conversation: Conversation, now_s: float) -> None:
        self.phase = Phase.WAITING
        self._plan = plan
        self._window_before = conversation.ledger.window_tokens
        self._deadline_s = now_s + TRANSCRIPT_PATIENCE_S

    def _wait_for_words(self, conversation: Conversation, now_s: float) -> list[Effect]:
        assert self._plan is not None
        assert self._deadline_s is not None
        current = replace(self._plan, turns=tuple(_refreshed(turn, conversation) for turn in self._plan.turns))
        if current.pending and now_s < self._deadline_s:
            return []
        self._deadline_s = None
        self._given_up.update(item.id for item in current.pending)
        # a turn nobody could read is never covered: it stays on the server as audio
        there = tuple(turn for turn in current.turns if turn.items)
        readable = tuple(turn for turn in there if turn.is_readable)
        unread = len(there) - len(readable)
        effects: list[Effect] = []
        if unread:
            effects.append(Problem(f"{unread} turn(s) have no transcript; they stay in the conversation as audio."))
        if not readable:
            return effects + self._give_up(None)
        self.phase = Phase.SUMMARISING
        self._plan = replace(current, turns=readable)
        previous = current.previous.text.removeprefix(HEADING) if current.previous else None
        return [*effects, Write(SummaryRequest(readable, previous))]

    def _fail(self, what: str) -> list[Effect]:
        """Give up this time, and skip 0, 1, 3, 7 responses before the next try."""
        self._failures += 1
        self._responses_to_skip = min(2 ** (self._failures - 1) - 1, _MOST_RESPONSES_SKIPPED)
        return self._give_up(f"{what}; the old turns stay as they are.")

    def _give_up(self, message: str | None) -> list[Effect]:
        self.phase = Phase.IDLE
        self._plan = self._draft = self._deadline_s = None
        self._steps = {}
        return [Problem(message)] if message else []

    # -- editing --------------------------------------------------------------------------------------

    def _insert_step(self, draft: SummaryRecord) -> _Step:
        item = system_text(HEADING + draft.text, item_id=draft.id)
        return _Step(create_item(item, after=ROOT, event_id=self._new_id("event")))

    def _send_due(self, conversation: Conversation, now_s: float) -> list[Effect]:
        effects: list[Effect] = []
        for key, step in list(self._steps.items()):
            overdue = step.sent_at_s is not None and now_s >= step.sent_at_s + ACKNOWLEDGEMENT_PATIENCE_S
            if step.sent_at_s is not None and not overdue:
                continue
            step.sent_at_s = None  # due (again); otherwise its deadline would lie in the past for ever
            if step.attempts >= MAX_ATTEMPTS:
                effects += self._abandon(key, "the server does not answer")
            elif conversation.is_quiet:
                step.attempts += 1
                step.sent_at_s = now_s
                effects.append(Send(step.event))
        if self.phase is Phase.DELETING and not self._steps:
            self._finish()
        return effects

    def _inserted(self, conversation: Conversation) -> None:
        assert self._draft is not None
        if self.phase is not Phase.INSERTING:
            return
        self.phase = Phase.DELETING
        # the record counts from here: should the rest fail, the covered turns are both summarised and verbatim
        self.records.append(self._draft)
        covered = set(self._draft.covers)
        # every other summary goes: also one that an earlier splice could not delete
        old = [i.id for i in conversation.items if i.id in covered or (i.is_summary and i.id != self._draft.id)]
        self._steps = {item_id: _Step(delete_item(item_id, event_id=self._new_id("event"))) for item_id in old}

    def _finish(self) -> None:
        self.phase = Phase.IDLE
        self._plan = self._draft = None
        self._fresh_response = None
        self._failures = 0

    def _refused(self, event: Event) -> list[Effect]:
        error = event["error"]
        key = next(
            (key for key, step in self._steps.items() if step.event.get("event_id") == error.get("event_id")),
            None,
        )
        if key is None or error.get("event_id") is None:
            return []
        step = self._steps[key]
        if classify_error(error.get("code")) is ErrorKind.BENIGN:
            if self.phase is Phase.INSERTING:  # the id is ours alone: a duplicate means that an earlier try arrived
                item = step.event["item"]
                return [Assume({"type": "conversation.item.added", "item": item, "previous_item_id": None})]
            return [Assume({"type": "conversation.item.deleted", "item_id": key})]
        if step.attempts >= MAX_ATTEMPTS:
            return self._abandon(key, error.get("message") or "no reason given")
        step.sent_at_s = None
        return []

    def _abandon(self, key: str, reason: str) -> list[Effect]:
        if self.phase is Phase.INSERTING:
            return self._give_up(f"The summary could not be inserted ({reason}); the old turns stay as they are.")
        del self._steps[key]
        last = self.records[-1]
        self.records[-1] = replace(last, left_over=(*last.left_over, key))
        return [Problem(f"An item that is already summarised could not be deleted ({reason}); it stays as well.")]


def _read_something(event: Event) -> bool:
    """Whether a response measured the window: one that was cancelled early did not."""
    return Usage.from_wire(event["response"].get("usage")).input_tokens > 0


def _refreshed(turn: Turn, conversation: Conversation) -> Turn:
    """The same turn as it is known now: its words may have come, and its items may have gone."""
    known = (conversation.find(item.id) for item in turn.items)
    return Turn(tuple(item for item in known if item is not None and not item.deleted))
