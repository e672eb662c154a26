"""What is still known after many summaries: planted facts, asked for without a trace in the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from ..audio.sinks import SilentSink
from ..conversation import PRICES, Usage, cost_usd
from ..errors import SettingsError
from ..memory import SummaryPolicy
from ..options import RetentionRatio, SessionOptions
from ..protocol import user_text
from ..session import Snapshot
from ..session.live import LiveSession
from ..simulator import PACES
from .lab import SETTINGS, LabParts, LabUser, MemoryService, lab_config, lab_parts, lab_session
from .talk import Talker
from .virtual_time import VirtualTimeLoop


@dataclass(frozen=True)
class Planted:
    """A fact: how it is told, how it is asked for, and what the answer must hold."""

    told: str
    asked: str
    answer: str


FACTS = (
    Planted("My dog is called Biscuit.", "What is my dog called?", "Biscuit"),
    Planted("I live in Lisbon.", "Where do I live?", "Lisbon"),
    Planted("I am allergic to peanuts.", "What am I allergic to?", "peanuts"),
    Planted("My sister is called Ruby.", "What is my sister called?", "Ruby"),
    Planted("My favourite colour is green.", "What is my favourite colour?", "green"),
    Planted("My birthday is on the ninth of May.", "What is my birthday?", "ninth of May"),
    Planted("I work as a baker.", "What is my job?", "baker"),
    Planted("I play the cello.", "What instrument do I play?", "cello"),
    Planted("I come from Norway.", "Where do I come from?", "Norway"),
    Planted("My locker number is 417.", "What is my locker number?", "417"),
)
"""Told one a turn, before anything else. The built-in responder and summariser understand all of them."""


@dataclass(frozen=True)
class Contender:
    """A way to keep a conversation small, or not to.

    Attributes:
        memory: See `RealtimeSession`.
        options: How its session behaves.
    """

    name: str
    memory: SummaryPolicy | None = None
    options: SessionOptions = SessionOptions()  # noqa: RUF009 - immutable


@dataclass(frozen=True)
class RecallPlan:
    """What to compare.

    Attributes:
        checkpoints: After how many summaries of the policy `summary` to ask; the others are asked at the same turns.
        trigger_tokens: Trigger of the summaries, and limit of the server's truncation.
        keep_turns: See `SummaryPolicy`.

    Raises:
        SettingsError: Checkpoints that do not rise.
    """

    checkpoints: tuple[int, ...] = (1, 2, 5, 20)
    trigger_tokens: int = 2_000
    keep_turns: int = 2

    def __post_init__(self) -> None:
        if not self.checkpoints or list(self.checkpoints) != sorted({*self.checkpoints} - {0}):
            raise SettingsError(f"The checkpoints {self.checkpoints} do not rise.", "Use numbers such as 1, 2, 5, 20.")

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """`summary` first: it says at which turns the others are asked."""
        truncating = SessionOptions(truncation=RetentionRatio(ratio=0.8, tokens=self.trigger_tokens))
        return (
            Contender("summary", SummaryPolicy(self.trigger_tokens, self.keep_turns)),
            Contender(
                "tiers", SummaryPolicy(self.trigger_tokens, self.keep_turns, verbatim_tokens=self.trigger_tokens / 4)
            ),
            Contender("server_truncation", options=truncating),
            Contender("never"),
        )


@dataclass(frozen=True)
class Checkpoint:
    """What was known at one moment, and what the conversation had cost until then. Probes are not counted.

    Attributes:
        policy: Name of the contender.
        turns: Turns until then.
        summaries: Summaries until then.
        recalled: Facts that were known.
        asked: Facts that were asked for.
        window_tokens: What a question asked now reads: instructions, window and question.
        input_per_response: Mean input tokens of the responses until then.
        input_tokens: Input tokens of all responses.
        cost_usd: All responses at list prices; the writer of the summaries is not counted.
        usage: Tokens of all responses.
    """

    policy: str
    turns: int
    summaries: int
    recalled: int
    asked: int
    window_tokens: int
    input_per_response: float
    input_tokens: int
    cost_usd: float
    usage: Usage


@dataclass(frozen=True)
class RecallReport:
    """All checkpoints, contender by contender."""

    checkpoints: tuple[Checkpoint, ...]

    def as_rows(self) -> list[dict[str, Any]]:
        """Plain data, for JSON or a data frame."""
        rows = [asdict(checkpoint) for checkpoint in self.checkpoints]
        return [{**row, **row.pop("usage")} for row in rows]

    def of(self, policy: str) -> list[Checkpoint]:
        """The checkpoints of one contender."""
        return [checkpoint for checkpoint in self.checkpoints if checkpoint.policy == policy]


def run_recall(plan: RecallPlan, console: Console) -> RecallReport:
    """Run it, with a word on what is going on for people who watch."""
    parts = lab_parts()
    try:
        with console.status("") as status, asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(recall(plan, parts, tell=lambda name, turns: status.update(f"{name}: {turns} turns")))
    finally:
        parts.close()


async def recall(
    plan: RecallPlan, parts: LabParts, *, tell: Callable[[str, int], object] = lambda _name, _turns: None
) -> RecallReport:
    """Hold the same conversation with each contender, and ask at the checkpoints.

    Args:
        plan: What to compare.
        parts: The simulator's voice and ears.
        tell: Called after each turn with the contender's name and the number of turns.
    """
    leader, *others = plan.contenders
    found = await hold(leader, parts, plan.checkpoints, "summaries", tell)
    for contender in others:
        found += await hold(contender, parts, [checkpoint.turns for checkpoint in found[: len(plan.checkpoints)]],
                             "turns", tell)  # fmt: skip
    return RecallReport(tuple(found))


async def hold(
    contender: Contender,
    parts: LabParts,
    marks: Sequence[int],
    by: Literal["summaries", "turns"],
    tell: Callable[[str, int], object] = lambda _name, _turns: None,
) -> list[Checkpoint]:
    """One conversation, asked when so many summaries or turns have passed.

    Args:
        contender: How it is kept small.
        parts: The simulator's voice and ears.
        marks: After how many summaries or turns to ask; they rise.
        by: Which of the two.
        tell: See `recall`.
    """
    service, user = MemoryService(lab_config(parts, PACES["fast"])), LabUser()
    session = lab_session(service, memory=contender.memory, options=contender.options)
    talker = Talker(session, user, parts)
    session.start(user, SilentSink())
    found: list[Checkpoint] = []
    facts = iter(FACTS)
    try:
        while len(found) < len(marks):
            fact = next(facts, None)
            now = await (talker.chat() if fact is None else talker.say(fact.told))
            tell(contender.name, talker.turns)
            passed = len(now.summaries) if by == "summaries" else talker.turns
            if passed >= marks[len(found)]:
                told = FACTS[: talker.turns]
                answers = [await _ask(session, service, fact.asked) for fact in told]
                recalled = sum(fact.answer in text for fact, (text, _) in zip(told, answers, strict=True))
                found.append(_checkpoint(contender.name, now, recalled, len(told), answers[-1][1]))
    finally:
        await session.stop()
    return found


def _checkpoint(policy: str, now: Snapshot, recalled: int, asked: int, window_tokens: int) -> Checkpoint:
    responses = [entry.usage for entry in now.responses if not entry.out_of_band]
    total = sum(responses, Usage())
    return Checkpoint(
        policy, len(now.turns), len(now.summaries), recalled, asked, window_tokens,
        total.input_tokens / len(responses), total.input_tokens, cost_usd(total, PRICES[SETTINGS.model]), total,
    )  # fmt: skip


async def _ask(session: LiveSession, service: MemoryService, question: str) -> tuple[str, int]:
    """What the model would answer, and the input tokens of that, without telling the conversation (reference §3.7).

    An answer in the conversation would put the fact back into the window. Which items the next response would read is
    only known to the laboratory: a server does not tell what its truncation has left out.
    """
    window = [item.id for item in service.line.session.conversation.items if item.is_in_window]
    references = [{"type": "item_reference", "id": item_id} for item_id in window]
    response = await session.ask({"output_modalities": ["text"], "input": [*references, user_text(question)]})
    return response["output"][0]["content"][0]["text"], response["usage"]["input_tokens"]


def recall_table(report: RecallReport) -> Table:
    """The report for a terminal."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("policy", no_wrap=True)
    for name in ("turns", "summaries", "recall", "window", "input/reply", "input", "cost"):
        table.add_column(name, justify="right")
    for at in report.checkpoints:
        table.add_row(
            at.policy, f"{at.turns}", f"{at.summaries}", f"{at.recalled}/{at.asked}", f"{at.window_tokens:,}",
            f"{at.input_per_response:,.0f}", f"{at.input_tokens:,}", f"${at.cost_usd:.3f}",
        )  # fmt: skip
    return table


MEANING = """\
This measures the mechanics of context: which facts are still in the window word for word, and which the built-in \
summariser kept; it picks sentences out and puts facts first. Whether a model uses what it reads, and how well one \
that rewords keeps facts, only a real model can show. Tokens follow the documented rules; costs are list prices."""
