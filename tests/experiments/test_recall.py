"""Planted facts: who still knows them, and that asking leaves no trace."""

from __future__ import annotations

import asyncio

import pytest

from realtime_helpers.errors import SettingsError
from realtime_helpers.experiments.lab import lab_parts
from realtime_helpers.experiments.recall import FACTS, RecallPlan, RecallReport, recall, recall_table
from realtime_helpers.experiments.virtual_time import VirtualTimeLoop
from realtime_helpers.simulator import Parts
from realtime_helpers.simulator.facts import asked_subject, find_facts


@pytest.fixture(scope="module")
def report(parts: Parts) -> RecallReport:
    own = lab_parts(parts.voice, parts.ears)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(recall(RecallPlan(checkpoints=(1, 2)), own))


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.answer)
def test_the_builtin_rules_understand_a_fact_and_its_question(fact: object) -> None:
    assert len(find_facts(fact.told)) == 1
    assert asked_subject(fact.asked)
    assert len({other.answer for other in FACTS}) == len(FACTS)


def test_a_summary_keeps_all_facts_in_a_fraction_of_the_window(report: RecallReport) -> None:
    for policy in ("summary", "tiers", "never"):
        assert [at.recalled for at in report.of(policy)] == [10, 10]
    summary, tiers, never = (report.of(policy)[-1] for policy in ("summary", "tiers", "never"))
    assert summary.window_tokens < tiers.window_tokens < never.window_tokens / 2
    assert [at.summaries for at in report.of("summary")] == [1, 2]
    assert summary.input_tokens < never.input_tokens


def test_truncation_at_the_same_window_forgets_what_was_told_first(report: RecallReport) -> None:
    first, second = report.of("server_truncation")
    assert second.recalled < first.recalled < 10
    assert second.window_tokens <= 2_000 + 200  # instructions and the question stand beside the limit
    assert first.summaries == second.summaries == 0


def test_all_are_asked_after_the_same_turns_and_asking_leaves_no_trace(report: RecallReport, parts: Parts) -> None:
    assert {tuple(at.turns for at in report.of(policy)) for policy in ("summary", "tiers", "never")} == {
        tuple(at.turns for at in report.of("server_truncation"))
    }
    own = lab_parts(parts.voice, parts.ears)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        asked_once = runner.run(recall(RecallPlan(checkpoints=(2,)), own))
    for at in asked_once.checkpoints:
        assert at == report.of(at.policy)[-1]


def test_rows_and_table_hold_every_checkpoint(report: RecallReport) -> None:
    rows = report.as_rows()
    assert len(rows) == 8
    assert rows[0]["policy"] == "summary"
    assert rows[0]["recalled"] == rows[0]["asked"] == 10
    assert rows[0]["input_text"] + rows[0]["input_audio"] == rows[0]["input_tokens"] > rows[0]["cached_audio"] > 0
    assert recall_table(report).row_count == 8


@pytest.mark.parametrize("checkpoints", [(), (2, 1), (0, 1), (1, 1)])
def test_checkpoints_must_rise(checkpoints: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match="rise"):
        RecallPlan(checkpoints=checkpoints)
