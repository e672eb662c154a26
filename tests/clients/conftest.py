"""A simulator as its users start it, and the sentences that are spoken to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from realtime_helpers.audio.formats import silence
from realtime_helpers.speech import Voice

PATIENCE_S = 30.0
_PAUSE = silence(5_000)  # semantic VAD may wait 4 s before it takes a turn for ended


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """`realtime-workshop serve` in a process of its own; gives its base URL."""
    command = [sys.executable, "-m", "tests.checked_simulator", "serve", "--port", "0", "--pace", "realtime", "--leash"]
    pipe = subprocess.PIPE
    process = subprocess.Popen([*command, *options], stdin=pipe, stdout=pipe, text=True, encoding="utf-8")
    try:
        assert process.stdout is not None
        ready = process.stdout.readline().split()
        assert ready[:1] == ["ready"], "the simulator's complaint is on standard error"
        yield ready[1]
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    """`http://127.0.0.1:PORT/v1`."""
    with serving() as url:
        yield url


@dataclass(frozen=True)
class SecureServer:
    """A simulator behind TLS.

    Attributes:
        base_url: `https://127.0.0.1:PORT/v1`.
        authority: Certificate (PEM) of the authority that a client has to trust.
    """

    base_url: str
    authority: Path


@pytest.fixture(scope="session")
def secure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureServer]:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key, trusted = folder / "certificate.pem", folder / "key.pem", folder / "authority.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(trusted)
    with serving("--tls-cert", str(certificate), "--tls-key", str(key)) as url:
        yield SecureServer(url, trusted)


@dataclass(frozen=True)
class Clips:
    """Spoken sentences, PCM16 24 kHz, each with the silence that ends a turn."""

    how_are_you: bytes
    weather: bytes


@pytest.fixture(scope="session")
def clips() -> Iterator[Clips]:
    voice = Voice()
    try:
        yield Clips(
            how_are_you=voice.speak("How are you today?").pcm + _PAUSE,
            weather=voice.speak("What is the weather in Lisbon?").pcm + _PAUSE,
        )
    finally:
        voice.close()
