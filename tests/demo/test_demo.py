"""The demo as a person runs it: a process, a terminal, a folder."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from realtime_helpers import WorkshopError
from realtime_helpers.demo.child import running_simulator

DEMO = [sys.executable, "-m", "tests.checked_simulator"]
TIMEOUT_S = 100


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*DEMO, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"},
    )


@pytest.fixture
def served() -> Iterator[tuple[subprocess.Popen[str], str]]:
    server = start("serve", "--port", "0")
    assert server.stdout is not None
    ready = server.stdout.readline()
    assert ready.startswith("ready http://127.0.0.1:")
    yield server, ready.split()[1]
    server.kill()
    server.communicate()


def test_the_demo_holds_what_it_claims_and_saves_it(tmp_path: Path) -> None:
    result = run("demo", "--silent", "--output", str(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    last = result.stdout.strip().splitlines()[-1]
    match = re.fullmatch(r"demo: turns=(\d+) summaries=(\d+) window=(\d+)->(\d+) lost=0", last)
    assert match, last
    turns, summaries, before, after = map(int, match.groups())
    assert turns >= 8
    assert summaries >= 1
    assert after < before

    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    sent = [e["event"] for e in events if e["direction"] == "sent"]
    received = [e["event"] for e in events if e["direction"] == "received"]
    heard = {e["item_id"]: e["transcript"] for e in received if e["type"].endswith("transcription.completed")}
    users = [e["item"] for e in received if e["type"] == "conversation.item.added" and e["item"].get("role") == "user"]
    assert len(users) == turns
    for user in users:
        assert user["content"] == [{"type": "input_audio", "transcript": None}], "spoken, not typed"
        assert heard[user["id"]], "and heard"
    assert not any(e["type"] == "conversation.item.create" and e["item"].get("role") == "user" for e in sent)

    order = [
        (e["direction"], e["event"]["type"], e["event"].get("item_id") or e["event"].get("item", {}).get("id"))
        for e in events
    ]
    record = json.loads((tmp_path / "conversation.json").read_text(encoding="utf-8"))
    summary = record["summaries"][0]
    acknowledged = order.index(("received", "conversation.item.added", summary["id"]))
    for item_id in summary["covers"]:
        assert acknowledged < order.index(("sent", "conversation.item.delete", item_id))
        assert ("received", "conversation.item.deleted", item_id) in order
    insert = next(e for e in sent if e["type"] == "conversation.item.create")
    assert (insert["item"]["role"], insert["previous_item_id"]) == ("system", "root")

    said = [item for turn in record["turns"] for item in turn["items"]]
    assert all(item["on_server"] or item["covered_by"] for item in said)
    recording = soundfile.info(tmp_path / "conversation.wav")
    assert recording.channels == 2
    assert recording.duration > 40


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL: run it on Linux or macOS")
def test_a_simulator_killed_in_the_middle_is_one_error_and_what_was_said_is_saved(
    tmp_path: Path, served: tuple[subprocess.Popen[str], str]
) -> None:
    server, url = served
    demo = start("demo", "--silent", "--url", url, "--output", str(tmp_path))
    assert demo.stdout is not None
    shown = ""
    while " 3 you" not in shown:
        line = demo.stdout.readline()
        assert line, demo.communicate()
        shown += line
    server.send_signal(signal.SIGKILL)
    killed_at = time.monotonic()
    _, complaint = demo.communicate(timeout=20)
    assert time.monotonic() - killed_at < 5
    assert demo.returncode == 1
    assert "was lost" in complaint
    assert "Traceback" not in complaint
    record = json.loads((tmp_path / "conversation.json").read_text(encoding="utf-8"))
    assert record["turns"][2]["items"][0]["text"] == "my dog is called biscuit"
    assert soundfile.info(tmp_path / "conversation.wav").duration > 20


def test_a_simulator_on_a_leash_ends_with_the_process_that_started_it() -> None:
    command = [*DEMO, "serve", "--port", "0", "--leash"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    assert server.stdout is not None
    assert server.stdin is not None
    assert server.stdout.readline().startswith("ready ")
    server.stdin.close()
    assert server.wait(10) == 0
    server.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGTERM: run it on Linux or macOS")
def test_a_simulator_on_a_leash_ends_quietly_when_asked_to() -> None:
    server = subprocess.Popen(
        [*DEMO, "serve", "--port", "0", "--leash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    assert server.stdout is not None
    assert server.stdout.readline().startswith("ready ")
    server.send_signal(signal.SIGTERM)
    server.wait(10)
    _, complaint = server.communicate()
    assert (server.returncode, complaint) == (0, "")


def test_a_taken_port_is_one_sentence_with_another_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run("serve", "--port", str(taken.getsockname()[1]))
    assert result.returncode == 1
    assert "already in use" in result.stderr
    assert re.search(r"realtime-workshop serve --port \d+", result.stderr)
    assert "Traceback" not in result.stderr


def test_an_unreadable_clip_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "01.wav").write_bytes(b"no sound at all")
    result = run("demo", "--clips", str(tmp_path), "--output", str(tmp_path / "out"))
    assert result.returncode == 1
    assert "01.wav cannot be read as sound" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_wrong_key_is_one_sentence(tmp_path: Path) -> None:
    environment = {**os.environ, "REALTIME_SIMULATOR_KEY": "right"}
    command = [*DEMO, "serve", "--port", "0", "--require-key"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().split()[1]
        result = run("demo", "--silent", "--url", url, "--output", str(tmp_path), REALTIME_SIMULATOR_KEY="wrong")
    finally:
        server.kill()
        server.communicate()
    assert result.returncode == 1
    assert "refused the API key" in result.stderr
    assert "REALTIME_SIMULATOR_KEY" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["demo", "--backend", "openai"], "OPENAI_API_KEY"),
        (["serve", "--require-key"], "REALTIME_SIMULATOR_KEY"),
        (["lab", "--folder", "no-such-folder"], "no folder"),
        (["demo", "--clips", "no-such-folder"], "no folder"),
    ],
)
def test_what_is_missing_is_named(arguments: list[str], expected: str, tmp_path: Path) -> None:
    result = run(*arguments, OPENAI_API_KEY="", REALTIME_SIMULATOR_KEY="")
    assert result.returncode == 1
    assert expected in result.stderr
    assert "Traceback" not in result.stderr


def test_the_doctor_says_what_works(tmp_path: Path) -> None:
    result = run("doctor")
    assert result.returncode == 0, result.stdout
    told = " ".join(result.stdout.split())  # where lines break depends on what else there is to tell
    assert "voice and recogniser said 'how are you today', heard 'how are you today'" in told


def test_a_simulator_that_cannot_start_says_why() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(WorkshopError, match="already in use"), running_simulator(taken.getsockname()[1]):
            pass
