"""A virtual microphone and speaker for machines without sound: a private PulseAudio with two null sinks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from realtime_helpers.audio.formats import BYTES_PER_MS, samples_from_pcm

_CONTROL = """
import sys, threading, time
from realtime_helpers.audio.priority import become_a_sound_process
become_a_sound_process()
print(flush=True)
end, worst_s = threading.Event(), 0.0
def until_told():
    sys.stdin.read()
    end.set()
threading.Thread(target=until_told, daemon=True).start()
while not end.is_set():
    began_s = time.monotonic()
    time.sleep(0.005)
    worst_s = max(worst_s, time.monotonic() - began_s - 0.005)
print(worst_s * 1000)
"""
"""A process with the priority of a device's, which does nothing but measure how late it gets its turn."""

REPAIR = "apt-get install libportaudio2 pulseaudio pulseaudio-utils libasound2-plugins"
_ALSA = """</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
pcm.loudspeaker { type pulse device "spk" hint { show on description "loudspeaker" } }
pcm.desk { type pulse device "mic" hint { show on description "desk" } }
"""


def missing() -> str:
    """Why there can be no virtual sound here; empty when there can."""
    lacking = [name for name in ("pulseaudio", "pactl", "parec", "pacat") if shutil.which(name) is None]
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError):
        lacking.append("PortAudio")
    return f"no {', '.join(lacking)}: {REPAIR}" if lacking else ""


@dataclass
class Recording:
    """What was played, and when. `samples` goes from -1 to 1 at 24 kHz; sample 0 sounded at `began_s`.

    `late_ms`: how late a process with the priority of a device got its turn meanwhile, the fault of the machine.
    """

    pcm: bytes = b""
    began_s: float = 0.0
    late_ms: float = 0.0

    @property
    def samples(self) -> npt.NDArray[np.float32]:
        return samples_from_pcm(self.pcm)

    def after(self, moment_s: float) -> npt.NDArray[np.float32]:
        """Samples from a moment of the monotonic clock on."""
        return self.samples[max(0, round((moment_s - self.began_s) * 24_000)) :]


class VirtualSound:
    """A private PulseAudio: what is played is heard by `recording`, what is said by `say` comes from the microphone.

    Attributes:
        environment: Variables that make PortAudio of a new process use it.
        server: The process.
    """

    def __init__(self, environment: dict[str, str], server: subprocess.Popen[bytes]) -> None:
        self.environment = environment
        self.server = server

    def say(self, pcm: bytes) -> threading.Thread:
        """Speak into the microphone; the thread ends when it was said."""

        def speak() -> None:
            command = ["pacat", "--playback", "--device=micfeed", "--rate=24000", "--channels=1", "--format=s16le"]
            subprocess.run(command, env=self.environment, input=pcm, check=False)

        speaking = threading.Thread(target=speak, daemon=True)
        speaking.start()
        return speaking

    @contextmanager
    def saying_on(self, pcm: bytes) -> Iterator[None]:
        """Say something over and over; it sounds when this is entered."""
        command = ["pacat", "--playback", "--device=micfeed", "--rate=24000", "--channels=1", "--format=s16le"]
        speaking = subprocess.Popen(command, env=self.environment, stdin=subprocess.PIPE)
        ended = threading.Event()

        def feed() -> None:
            assert speaking.stdin is not None
            with suppress(OSError):
                while not ended.is_set():
                    speaking.stdin.write(pcm)
            with suppress(OSError):
                speaking.stdin.close()

        feeding = threading.Thread(target=feed)
        feeding.start()
        try:
            while not self.pactl("list", "short", "sink-inputs"):
                time.sleep(0.02)  # another program, with no event to await
            yield
        finally:
            ended.set()
            speaking.kill()
            speaking.wait()
            feeding.join(5)

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """Record what is played from here on; complete when left."""
        recording, ended = Recording(), threading.Event()
        with tempfile.NamedTemporaryFile() as file:  # no pipe: nobody may be there to read it while a test computes
            command = ["parec", "--device=spk.monitor", "--rate=24000", "--channels=1", "--format=s16le"]
            process = subprocess.Popen([*command, "--latency-msec=10"], env=self.environment, stdout=file)

            def date() -> None:
                """The earliest beginning that any look allows: each piece comes some time after it sounded."""
                while not ended.wait(0.002):
                    if length := Path(file.name).stat().st_size:
                        began_s = time.monotonic() - length / BYTES_PER_MS / 1000
                        recording.began_s = min(recording.began_s or began_s, began_s)

            dating = threading.Thread(target=date)
            dating.start()
            control = subprocess.Popen(
                [sys.executable, "-c", _CONTROL],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
            try:
                assert control.stdout is not None
                control.stdout.readline()  # it measures
                yield recording
            finally:
                recording.late_ms = float(control.communicate(timeout=20)[0])
                process.terminate()
                process.wait(5)
                ended.set()
                dating.join(5)
                recording.pcm = Path(file.name).read_bytes()

    def pactl(self, *arguments: str) -> str:
        """Change something about the devices."""
        command = ["pactl", *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, encoding="utf-8", check=True
        ).stdout

    def unplug(self, module: str) -> None:
        """Take away the device of a module, such as `sink_name=spk`."""
        for line in self.pactl("list", "short", "modules").splitlines():
            if module in line:
                self.pactl("unload-module", line.split()[0])


@contextmanager
def virtual_sound() -> Iterator[VirtualSound]:
    """Start it, and set this process's variables for the processes that hold its devices."""
    with tempfile.TemporaryDirectory() as folder:
        socket = f"unix:{folder}/pulse.sock"
        config = Path(folder) / "alsa.conf"
        config.write_text(_ALSA, encoding="utf-8")
        variables = {
            "XDG_RUNTIME_DIR": folder,
            "PULSE_SERVER": socket,
            "PULSE_COOKIE": f"{folder}/cookie",
            "ALSA_CONFIG_PATH": str(config),
        }
        before = dict(os.environ)
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
        server = subprocess.Popen(command, env={**before, **variables, "HOME": folder}, stdout=log, stderr=log)
        with suppress(OSError):  # where it is allowed: a sound card is not late because other tests compute
            os.sched_setscheduler(server.pid, os.SCHED_RR, os.sched_param(5))
        os.environ.update(variables)
        try:
            room = VirtualSound(dict(os.environ), server)
            _wait_until_it_answers(room.environment)
            room.pactl("set-default-sink", "spk")
            room.pactl("set-default-source", "mic")
            yield room
        finally:
            os.environ.clear()
            os.environ.update(before)
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(5)
            server.kill()
            server.wait()


def _wait_until_it_answers(environment: dict[str, str]) -> None:
    for _ in range(500):  # another program, with no event to await
        if subprocess.run(["pactl", "info"], env=environment, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.02)
    raise RuntimeError("PulseAudio did not start.")
