"""A real JupyterLab and a real Chromium: notebooks are opened, their cells run, and what the page plays is recorded."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parents[2]
REPAIR = "apt-get install chromium, and in the workshop's folder: pip install -e '.[lab]' --group dev"
FAKE_MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
SOUND_WITHOUT_A_CLICK = "--autoplay-policy=no-user-gesture-required"
PATIENCE_MS = 60_000
STATUS_PATIENCE_MS = 20_000

# What goes to the speakers also goes to a recorder; every track and context is remembered.
_WITNESS = """
window.witness = {contexts: [], tracks: [], played: [], rate: 0};
(() => {
  const code = `registerProcessor("tap", class extends AudioWorkletProcessor {
    process([[x]], [[out]]) { if (x) this.port.postMessage(x.slice()); return true; } });`;
  const Context = window.AudioContext;
  window.AudioContext = class extends Context {
    constructor(...options) { super(...options); witness.contexts.push(this); }
  };
  const add = window.AudioWorklet?.prototype.addModule;
  if (add) AudioWorklet.prototype.addModule = async function (url) {
    await add.call(this, URL.createObjectURL(new Blob([code], {type: "text/javascript"})));
    return add.call(this, url);
  };
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target === this.context.destination) {
      witness.rate = this.context.sampleRate;
      const tap = new AudioWorkletNode(this.context, "tap");
      tap.port.onmessage = ({data}) => witness.played.push(data);
      connect.call(this, tap);
    }
    return connect.call(this, target, ...rest);
  };
  const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  if (ask) navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    witness.tracks.push(...stream.getTracks());
    witness.constraints = wanted.audio;
    return stream;
  };
})();
"""


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def missing() -> str:
    """Why there can be no browser here; empty when there can."""
    lacking = [] if find_chromium() else ["Chromium"]
    for module in ("jupyterlab", "playwright", "anywidget"):
        try:
            __import__(module)
        except ImportError:
            lacking.append(module)
    return f"no {', '.join(lacking)}: {REPAIR}" if lacking else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def jupyter_lab(folder: Path, **environment: str) -> Iterator[str]:
    """A JupyterLab that serves `folder`; gives its base URL."""
    port = _free_port()
    own = {name: str(folder / f".{name}") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--IdentityProvider.token=", "--ServerApp.password=", "--expose-app-in-browser",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.news_url=",
        "--ServerApp.disable_check_xsrf=True", "--ServerApp.allow_remote_access=True",
    ]  # fmt: skip
    quiet = Path(own["JUPYTER_CONFIG_DIR"]) / "lab/user-settings/@jupyterlab/apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}', encoding="utf-8")
    with (folder / "lab.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(command, env=os.environ | own | environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_it_answers(url, server)
            yield url
        finally:
            server.terminate()
            server.wait(20)


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):  # another program, with no event to await
        try:
            with urllib.request.urlopen(f"{url}/api", timeout=1):
                return
        except (urllib.error.URLError, TimeoutError):
            assert server.poll() is None, "JupyterLab ended; see lab.log"
            time.sleep(0.1)
    raise RuntimeError("JupyterLab did not start.")


class Notebook:
    """One notebook, open in one window."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.open()

    def open(self) -> None:
        """Open it, or open it again after a reload."""
        self.page.goto(self.url)
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        ready = """() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === "idle" """
        self.page.wait_for_function(ready, timeout=PATIENCE_MS)

    def command(self, name: str, **arguments: Any) -> None:
        self.page.evaluate("([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, arguments])

    def darken(self) -> None:
        """Use JupyterLab's dark theme."""
        self.command("apputils:change-theme", theme="JupyterLab Dark")
        self.page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def run(self, code: str) -> str:
        """Run code as a cell would, and return what it printed. Raises what it raised."""
        result = self.page.evaluate(
            """async (code) => {
              const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
              const future = kernel.requestExecute({code, stop_on_error: false, store_history: false});
              let out = "", error = "";
              future.onIOPub = ({header, content}) => {
                if (header.msg_type === "stream") out += content.text;
                if (header.msg_type === "error") error += content.traceback.join("\\n");
              };
              await future.done;
              return {out, error};
            }""",
            code,
        )
        assert not result["error"], result["error"]
        out: str = result["out"]
        return out

    def start(self, code: str) -> None:
        """Run code as a cell would, without waiting for its end."""
        self.page.evaluate(
            """(code) => {
              const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
              window.running = kernel.requestExecute({code, stop_on_error: false, store_history: false}).done;
            }""",
            code,
        )

    def wait_for_start(self) -> None:
        """Wait until the code of `start` has ended."""
        self.page.evaluate("async () => { await window.running; }")

    def errors(self) -> list[str]:
        """What cells of this notebook raised, and what they wrote to standard error."""
        found: list[str] = self.page.evaluate(
            """() => [...window.jupyterapp.shell.currentWidget.content.model.cells].flatMap((cell) =>
              cell.type === "code" ? cell.outputs.toJSON() : []).flatMap((output) =>
              output.output_type === "error" ? [`${output.ename}: ${output.evalue}`]
              : output.name === "stderr" ? [output.text].flat() : [])"""
        )
        return found

    def value(self, expression: str) -> Any:
        """A Python value of the kernel."""
        return json.loads(self.run(f"import json; print(json.dumps({expression}))"))

    def wait_until(self, expression: str) -> None:
        """Wait until an expression holds in the kernel."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not self.value(f"bool({expression})"):
            assert time.monotonic() < deadline, f"waited for {expression}"
            time.sleep(0.1)

    # -- the widget ------------------------------------------------------------------------------------

    @property
    def button(self) -> Any:
        return self.page.locator(".realtime-audio-button").first

    def look(self, expression: str) -> Any:
        """A value of the page, without what playwright does: its looking counts as a click of the user."""
        result = self.page.context.new_cdp_session(self.page).send("Runtime.evaluate", {"expression": expression})
        return result["result"].get("value")

    def status(self) -> str:
        text: str = self.page.locator(".realtime-audio-status").first.inner_text()
        return text

    def wait_for_status(self, text: str) -> None:
        found = self.page.locator(".realtime-audio-status", has_text=text).first
        try:
            found.wait_for(timeout=STATUS_PATIENCE_MS)
        except Exception as error:
            raise AssertionError(f"waited for {text!r}; the status is {self.status()!r}") from error

    # -- the witness -----------------------------------------------------------------------------------

    def played(self) -> npt.NDArray[np.float32]:
        """Everything that went to the speakers since the page was opened, 24 kHz."""
        blocks = self.page.evaluate(
            """() => {
              const all = new Float32Array(witness.played.reduce((n, b) => n + b.length, 0));
              let at = 0;
              for (const block of witness.played) { all.set(block, at); at += block.length; }
              const bytes = new Uint8Array(all.buffer);
              let text = "";
              for (let i = 0; i < bytes.length; i += 32768)
                text += String.fromCharCode(...bytes.subarray(i, i + 32768));
              return btoa(text);
            }"""
        )
        return np.frombuffer(base64.b64decode(blocks), dtype="<f4")

    def open_parts(self) -> dict[str, int]:
        """Microphone tracks and contexts that are still open."""
        result: dict[str, int] = self.page.evaluate(
            """() => ({
              tracks: witness.tracks.filter((track) => track.readyState !== "ended").length,
              contexts: witness.contexts.filter((context) => context.state !== "closed").length,
            })"""
        )
        return result


class Window:
    """A browser at the desk."""

    def __init__(self, context: Any, url: str, folder: Path) -> None:
        self.context = context
        self.url = url
        self.folder = folder

    def run(self, *cells: str, name: str = "", shows: str = ".realtime-audio") -> Notebook:
        """Open a new notebook, run its cells, and wait until the page has what `shows` selects."""
        name = name or f"notebook-{uuid.uuid4().hex[:8]}.ipynb"
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
        book.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        nbformat.write(book, self.folder / name)
        notebook = self.look_at(name)
        notebook.command("notebook:run-all-cells")
        notebook.page.locator(shows).first.wait_for(timeout=PATIENCE_MS)
        return notebook

    def look_at(self, name: str) -> Notebook:
        """Open a notebook in a page of its own."""
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        return Notebook(page, f"{self.url}/lab/tree/{name}?reset")


class Desk:
    """A JupyterLab, and browsers to look at it."""

    def __init__(self, playwright: Any, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self._playwright = playwright

    @contextmanager
    def browser(
        self,
        *flags: str,
        permissions: Sequence[str] = ("microphone",),
        script: str = "",
        url: str | None = None,
        size: tuple[int, int] = (1100, 800),
    ) -> Iterator[Window]:
        """A browser with a witness in each of its pages; its kernels end with it."""
        launched = self._playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", *flags])
        try:
            width, height = size
            context = launched.new_context(permissions=list(permissions), viewport={"width": width, "height": height})
            context.add_init_script(_WITNESS + script)
            yield Window(context, url or self.url, self.folder)
        finally:
            launched.close()
            self._end_kernels()

    def _end_kernels(self) -> None:
        with urllib.request.urlopen(f"{self.url}/api/sessions", timeout=10) as answer:
            sessions = json.load(answer)
        for session in sessions:
            request = urllib.request.Request(f"{self.url}/api/sessions/{session['id']}", method="DELETE")
            with urllib.request.urlopen(request, timeout=10):
                pass
