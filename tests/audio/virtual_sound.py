"""A virtual microphone and speaker for machines without sound: a private PulseAudio with two null sinks."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

REPAIR = "apt-get install libportaudio2 pulseaudio pulseaudio-utils libasound2-plugins"
_ALSA = "</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n"


def missing() -> str:
    """Why there can be no virtual sound here; empty when there can."""
    lacking = [name for name in ("pulseaudio", "pactl", "parec") if shutil.which(name) is None]
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError):
        lacking.append("PortAudio")
    return f"no {', '.join(lacking)}: {REPAIR}" if lacking else ""


@contextmanager
def virtual_sound() -> Iterator[dict[str, str]]:
    """Environment variables that make PortAudio of a new process use the virtual devices."""
    with tempfile.TemporaryDirectory() as folder:
        socket = f"unix:{folder}/pulse.sock"
        config = Path(folder) / "alsa.conf"
        config.write_text(_ALSA, encoding="utf-8")
        environment = {
            **os.environ,
            "XDG_RUNTIME_DIR": folder,
            "PULSE_SERVER": socket,
            "PULSE_COOKIE": f"{folder}/cookie",
            "ALSA_CONFIG_PATH": str(config),
        }
        # norewinds: without it the first block arrives after seconds
        modules = [
            f"module-native-protocol-unix socket={folder}/pulse.sock auth-anonymous=1",
            "module-null-sink sink_name=spk rate=48000 norewinds=1",
            "module-null-sink sink_name=micfeed rate=48000 norewinds=1",
            "module-remap-source source_name=mic master=micfeed.monitor",
        ]
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes"]
        command += [word for module in modules for word in ("-L", module)]
        log = subprocess.DEVNULL
        server = subprocess.Popen(command, env={**environment, "HOME": folder}, stdout=log, stderr=log)
        try:
            _wait_until_it_answers(environment)
            for kind, name in (("sink", "spk"), ("source", "mic")):
                subprocess.run(["pactl", f"set-default-{kind}", name], env=environment, check=True)
            yield environment
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(5)
            server.kill()


def _wait_until_it_answers(environment: dict[str, str]) -> None:
    for _ in range(100):  # another program, with no event to await
        if subprocess.run(["pactl", "info"], env=environment, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError("PulseAudio did not start.")
