from __future__ import annotations

import ast
import inspect
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent

from realtime_helpers import WorkshopError
from realtime_helpers.simulator import faults as module
from realtime_helpers.simulator.event_types import CLIENT_EVENTS, SERVER_EVENTS
from realtime_helpers.simulator.faults import NO_FAULTS, Effect, Faults, Scenario, load_scenario, scenario_names

AUDIO = "response.output_audio.delta"


def scenario(*tables: str, seed: int = 0) -> Scenario:
    text = f'title = "t"\nseed = {seed}\n' + "".join(f"[[fault]]\n{table}\n" for table in tables)
    return Scenario.from_toml(text, "test.toml")


def faults(*tables: str, seed: int = 0, ordinal: int = 0) -> Faults:
    return Faults(scenario(*tables, seed=seed), random.Random(ordinal))


def built_in(name: str) -> Faults:
    return Faults(load_scenario(name), random.Random(0))


def strikes(table: str, occasions: int, **luck: int) -> str:
    """One mark per occasion: `x` where the transcript was struck."""
    hurt = faults(f'in = "transcript"\neffect = "missing"\n{table}', **luck)
    return "".join("x" if hurt.transcript() else "." for _ in range(occasions))


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [("", "xxxxxx"), ("after = 2", "..xxxx"), ("times = 2", "xx...."), ("after = 1\ntimes = 3", ".xxx.."),
     ("chance = 0", "......"), ("chance = 1.0", "xxxxxx")],
)  # fmt: skip
def test_selectors_let_some_occasions_pass(selectors: str, expected: str) -> None:
    assert strikes(selectors, 6) == expected


def test_a_chance_is_that_likely_and_times_counts_strikes_not_occasions() -> None:
    assert 220 < strikes("chance = 0.25", 1000).count("x") < 280
    assert strikes("chance = 0.25\ntimes = 3", 1000).count("x") == 3
    assert strikes("chance = 0.9\nafter = 500", 1000).startswith("." * 500)


def test_the_seed_and_the_connection_decide_and_repeat_every_chance() -> None:
    first = strikes("chance = 0.5", 100)
    assert strikes("chance = 0.5", 100) == first
    assert strikes("chance = 0.5", 100, seed=1) != first
    assert strikes("chance = 0.5", 100, ordinal=1) != first


def test_two_faults_alike_have_each_their_own_luck() -> None:
    one = 'in = "event"\neffect = "unknown"\nevent = "error"\nchance = 0.5'
    struck = [len(faults(one, one, ordinal=n).outgoing("error")) for n in range(100)]
    assert 1 in struck


def test_the_generator_of_the_connection_is_read_only_at_its_beginning() -> None:
    rng = random.Random(0)
    hurt = Faults(scenario('in = "response"\neffect = "failed"\nchance = 0.5'), rng)
    state = rng.getstate()
    for _ in range(20):
        hurt.response()
    assert rng.getstate() == state


QUESTIONS: dict[str, Callable[[Faults], object]] = {
    "transcript": Faults.transcript,
    "summary": Faults.summary,
    "audio": lambda hurt: hurt.outgoing(AUDIO),
    "text": lambda hurt: hurt.outgoing("response.output_text.delta"),
    "create": lambda hurt: hurt.request("conversation.item.create"),
    "delete": lambda hurt: hurt.request("conversation.item.delete"),
    "response": Faults.response,
}
EVERYWHERE = scenario(
    *(f'{fault}\nchance = 0.5\n{selectors}'
      for selectors in ("after = 1\ntimes = 4", "")
      for fault in (
          'in = "transcript"\neffect = "late"\ndelay_ms = 5',
          'in = "summary"\neffect = "empty"',
          f'in = "event"\neffect = "duplicated"\nevent = "{AUDIO}"',
          'in = "event"\neffect = "malformed"\nevent = "response.output_text.*"',
          'in = "request"\neffect = "refused"\nevent = "*.create"',
          'in = "request"\neffect = "refused"\nevent = "*.delete"',
          'in = "response"\neffect = "incomplete"',
      )),
)  # fmt: skip


@given(st.lists(st.sampled_from(sorted(QUESTIONS)), max_size=60), st.integers(0, 2**32))
def test_the_strikes_in_one_place_do_not_depend_on_questions_about_others(asked: list[str], ordinal: int) -> None:
    together = Faults(EVERYWHERE, random.Random(ordinal))
    mixed = [(question, QUESTIONS[question](together)) for question in asked]
    for question, ask in QUESTIONS.items():
        alone = Faults(EVERYWHERE, random.Random(ordinal))
        answers = [answer for other, answer in mixed if other == question]
        assert answers == [ask(alone) for _ in answers]


def test_the_first_fault_that_strikes_wins_and_the_next_keeps_its_strikes() -> None:
    hurt = faults(
        'in = "summary"\neffect = "rate_limited"\ntimes = 2',
        'in = "summary"\neffect = "server_error"\ntimes = 1',
        'in = "summary"\neffect = "slow"\ndelay_ms = 900\nafter = 4',
    )
    told = [hurt.summary() for _ in range(5)]
    assert [fault and fault.effect for fault in told] == ["rate_limited", "rate_limited", "server_error", None, "slow"]
    assert told[4] is not None
    assert told[4].delay_ms == 900


def test_all_faults_of_an_outgoing_event_strike_in_the_order_of_the_file() -> None:
    hurt = faults(
        'in = "event"\nevent = "response.*"\neffect = "delayed"\ndelay_ms = 20.5',
        f'in = "event"\nevent = "{AUDIO}"\neffect = "duplicated"\ntimes = 1',
        'in = "event"\nevent = "error"\neffect = "unknown"',
    )
    assert [fault.effect for fault in hurt.outgoing(AUDIO)] == ["delayed", "duplicated"]
    assert [fault.effect for fault in hurt.outgoing(AUDIO)] == ["delayed"]
    assert [fault.effect for fault in hurt.outgoing("error")] == ["unknown"]
    assert hurt.outgoing("session.created") == []


def test_only_matching_events_are_occasions() -> None:
    hurt = faults('in = "request"\nevent = "conversation.item.create"\neffect = "refused"\nafter = 1')
    assert hurt.request("conversation.item.create") is None
    assert hurt.request("conversation.item.delete") is None
    struck = hurt.request("conversation.item.create")
    assert struck is not None
    assert struck.effect == "refused"


def test_a_failed_response_has_a_code() -> None:
    for table, code in (("", "server_error"), ('code = "insufficient_quota"', "insufficient_quota")):
        struck = faults(f'in = "response"\neffect = "failed"\n{table}').response()
        assert struck is not None
        assert struck.code == code


def test_a_connection_takes_the_first_of_each_kind_and_chooses_once() -> None:
    slow = 'in = "connection"\neffect = "slow"\nup_ms = 40\ndown_ms = 0'
    hurt = faults(slow, 'in = "connection"\neffect = "expires"\nseconds = 2.5', slow.replace("40", "80"))
    assert (hurt.expires_s, hurt.up_ms, hurt.down_ms) == (2.5, 40, 0)
    lives = [faults('in = "connection"\neffect = "expires"\nseconds = 9\nchance = 0.5', ordinal=n) for n in range(100)]
    assert 30 < sum(life.expires_s is not None for life in lives) < 70


def test_without_faults_nothing_happens() -> None:
    calm = Faults(NO_FAULTS, random.Random(0))
    assert [ask(calm) for ask in QUESTIONS.values()] == [None, None, [], [], None, None, None]
    assert (calm.expires_s, calm.up_ms, calm.down_ms) == (None, 0, 0)


# -- reading ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "what", "allowed"),
    [
        ('effect = "late"\ndelay_ms = 1', "'in' is missing", "transcript, summary, event, request, response, conn"),
        ('in = "transcripts"\neffect = "late"', "'in' is 'transcripts'", "transcript, summary, event, request"),
        ('in = ["summary"]\neffect = "empty"', "'in' is ['summary']", "transcript, summary, event, request"),
        ('in = "transcript"', "'effect' is missing", "late, failed, missing"),
        ('in = "transcript"\neffect = "empty"', "in 'transcript': 'effect' is 'empty'", "late, failed, missing"),
        ('in = "transcript"\neffect = "late"', "'delay_ms' is missing", "in, effect, delay_ms, after, times, chance"),
        ('in = "transcript"\neffect = "late"\ndelay_ms = 1\ntime = 2', "'time' is not a key", "after, times, chance"),
        ('in = "transcript"\neffect = "failed"\ndelay_ms = 1', "'delay_ms' is not a key", "in, effect, after, times"),
        ('in = "transcript"\neffect = "failed"\nevent = "error"', "'event' is not a key", "in, effect, after, times"),
        ('in = "response"\neffect = "incomplete"\ncode = "x"', "'code' is not a key", "in, effect, after, times"),
        ('in = "response"\neffect = "failed"\ncode = ""', "'code' cannot be ''", "error code"),
        ('in = "transcript"\neffect = "late"\ndelay_ms = "6 s"', "'delay_ms' cannot be '6 s'", "milliseconds, from 0"),
        ('in = "transcript"\neffect = "late"\ndelay_ms = true', "'delay_ms' cannot be True", "milliseconds"),
        ('in = "transcript"\neffect = "late"\ndelay_ms = nan', "'delay_ms' cannot be nan", "milliseconds"),
        ('in = "transcript"\neffect = "late"\ndelay_ms = inf', "'delay_ms' cannot be inf", "milliseconds"),
        ('in = "transcript"\neffect = "late"\ndelay_ms = -1', "'delay_ms' cannot be -1", "milliseconds"),
        ('in = "summary"\neffect = "empty"\nafter = 1.5', "'after' cannot be 1.5", "a whole number, 0 or more"),
        ('in = "summary"\neffect = "empty"\ntimes = 0', "'times' cannot be 0", "a whole number, 1 or more"),
        ('in = "summary"\neffect = "empty"\nchance = 30', "'chance' cannot be 30", "from 0 to 1"),
        ('in = "connection"\neffect = "expires"\nseconds = 0', "'seconds' cannot be 0", "more than 0"),
        ('in = "connection"\neffect = "slow"\nup_ms = 1', "'down_ms' is missing", "up_ms, down_ms"),
        ('in = "connection"\neffect = "expires"\nseconds = 9\nafter = 1', "a connection begins once", "chance"),
        ('in = "event"\neffect = "unknown"', "'event' is missing", "in, effect, event"),
        ('in = "event"\neffect = "unknown"\nevent = 3', "'event' cannot be 3", "response.*"),
        ('in = "event"\neffect = "unknown"\nevent = "response.audio.delta"', "no event is called", AUDIO),
        ('in = "request"\neffect = "refused"\nevent = "response.done"', "no event is called", "response.create"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(table: str, what: str, allowed: str) -> None:
    with pytest.raises(WorkshopError) as caught:
        scenario('in = "summary"\neffect = "empty"', table)
    assert caught.value.what.startswith("test.toml, fault 2")
    assert what in caught.value.what
    assert allowed in caught.value.next_step


@pytest.mark.parametrize(
    ("text", "what", "next_step"),
    [
        ("seed = 1", "'title' is missing", "title, seed, fault"),
        ('title = "t"\n[[faults]]\nin = "summary"', "'faults' is not a key", "title, seed, fault"),
        ('title = "t"\n[fault]\nin = "summary"\neffect = "empty"', "not a list of tables", "[[fault]]"),
        ("title = 3", "'title' cannot be 3", "a text in quotes"),
        ('title = "t"\nseed = "x"', "'seed' cannot be 'x'", "a whole number"),
        ('title = "t"\nseed = true', "'seed' cannot be True", "a whole number"),
        ('title = "t', "not valid TOML", "docs/faults.md"),
    ],
)
def test_what_is_wrong_with_the_whole_file_is_named_too(text: str, what: str, next_step: str) -> None:
    with pytest.raises(WorkshopError) as caught:
        Scenario.from_toml(text, "mine.toml")
    assert caught.value.what.startswith("mine.toml")
    assert what in caught.value.what
    assert next_step in caught.value.next_step


def test_a_file_is_read_even_when_notepad_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b'\xef\xbb\xbftitle = "Mine"\r\n[[fault]]\r\nin = "summary"\r\neffect = "empty"\r\n')
    assert load_scenario(str(path)).title == "Mine"


def test_a_file_that_cannot_be_read_is_named_with_those_that_can(tmp_path: Path) -> None:
    odd = tmp_path / "odd.toml"
    odd.write_bytes(b"title = \xff")
    for path, why in ((tmp_path / "none.toml", "No such file"), (odd, "not UTF-8")):
        with pytest.raises(WorkshopError, match=rf"{path.name} cannot be read: .*{why}.*late-transcripts"):
            load_scenario(str(path))


@pytest.mark.parametrize("name", ["late-transcript", "../scenarios/deaf", "", "deaf/"])
def test_an_unknown_name_names_those_there_are(name: str) -> None:
    with pytest.raises(WorkshopError, match=rf"no scenario '{name}'.*late-transcripts.*\.toml"):
        load_scenario(name)


def test_the_event_types_are_those_of_the_sdk() -> None:
    for known, union in ((CLIENT_EVENTS, RealtimeClientEvent), (SERVER_EVENTS, RealtimeServerEvent)):
        models = get_args(get_args(union)[0])
        assert sorted(known) == sorted(get_args(model.model_fields["type"].annotation)[0] for model in models)


def test_the_decisions_know_neither_loop_nor_clock() -> None:
    tree = list(ast.walk(ast.parse(inspect.getsource(module))))
    names = {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in tree if isinstance(node, ast.ImportFrom) and node.module}
    assert "fnmatch" in names, "the imports were found"
    assert not names & {"asyncio", "time", "datetime", "socket", "threading"}


# -- the built-in scenarios -------------------------------------------------------------------------------


def effects(ask: Callable[[], object], occasions: int) -> list[str | None]:
    return [getattr(ask(), "effect", None) for _ in range(occasions)]


@pytest.mark.parametrize("name", scenario_names())
def test_every_built_in_scenario_explains_itself_and_hurts(name: str) -> None:
    text = (Path(module.__file__).parent / "scenarios" / f"{name}.toml").read_text(encoding="utf-8")
    comments = [line for line in text.splitlines() if line.startswith("# ")]
    assert comments[0].startswith("# In real life: ")
    assert any("Watch: " in line for line in comments)
    assert load_scenario(name).title
    assert load_scenario(name).faults


def test_late_failed_and_missing_transcripts() -> None:
    late = built_in("late-transcripts").transcript()
    assert late is not None
    assert (late.effect, late.delay_ms) == ("late", 6000)
    assert effects(built_in("deaf").transcript, 20) == ["missing"] * 20
    failed = effects(built_in("failed-transcripts").transcript, 200)
    assert set(failed) == {"failed", None}
    assert 70 < failed.count("failed") < 130


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("busy-summariser", ["rate_limited", "rate_limited", None, None]),
        ("broken-summariser", ["server_error"] * 4),
        ("silent-summariser", ["timeout"] * 4),
        ("empty-summary", ["empty"] * 4),
        ("answering-summariser", ["answers"] * 4),
    ],
)
def test_summarisers_that_do_not_summarise(name: str, expected: list[str | None]) -> None:
    assert effects(built_in(name).summary, 4) == expected


@pytest.mark.parametrize("delta", [AUDIO, "response.output_text.delta"])
def test_the_dropped_line_is_cut_once_while_a_reply_is_under_way(delta: str) -> None:
    hurt = built_in("dropped-line")
    assert hurt.outgoing("response.created") == []
    cuts = [index for index in range(200) if hurt.outgoing(delta)]
    assert cuts == [40]
    assert hurt.outgoing("response.done") == []


def test_refused_edits_strike_creates_and_deletes_and_spare_the_rest() -> None:
    hurt = built_in("refused-edits")
    for edit in ("conversation.item.create", "conversation.item.delete"):
        refused = [hurt.request(edit) is not None for _ in range(200)]
        assert 30 < sum(refused) < 90
    assert not any(hurt.request("response.create") for _ in range(200))


def test_the_noisy_wire_has_every_noise_and_never_loses_the_end_of_a_response() -> None:
    hurt = built_in("noisy-wire")
    kinds = (AUDIO, "conversation.item.added", "response.done")
    heard = {kind: [fault.effect for _ in range(500) for fault in hurt.outgoing(kind)] for kind in kinds}
    assert set(heard[AUDIO]) == {"delayed", "malformed", "unknown"}
    assert set(heard["conversation.item.added"]) == {"duplicated", "unknown"}
    assert set(heard["response.done"]) == {"delayed", "unknown"}
    assert all(len(noises) < 100 for noises in heard.values())


def test_the_second_reply_fails_and_the_third_is_filtered() -> None:
    hurt = built_in("failing-reply")
    told = [hurt.response() for _ in range(5)]
    assert [fault and fault.effect for fault in told] == [None, "failed", "incomplete", None, None]
    assert told[1] is not None
    assert told[1].code == "rate_limit_exceeded"


def test_short_sessions_and_slow_networks() -> None:
    assert built_in("short-session").expires_s == 60
    slow = built_in("slow-network")
    assert (slow.up_ms, slow.down_ms) == (150, 150)


def test_the_page_lists_every_scenario_and_effect_and_its_examples_load() -> None:
    page = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert [len(Scenario.from_toml(example, "docs/faults.md").faults) for example in examples] == [3, 1]
    tables = [line for line in page.splitlines() if line.startswith("|")]
    for word in [*scenario_names(), *get_args(Effect)]:
        assert any(f"| `{word}` |" in line for line in tables), word
