"""JupyterHub for one class on one machine, with one simulator for all. Tried by `deploy/try_jupyterhub.py`.

    pip install -e '.[simulator,audio,lab]' 'jupyterhub>=6' && npm install -g configurable-http-proxy
    CLASS_PASSWORD=... jupyterhub -f deploy/jupyterhub_config.py

Everybody who knows the password takes any name, and all notebooks run as the user who starts the hub: right for a
workshop room among people who trust each other, and for nothing else. Elsewhere choose an authenticator and a spawner
that keep people apart (DockerSpawner, KubeSpawner); what is said below about the simulator stays the same.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyterhub.spawner import SimpleLocalProcessSpawner

LEARNERS = int(os.environ.get("CLASS_LEARNERS", "30"))
FOLDER = Path(os.environ.get("CLASS_FOLDER", "class")).resolve()
HUB_PORT = int(os.environ.get("CLASS_HUB_PORT", "8000"))
SIMULATOR_PORT = int(os.environ.get("CLASS_SIMULATOR_PORT", "8765"))
MEMORY_BYTES = 3 * 1024**3
COURSE = Path(__file__).resolve().parents[1] / "notebooks"

simulator_key = os.environ.get("REALTIME_SIMULATOR_KEY") or secrets.token_hex(16)
teacher_token = os.environ.get("REALTIME_TEACHER_TOKEN") or secrets.token_urlsafe(12)
(FOLDER / ".hub").mkdir(parents=True, exist_ok=True)
token_file = FOLDER / ".hub" / "teacher_token"  # not printed: what a service prints ends up in the hub's log
token_file.touch(mode=0o600)
token_file.write_text(teacher_token + "\n", encoding="utf-8")

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821 - JupyterHub puts it here


class Learner(SimpleLocalProcessSpawner):  # type: ignore[misc]
    """A notebook server with a folder, a copy of the course and an end to its memory."""

    home_dir_template = str(FOLDER / "{username}")

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        """What the new process does before it becomes the server. Linux and macOS."""
        import resource

        go_home = super().make_preexec_fn(name)

        def prepare() -> None:
            go_home()
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))  # for each process of theirs

        return prepare


def hand_out_notebooks(spawner: Learner) -> None:
    """Copy the course once; what a learner has changed stays."""
    mine = FOLDER / spawner.user.name / "notebooks"
    if not mine.exists():
        shutil.copytree(COURSE, mine, ignore=shutil.ignore_patterns("source", ".ipynb_checkpoints"))


c.JupyterHub.bind_url = f"http://:{HUB_PORT}"
c.JupyterHub.db_url = f"sqlite:///{FOLDER / '.hub' / 'hub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(FOLDER / ".hub" / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(FOLDER / ".hub" / "proxy.pid")
c.JupyterHub.active_server_limit = LEARNERS + 2  # the teacher, and one to spare
c.JupyterHub.concurrent_spawn_limit = 10  # thirty servers that start in the same second are slower than in turn

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["CLASS_PASSWORD"]
c.Authenticator.allow_all = True

c.JupyterHub.spawner_class = Learner
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = [
    *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    "--MappingKernelManager.cull_idle_timeout=3600",  # a forgotten kernel keeps half a gigabyte
]
c.Spawner.default_url = "/lab/tree/notebooks"
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
c.Spawner.pre_spawn_hook = hand_out_notebooks
c.Spawner.environment = {
    "REALTIME_SIMULATOR_URL": f"http://127.0.0.1:{SIMULATOR_PORT}/v1",
    "REALTIME_SIMULATOR_KEY": simulator_key,
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}  # JUPYTERHUB_USER is set by the hub: it is the name on the teacher's overview

c.JupyterHub.services = [{
    "name": "simulator",
    "command": [
        sys.executable, "-m", "realtime_helpers", "serve", "--class", str(LEARNERS), "--port", str(SIMULATOR_PORT),
    ],
    "environment": {"REALTIME_SIMULATOR_KEY": simulator_key, "REALTIME_TEACHER_TOKEN": teacher_token},
}]  # fmt: skip
