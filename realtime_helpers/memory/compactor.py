"""Carries a plan out on the server, step by step, each step acknowledged. A state machine without I/O.

    idle -> waiting (for transcripts) -> hearing (what none came for) -> summarising -> inserting -> deleting -> idle

The order keeps the promise that no turn is lost: the memory item is acknowledged before the first delete is sent, so
a failure at any point leaves a conversation that is still complete. Edits are sent only while the conversation
is quiet. Nothing here blocks: the caller carries out the effects it gets, and reports what came of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from enum import Enum

from ..conversation import SUMMARY_ID_PREFIX, Conversation, Turn, Usage, estimate_text_tokens, group_turns
from ..protocol import ErrorKind, Event, classify_error, create_item, delete_item, system_text
from ..protocol.client_events import ROOT
from .policy import Plan, Standing, SummaryPolicy, estimate_item_tokens
from .provenance import Occasion, SummaryRecord
from .summariser import SummaryRequest, Written, memory_text

MAX_ATTEMPTS = 3
ACKNOWLEDGEMENT_PATIENCE_S = 10.0
_MOST_RESPONSES_SKIPPED = 15


class Phase(Enum):
    """Where the compactor is."""

    IDLE = "idle"
    WAITING = "waiting"
    HEARING = "hearing"
    SUMMARISING = "summarising"
    INSERTING = "inserting"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class Send:
    """Effect: send this event."""

    event: Event


@dataclass(frozen=True, slots=True)
class Hear:
    """Effect: find out what was said in this item, off the receive loop; report with `heard`."""

    item_id: str


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


_OFFLINE = Problem("The session is connecting again. Ask for it when it listens.")
Effect = Send | Hear | Write | Assume | Problem


@dataclass
class _Step:
    """An edit on its way: sent when, how often."""

    event: Event
    sent_at_s: float | None = None
    attempts: int = 0


def _nothing() -> Collection[str]:
    return ()


class Compactor:
    """Replaces old turns by a memory item inside the live conversation.

    Args:
        policy: When and what; `None`: only when asked.
        new_id: Mints ids from a prefix.
        can_hear: Whether `Hear` works.
        playing: Ids of replies that are still being played: nobody knows yet what of them will be heard.
    """

    def __init__(
        self,
        policy: SummaryPolicy | None,
        new_id: Callable[[str], str],
        *,
        can_hear: bool = False,
        playing: Callable[[], Collection[str]] = _nothing,
    ) -> None:
        self.policy = policy
        self.phase = Phase.IDLE
        self.records: list[SummaryRecord] = []
        self._new_id = new_id
        self._can_hear = can_hear
        self._playing = playing
        self._plan: Plan | None = None
        self._occasion: Occasion = "due"
        self._to_hear: set[str] = set()
        self._summarised: tuple[Turn, ...] = ()
        self._verbatim: tuple[Turn, ...] = ()
        self._draft: SummaryRecord | None = None
        self._steps: dict[str, _Step] = {}
        self._fresh_response: str | None = None
        self._unheard: set[str] = set()
        self._made: set[str] = set()
        self._failures = 0
        self._responses_to_skip = 0
        self._is_offline = False

    @property
    def next_deadline_s(self) -> float | None:
        """When `advance` is due, on the clock of `now_s`; `None` when nothing is awaited."""
        sent = [step.sent_at_s for step in self._steps.values() if step.sent_at_s is not None]
        return min(sent) + ACKNOWLEDGEMENT_PATIENCE_S if sent else None

    @property
    def is_window_measured(self) -> bool:
        """Whether a response has read the conversation since the last edit."""
        return not self.records or self.records[-1].window_after is not None

    def standing(self, conversation: Conversation) -> Standing:
        """The memory item that stands now, with the turns in it as they are known now."""
        if not self.records:
            return Standing()
        last = self.records[-1]
        items = tuple(item for item_id in last.verbatim if (item := conversation.find(item_id)) is not None)
        return Standing(last.id, last.text, group_turns(items), frozenset(last.pinned))

    # -- what happens ---------------------------------------------------------------------------------

    def apply(self, event: Event, conversation: Conversation, now_s: float) -> list[Effect]:
        """Take in a server event that `conversation` has already taken in."""
        effects: list[Effect] = []
        match event["type"]:
            case "response.created" if self.phase is Phase.IDLE and event["response"].get("conversation_id"):
                self._fresh_response = event["response"]["id"]
            case "response.done" if event["response"]["id"] == self._fresh_response and _read_something(event):
                # a response created during a splice measured the old window: it decides nothing
                effects += self._consider(conversation)
            case "conversation.item.added" if self._draft and event["item"]["id"] == self._draft.id:
                self._inserted(conversation)
            case "conversation.item.deleted" if event["item_id"] in self._steps:
                del self._steps[event["item_id"]]
            case "error":
                effects += self._refused(event)
        return effects + self.advance(conversation, now_s)

    def set_policy(self, policy: SummaryPolicy | None, conversation: Conversation, now_s: float) -> list[Effect]:
        """Use another policy from now on; what it finds due is begun at once."""
        self.policy = policy
        self._responses_to_skip = 0
        if (
            not self._is_offline
            and self.phase is Phase.IDLE
            and self.is_window_measured
            and conversation.ledger.window_tokens
        ):
            return self._consider(conversation) + self.advance(conversation, now_s)
        return []

    def summarise_now(self, conversation: Conversation, now_s: float) -> list[Effect]:
        """Start without waiting for the trigger. Does nothing when a splice is under way."""
        if self._is_offline:
            return [_OFFLINE]
        if self.phase is not Phase.IDLE:
            return []
        self._unheard.clear()  # the user asks: try again what was given up
        plan = self._new_plan(self.policy or SummaryPolicy(), conversation, is_asked=True)
        if plan is None:
            return [Problem("There is nothing to summarise yet: no whole turn is older than those that are kept.")]
        self._start(plan, "asked")
        return self.advance(conversation, now_s)

    def undo(self, conversation: Conversation, now_s: float) -> list[Effect]:
        """Put the words of the turns that the latest summary was written from back in its place.

        They come back as text in the memory item, for the items themselves are gone from the server; an earlier
        summary that was merged stands for its own turns again. They stay so until the user asks for a summary.
        """
        if self._is_offline:
            return [_OFFLINE]
        if self.phase is not Phase.IDLE:
            return [Problem("A summary is just being made. Undo it when it is done.")]
        last = self.records[-1] if self.records else None
        layer = next((record for record in reversed(self.records) if last and record.id == last.layer), None)
        if last is None or layer is None:
            return [Problem("There is no summary to undo.")]
        text = next((record.text for record in self.records if record.id == layer.beneath), "")
        back = set(layer.summarised) | set(last.verbatim)
        # the history knows the order in which things were said
        words = tuple(item.id for turn in conversation.all_turns for item in turn.items if item.id in back)
        self._plan = Plan((), self.standing(conversation))
        self._insert(
            self._new_record("undone", conversation, text=text, verbatim=words, pinned=words, layer=layer.beneath),
            conversation,
        )
        return self.advance(conversation, now_s)

    def heard(self, item_id: str, text: str | None, conversation: Conversation, now_s: float) -> list[Effect]:
        """What a `Hear` brought: the words, or `None` when they could not be found out."""
        if item_id not in self._to_hear:
            return []
        self._to_hear.discard(item_id)
        effects: list[Effect] = []
        if text is None:
            self._unheard.add(item_id)
        else:
            kind = "conversation.item.input_audio_transcription.completed"
            effects.append(Assume({"type": kind, "item_id": item_id, "content_index": 0, "transcript": text}))
        # the caller applies the assumed event first and so calls back; without one we go on ourselves
        return effects or self.advance(conversation, now_s)

    def summary_written(self, written: Written, conversation: Conversation, now_s: float) -> list[Effect]:
        """Take the text that a `Write` asked for."""
        if self.phase is not Phase.SUMMARISING or self._plan is None:
            return []
        text = written.text.strip()
        size = sum(estimate_item_tokens(item) for turn in self._summarised for item in turn.items)
        if not text:
            return self._fail("The summariser answered with nothing")
        if estimate_text_tokens(text) >= size + estimate_text_tokens(self._plan.standing.summary):
            return self._fail("The summary is longer than what it would replace")
        self._insert(self._spliced(text, conversation, written.usage, written.model), conversation)
        return self.advance(conversation, now_s)

    def summary_failed(self, reason: str) -> list[Effect]:
        """No summary could be written; a later response over the trigger tries again, ever later ones."""
        if self.phase is not Phase.SUMMARISING:
            return []
        return self._fail(f"The summary could not be written ({reason.rstrip('.')})")

    def advance(self, conversation: Conversation, now_s: float) -> list[Effect]:
        """Do what can be done now: call it after every event and at `next_deadline_s`."""
        match self.phase:
            case Phase.WAITING | Phase.HEARING:
                return self._gather_words(conversation, now_s)
            case Phase.INSERTING | Phase.DELETING:
                return self._send_due(conversation, now_s)
            case _:
                return []

    # -- a new connection -----------------------------------------------------------------------------

    def line_lost(self) -> None:
        """The server has forgotten everything: what was under way is given up, what was acknowledged stands.

        Nothing new is begun until `back_online`.
        """
        self._rest()
        self._fresh_response = None
        self._is_offline = True

    def back_online(self) -> None:
        """The conversation stands again."""
        self._is_offline = False

    def carry_over(self, turns: Iterable[Turn], conversation: Conversation) -> Event | None:
        """The first event for a new, empty conversation: one memory item with the standing summary and these turns.

        It counts from its acknowledgement on, like any other. Call it again for every try.

        Args:
            turns: Turns that no memory item stands for yet, every word known, oldest first.
            conversation: Where earlier turns are remembered.
        """
        last = self.records[-1] if self.records else None
        covers = tuple(item_id for turn in turns for item_id in turn.ids)
        if last is None and not covers:
            return None
        self._draft = self._new_record(
            "reconnected", conversation, text=last.text if last else "", covers=covers,
            verbatim=(*(last.verbatim if last else ()), *covers), pinned=last.pinned if last else (),
            layer=last.layer if last else None,
        )  # fmt: skip
        return self._insert_event(self._draft, conversation)

    # -- planning -------------------------------------------------------------------------------------

    def _consider(self, conversation: Conversation) -> list[Effect]:
        if not self.is_window_measured and conversation.ledger.window_tokens:
            self.records[-1] = replace(self.records[-1], window_after=conversation.ledger.window_tokens)
        if self.phase is not Phase.IDLE or self.policy is None:
            return []
        try:
            is_due = self.policy.is_due(conversation)
        except Exception as error:  # noqa: BLE001 - a trigger of the user's own must not end the talk
            self.policy = None
            return [Problem(f"The trigger failed ({error!r}); nothing is summarised any more unless you ask for it.")]
        if not is_due:
            return []
        if self._responses_to_skip:
            self._responses_to_skip -= 1
        elif (plan := self._new_plan(self.policy, conversation)) is not None:
            self._start(plan, "due")
        return []

    def _new_plan(self, policy: SummaryPolicy, conversation: Conversation, *, is_asked: bool = False) -> Plan | None:
        return policy.plan(
            conversation, self.standing(conversation), closed={*self._unheard, *self._playing()},
            can_hear=self._can_hear, is_asked=is_asked,
        )  # fmt: skip

    def _start(self, plan: Plan, occasion: Occasion) -> None:
        self.phase = Phase.WAITING
        self._plan = plan
        self._occasion = occasion

    def _gather_words(self, conversation: Conversation, now_s: float) -> list[Effect]:
        assert self._plan is not None
        turns = tuple(turn for old in self._plan.turns if (turn := _refreshed(old, conversation)).items)
        unknown = [
            item.id for turn in turns for item in turn.items if not item.is_known and item.id not in self._unheard
        ]
        pending = {item.id for turn in turns for item in turn.pending}
        if self.phase is Phase.WAITING:
            if pending:
                return []  # the session ends every wait for a transcript
            if unknown and self._can_hear:
                self.phase = Phase.HEARING
                self._to_hear = set(unknown)
                return [Hear(item_id) for item_id in unknown]
        elif self._to_hear & set(unknown):
            return []
        # a turn nobody could read is never covered: it stays on the server as audio
        readable = tuple(turn for turn in turns if turn.is_readable)
        effects: list[Effect] = []
        if unread := len(turns) - len(readable):
            effects.append(
                Problem(f"{unread} turn(s) cannot be put into words; they stay in the conversation as audio.")
            )
        self._plan = replace(self._plan, turns=readable)
        self._summarised, self._verbatim = self._plan.divide(readable)
        if not readable and not self._summarised:
            self._rest()
            return effects
        if not self._summarised:
            self._insert(self._spliced(self._plan.standing.summary, conversation), conversation)
            return effects + self.advance(conversation, now_s)
        self.phase = Phase.SUMMARISING
        return [*effects, Write(SummaryRequest(self._summarised, self._plan.standing.summary or None))]

    def _spliced(
        self, text: str, conversation: Conversation, usage: Usage | None = None, model: str | None = None
    ) -> SummaryRecord:
        """The record of the plan, once its text is known."""
        assert self._plan is not None
        verbatim = tuple(item_id for turn in self._verbatim for item_id in turn.ids)
        pinned = () if self._plan.unpins else tuple(i for i in verbatim if i in self._plan.standing.pinned)
        last = self.records[-1] if self.records else None
        record = self._new_record(
            self._occasion, conversation, text=text, verbatim=verbatim, pinned=pinned,
            covers=tuple(item_id for turn in self._plan.turns for item_id in turn.ids),
            layer=last.layer if last else None,
        )  # fmt: skip
        if not self._summarised:
            return record
        return replace(
            record, summarised=tuple(item_id for turn in self._summarised for item_id in turn.ids),
            layer=record.id, beneath=record.layer, usage=usage or Usage(), model=model,
        )  # fmt: skip

    def _new_record(
        self,
        occasion: Occasion,
        conversation: Conversation,
        *,
        text: str,
        verbatim: tuple[str, ...],
        pinned: tuple[str, ...],
        layer: str | None,
        covers: tuple[str, ...] = (),
    ) -> SummaryRecord:
        merges = self.records[-1].id if self.records else None
        item_id = self._new_id(SUMMARY_ID_PREFIX.rstrip("_"))
        self._made.add(item_id)
        return SummaryRecord(
            item_id, text, covers, merges, conversation.ledger.window_tokens,
            verbatim=verbatim, pinned=pinned, layer=layer, occasion=occasion,
        )  # fmt: skip

    def _fail(self, what: str) -> list[Effect]:
        """Give up this time, and skip 0, 1, 3, 7 responses before the next try: a broken writer is left in peace."""
        self._failures += 1
        self._responses_to_skip = min(2 ** (self._failures - 1) - 1, _MOST_RESPONSES_SKIPPED)
        return self._give_up(what)

    def _give_up(self, what: str) -> list[Effect]:
        self._rest()
        return [Problem(f"{what}; the old turns stay as they are.")]

    def _rest(self) -> None:
        self.phase = Phase.IDLE
        self._plan = self._draft = None
        self._steps = {}
        self._to_hear = set()
        self._summarised = self._verbatim = ()

    # -- editing --------------------------------------------------------------------------------------

    def _insert(self, draft: SummaryRecord, conversation: Conversation) -> None:
        self.phase = Phase.INSERTING
        self._draft = draft
        self._steps = {draft.id: _Step(self._insert_event(draft, conversation))}

    def _insert_event(self, draft: SummaryRecord, conversation: Conversation) -> Event:
        words = tuple(item for item_id in draft.verbatim if (item := conversation.find(item_id)) is not None)
        memory = system_text(memory_text(draft.text, words), item_id=draft.id)
        return create_item(memory, after=ROOT, event_id=self._new_id("event"))

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
            self._rest()
            self._fresh_response = None
            self._failures = 0
        return effects

    def _inserted(self, conversation: Conversation) -> None:
        assert self._draft is not None
        draft, self._draft = self._draft, None
        # the record counts from here: should the rest fail, the covered turns are both summarised and verbatim
        self.records.append(draft)
        if self.phase is not Phase.INSERTING:
            return  # carried over into an empty conversation
        self.phase = Phase.DELETING
        covered = set(draft.covers)
        # every other memory item of ours goes, also one that could not be deleted earlier; a stranger's stays unread
        old = [i.id for i in conversation.items if i.id in covered or (i.id in self._made and i.id != draft.id)]
        self._steps = {item_id: _Step(delete_item(item_id, event_id=self._new_id("event"))) for item_id in old}

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
            return self._fail(f"The summary could not be inserted ({reason})")
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
