"""Kernels of other versions beside the installed one: each notebook test can say on which it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

VERSIONS = ("6.31.0", "7.1.0", "7.4.0")
"""The kernels that differ: callbacks on the main thread, on a subshell, and on either."""
INSTALL_PATIENCE_S = 60.0


def install_kernel(version: str, data_dir: Path) -> str:
    """Put `ipykernel==version` before the installed one, in a kernel that Jupyter finds in `data_dir`.

    Its needs are those of the installed one, so only the package itself is fetched.

    Returns:
        The kernel's name.

    Raises:
        CannotInstallError: There is no network, most likely.
    """
    name = f"ipykernel-{version}"
    packages = data_dir / "packages" / name
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps"]
    done = subprocess.run(
        [*pip, "--target", str(packages), f"ipykernel=={version}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=INSTALL_PATIENCE_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CannotInstallError(
            f"pip could not install ipykernel {version} ({done.stdout.strip().splitlines()[-1:]}). "
            "With a network, run these tests again."
        )
    path = os.pathsep.join(filter(None, (str(packages), os.environ.get("PYTHONPATH"))))
    kernel = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
        "env": {"PYTHONPATH": path},
    }
    spec = data_dir / "kernels" / name / "kernel.json"
    spec.parent.mkdir(parents=True, exist_ok=True)
    spec.write_text(json.dumps(kernel), encoding="utf-8")
    return name


class CannotInstallError(Exception):
    """The message says why, and what to do."""
