// The page's side of `BrowserAudio`. One Engine a widget makes the sound; any number of Views show it.
// sound.js stands before this text.
/* global RATE, shownLevel, microphoneProblem */

const CHUNK_SAMPLES = (RATE * 40) / 1000;
const WELCOME_PATIENCE_MS = 1500;
const ALIVE_EVERY_MS = 2000;
const KERNEL_PATIENCE_MS = 15000; // a cell may hold Python's lock for long
const RESUME_PATIENCE_MS = 500;
const FLUSH_PATIENCE_MS = 200;
const HIDDEN_PATIENCE_MS = 3000; // a cell that runs again takes its old view away before it shows the new one

const BLOCKED = {
  what: "The browser plays and records nothing before it was clicked.",
  next: "Press Start in the widget.",
};
const UNPLUGGED = {
  what: "The microphone was unplugged or taken away.",
  next: "Plug it in or choose another one, then press Start.",
};
const KERNEL_ENDS = new Set(["restarting", "autorestarting", "terminating", "dead"]);
const KERNEL_GONE = "The kernel does not answer, so the microphone is off. Run the cell again.";
const STOPPED = "Sound is off. Press Start to go on.";
const ELSEWHERE = "The sound is in another window of this notebook. Press Start to have it here.";

const randomName = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16)).join("");

/**
 * The way to the kernel. Where the front end lets us, messages take the kernel's control channel, which a thread of its
 * own reads: a cell that computes does not hold them up. Elsewhere they take the widget's own way.
 */
class Lane {
  constructor(model) {
    this.model = model;
    this.name = this.kernel ? "control" : "comm";
  }

  get kernel() {
    const kernel = this.model.get("control_lane") ? this.model.widget_manager?.kernel : null;
    return typeof kernel?.sendControlMessage === "function" ? kernel : null;
  }

  send(content, buffers = []) {
    const kernel = this.name === "control" && this.kernel;
    if (!kernel) return this.model.send({ ...content, lane: "comm" }, undefined, buffers);
    const header = {
      msg_id: randomName() + randomName(), msg_type: "comm_msg", session: kernel.clientId, username: kernel.username ?? "",
      version: "5.3", date: new Date().toISOString(),
    };
    const data = { ...content, lane: "control" };
    kernel.sendControlMessage(
      { channel: "control", header, parent_header: {}, metadata: {}, content: { comm_id: this.model.get("name"), data }, buffers },
      false, true,
    );
  }
}

class Engine {
  constructor(model) {
    this.model = model;
    this.page = randomName();
    this.lane = new Lane(model);
    this.views = new Set();
    this.shown = { phase: "off", text: "Sound is off.", isProblem: false, level: 0, peak: 0, devices: [], isPlaying: false };
    this.deviceId = "";
    this.wants = { microphone: false, speaker: false };
    this.isOwner = false;
    this.stoppedByUser = false; // only a click, or another session, lets it go on
    this.wasUnwanted = false;
    this.attempt = 0;
    this.stream = 0;
    this.early = [];
    this.position = null;
    this.heardFromKernel = performance.now();
    this.take = this.take.bind(this);
    this.goodbye = () => this.close();
    this.recount = () => this.listDevices();
    this.relive = () => this.greet();
    this.follow = (_kernel, status) => KERNEL_ENDS.has(status) && this.shown.phase !== "off" && this.loseKernel();
    model.on("msg:custom", this.take);
    model.on("comm_live_update", this.relive);
    this.kernel = model.widget_manager?.kernel;
    this.kernel?.statusChanged?.connect(this.follow);
    window.addEventListener("pagehide", this.goodbye);
    navigator.mediaDevices?.addEventListener("devicechange", this.recount);
    this.timer = setInterval(() => this.tick(), ALIVE_EVERY_MS);
  }

  // -- the kernel ------------------------------------------------------------------------------------

  send(kind, fields = {}, buffers = []) {
    this.lane.send({ kind, page: this.page, ...fields }, buffers);
  }

  /** Say that this page is here. A front end may promise the control channel and not keep it: then the other way. */
  greet() {
    clearTimeout(this.greeting);
    this.isWelcome = false;
    this.lane.name = this.lane.kernel ? "control" : "comm";
    this.send("ready");
    this.greeting = setTimeout(() => {
      if (this.isWelcome || this.views.size === 0) return;
      this.lane.name = "comm";
      this.send("ready");
      this.greeting = setTimeout(() => this.isWelcome || this.loseKernel(), KERNEL_PATIENCE_MS);
    }, WELCOME_PATIENCE_MS);
  }

  tick() {
    if (this.views.size === 0) return;
    this.alive();
    const silent = performance.now() - this.heardFromKernel;
    if (this.shown.phase !== "off" && this.isWelcome && silent > KERNEL_PATIENCE_MS) this.loseKernel();
  }

  alive() {
    if (this.isWelcome) this.send("alive");
  }

  loseKernel() {
    this.release();
    this.show({ phase: "off", text: KERNEL_GONE, isProblem: true });
  }

  take(message, buffers) {
    this.heardFromKernel = performance.now();
    if (message.page !== this.page) {
      if (this.isOwner) {
        this.isOwner = false;
        this.release();
      }
      if (message.kind === "welcome" && !this.isOwner) this.show({ phase: "off", text: ELSEWHERE, isProblem: false });
      this.isWelcome = true;
      return;
    }
    switch (message.kind) {
      case "welcome":
        this.isWelcome = true;
        this.isOwner = true;
        if (message.stopped) this.keepStopped();
        break;
      case "want":
        this.want(message);
        break;
      case "say":
        if (message.text) this.show({ text: message.text });
        else if (this.shown.phase === "on") this.showOn();
        break;
      case "play": {
        const [{ buffer, byteOffset, byteLength }] = buffers;
        this.toPlayer({ kind: "play", generation: message.generation, at: message.at, pcm: buffer.slice(byteOffset, byteOffset + byteLength) });
        break;
      }
      case "end":
        this.toPlayer({ kind: "end", generation: message.generation });
        break;
      case "flush":
        if (this.player) this.player.port.postMessage({ kind: "flush", generation: message.generation });
        else {
          this.early = [];
          this.send("flushed", { generation: message.generation, played: 0, underruns: 0, lost: 0 });
        }
        break;
    }
  }

  /** The user pressed Stop before the page was loaded again. */
  keepStopped() {
    this.stoppedByUser = true;
    if (this.shown.phase === "off") this.show({ text: STOPPED, isProblem: false });
  }

  toPlayer(message) {
    if (this.player) this.player.port.postMessage(message, message.pcm ? [message.pcm] : []);
    else if (!this.stoppedByUser) this.early.push(message);
  }

  /** The kernel says what a session uses: follow it, as far as the browser lets us. */
  want({ microphone, speaker }) {
    const before = this.wants;
    if (this.wasUnwanted && (microphone || speaker)) this.stoppedByUser = false; // another session begins
    this.wasUnwanted = !microphone && !speaker;
    if (this.views.size === 0) { // nobody would see that it is on; asked for again when it is shown
      microphone &&= before.microphone;
      speaker &&= before.speaker;
    }
    this.wants = { microphone, speaker };
    const isMore = (microphone && !before.microphone) || (speaker && !before.speaker);
    const { phase, isProblem, text } = this.shown;
    if (!microphone && !speaker) {
      if (!before.microphone && !before.speaker) return;
      this.release();
      if (phase !== "off") this.show({ phase: "off", text: isProblem ? text : "Sound is off: no session uses it." });
    } else if (phase === "on") {
      if (!microphone && before.microphone) this.closeMicrophone();
      if (microphone && !before.microphone && !this.capture) this.addMicrophone();
      if (isMore || !isProblem) this.showOn();
    } else if (phase === "off" && isMore && !this.stoppedByUser) this.start();
  }

  // -- starting and stopping -------------------------------------------------------------------------

  /** Also on a click, which is what a browser waits for before it lets a page sound. */
  async start(isClick = false) {
    if (isClick && !this.isOwner) this.send("claim");
    if (isClick) this.stoppedByUser = false;
    if (this.shown.phase === "on") return;
    const attempt = ++this.attempt;
    const isStale = () => attempt !== this.attempt;
    this.show({ phase: "starting", text: "Starting; answer the browser if it asks for the microphone.", isProblem: false });
    try {
      await this.openContext(isStale);
      if (isStale()) return;
      if (!(await this.isRunning())) {
        if (isStale()) return;
        return this.block();
      }
      if (isStale()) return;
      if (!this.capture && (this.wants.microphone || !this.wants.speaker)) await this.openMicrophone(isStale);
      if (isStale()) return;
      this.showOn();
      this.send("started");
    } catch (error) {
      if (!isStale()) this.fail(error);
    }
  }

  block() {
    this.show({ phase: "blocked", text: `${BLOCKED.what} Press Start.`, isProblem: false });
    this.send("blocked", BLOCKED);
  }

  /** At once here, whatever the kernel does; then the kernel is told. */
  async stop(by, text) {
    this.attempt++;
    this.stoppedByUser ||= by === "user"; // hiding the widget does not undo it
    const position = await this.release();
    this.send("stopped", { by, ...(position && { position }) });
    this.show({ phase: "off", text, isProblem: false });
  }

  /** Let go of microphone and speaker; tells how far the reply had come. */
  async release() {
    this.attempt++;
    this.closeMicrophone();
    const { context, player } = this;
    this.context = this.player = null;
    this.early = [];
    if (!context) return null;
    const ended = new Promise((resolve) => {
      setTimeout(resolve, FLUSH_PATIENCE_MS, null);
      if (!player) return resolve(null);
      player.port.onmessage = ({ data: { kind, ...position } }) => kind === "flushed" && resolve(position);
      player.port.postMessage({ kind: "flush" });
    });
    const position = await ended;
    player?.port.postMessage({ kind: "close" });
    player?.disconnect();
    if (context.state !== "closed") await context.close();
    this.show({ isPlaying: false });
    return position;
  }

  async newContext(options, isStale) {
    const context = new AudioContext(options);
    const code = URL.createObjectURL(new Blob([this.model.get("worklet")], { type: "text/javascript" }));
    try {
      await context.audioWorklet.addModule(code);
    } finally {
      URL.revokeObjectURL(code);
      if (isStale()) context.close();
    }
    return context;
  }

  async openContext(isStale) {
    if (this.context) return;
    if (!window.isSecureContext) throw microphoneProblem(new Error(), { isSecure: false }); // no worklet either
    const context = await this.newContext({ sampleRate: RATE, latencyHint: "interactive" }, isStale);
    if (isStale()) return;
    const player = new AudioWorkletNode(context, "realtime-player", {
      numberOfInputs: 0, outputChannelCount: [1],
      processorOptions: { prebuffer: (this.model.get("prebuffer_ms") * RATE) / 1000 },
    });
    player.port.onmessage = ({ data }) => this.onPlayer(data);
    player.connect(context.destination);
    context.onstatechange = () => context === this.context && this.followContext();
    this.context = context;
    this.player = player;
    this.position = null;
    for (const message of this.early.splice(0)) this.toPlayer(message);
  }

  /** Browsers hold sound up and let it go on by themselves: a call, a lost output; Safari says `interrupted`. */
  followContext() {
    const { phase } = this.shown;
    const isHeldUp = this.context.state === "suspended" || this.context.state === "interrupted";
    if (phase === "on" && isHeldUp) this.block();
    if (phase === "blocked" && this.context.state === "running") this.start();
  }

  async isRunning() {
    const { context } = this;
    if (context.state !== "running") {
      const resumed = context.resume().catch(() => {}); // Safari refuses while it is interrupted
      await Promise.race([resumed, new Promise((resolve) => setTimeout(resolve, RESUME_PATIENCE_MS))]);
    }
    return context.state === "running";
  }

  /** The latest choice counts, also one that comes while the browser asks the user or opens another device. */
  async openMicrophone(isStale) {
    const wanted = this.deviceId;
    const again = () => !isStale() && this.deviceId !== wanted;
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: {
          channelCount: 1,
          echoCancellation: this.model.get("echo_cancellation"),
          noiseSuppression: this.model.get("noise_suppression"),
          autoGainControl: this.model.get("auto_gain_control"),
          ...(this.deviceId && { deviceId: { exact: this.deviceId } }),
        },
      });
    } catch (error) {
      if (again()) return this.openMicrophone(isStale);
      if (error.name === "OverconstrainedError") this.deviceId = "";
      throw microphoneProblem(error, {
        isSecure: window.isSecureContext, hasDevices: Boolean(navigator.mediaDevices), isFramed: window.self !== window.top,
      });
    }
    if (isStale() || again()) {
      stream.getTracks().forEach((track) => track.stop());
      return isStale() ? undefined : this.openMicrophone(isStale);
    }
    this.closeMicrophone(); // what an attempt that was given up left behind
    this.microphone = stream;
    const [track] = stream.getAudioTracks();
    track.onended = () => this.fail(UNPLUGGED);
    const opened = (this.deviceId = track.getSettings().deviceId ?? wanted);
    const source = await this.sourceOf(stream, isStale);
    if (isStale() || this.microphone !== stream) return;
    if (this.deviceId !== opened) return this.openMicrophone(isStale);
    const capture = new AudioWorkletNode(source.context, "realtime-capture", {
      numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit", processorOptions: { samples: CHUNK_SAMPLES },
    });
    this.stream += 1;
    this.firstSent = null;
    capture.port.onmessage = ({ data }) => this.capture === capture && this.onChunk(data);
    source.connect(capture);
    this.capture = capture;
    this.listDevices();
  }

  /** Some browsers connect a microphone only to a context of its own rate: then the worklet changes the rate. */
  async sourceOf(stream, isStale) {
    try {
      return this.context.createMediaStreamSource(stream);
    } catch (error) {
      if (error.name !== "NotSupportedError") throw error;
    }
    this.ownContext = await this.newContext({ latencyHint: "interactive" }, isStale);
    return this.ownContext.createMediaStreamSource(stream);
  }

  closeMicrophone() {
    for (const track of this.microphone?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.capture?.port.postMessage("stop");
    this.capture?.disconnect();
    if (this.ownContext && this.ownContext.state !== "closed") this.ownContext.close();
    this.microphone = this.capture = this.ownContext = null;
    this.show({ level: 0, peak: 0 });
  }

  async addMicrophone() {
    const attempt = this.attempt;
    this.isAdding = true;
    try {
      await this.openMicrophone(() => attempt !== this.attempt);
      if (this.shown.phase === "on") this.showOn();
    } catch (error) {
      if (attempt === this.attempt) this.fail(error);
    } finally {
      this.isAdding = false;
    }
  }

  async chooseDevice(deviceId) {
    this.deviceId = deviceId;
    const isLost = this.shown.phase === "on" && this.shown.isProblem && this.wants.microphone;
    if (!this.capture && (this.isAdding || !isLost)) return; // whoever opens one sees the choice
    this.closeMicrophone();
    await this.addMicrophone();
  }

  /** Only the microphone can fail once the sound runs: replies go on, and Start tries again. */
  fail(error) {
    const problem = error.what ? error : { what: `The sound could not be started (${error.message}).`, next: "Press Start again." };
    const plays = Boolean(this.player && this.wants.speaker);
    const next = plays ? `${problem.next} Replies go on: Start comes after Stop.` : problem.next;
    this.closeMicrophone();
    if (plays) this.send("started"); // the speaker, if it was not on
    else this.release();
    this.show({ phase: plays ? "on" : "off", text: `${problem.what} ${next}`, isProblem: true });
    this.send("problem", { part: plays ? "microphone" : "sound", what: problem.what, next });
  }

  close() {
    if (this.isWelcome) this.send("bye");
    this.release();
    clearInterval(this.timer);
    clearTimeout(this.greeting);
    this.model.off("msg:custom", this.take);
    this.model.off("comm_live_update", this.relive);
    this.kernel?.statusChanged?.disconnect(this.follow);
    window.removeEventListener("pagehide", this.goodbye);
    navigator.mediaDevices?.removeEventListener("devicechange", this.recount);
  }

  // -- sound -----------------------------------------------------------------------------------------

  onChunk({ sequence, pcm, level, peak }) {
    this.show({ level: Math.max(level, 0.75 * this.shown.level), peak }); // falls slowly, so that eyes can follow
    if (!this.wants.microphone || !this.isOwner) return;
    this.firstSent ??= sequence;
    const position = this.unsent && this.position;
    this.unsent = false;
    this.send("audio", { stream: this.stream, sequence: sequence - this.firstSent, ...(position && { position }) }, [pcm]);
  }

  onPlayer({ kind, ...position }) {
    if (kind === "alive") return this.alive();
    if (kind === "flushed") return position.generation === undefined || this.send("flushed", position);
    const hasTurned = position.flowing !== this.position?.flowing;
    this.position = position;
    this.unsent = true;
    this.show({ isPlaying: position.flowing });
    if (hasTurned || !this.capture || !this.wants.microphone) {
      this.unsent = false;
      this.send("position", { position });
    }
  }

  async listDevices() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    this.show({ devices: devices.filter((device) => device.kind === "audioinput" && device.label) });
  }

  // -- views -----------------------------------------------------------------------------------------

  showOn() {
    const parts = [this.capture && "Microphone", (this.wants.speaker || !this.wants.microphone) && "speaker"].filter(Boolean);
    const text = `${parts.join(" and ")} on.`;
    const isUsed = this.wants.microphone || this.wants.speaker;
    this.show({ phase: "on", text: (isUsed ? text : `${text} No session uses it yet.`).replace(/^s/, "S"), isProblem: false });
  }

  show(change) {
    Object.assign(this.shown, change);
    for (const view of this.views) view.update(this.shown, this.deviceId);
  }

  addView(view) {
    this.views.add(view);
    clearTimeout(this.hiding);
    view.update(this.shown, this.deviceId);
    if (this.views.size === 1) this.greet();
    return () => {
      this.views.delete(view);
      if (this.views.size === 0) this.hiding = setTimeout(() => this.hide(), HIDDEN_PATIENCE_MS);
    };
  }

  /** A microphone that nobody can see must not stay on. */
  hide() {
    this.wants = { microphone: false, speaker: false }; // asked for again when it is shown
    if (this.isWelcome) this.stop("hidden", "Sound is off: the widget was not shown any more.");
  }
}

class View {
  constructor(engine, el) {
    this.engine = engine;
    el.innerHTML = `
      <div class="realtime-audio" role="group" aria-label="Sound of this browser">
        <div class="realtime-audio-row">
          <button type="button" class="realtime-audio-button"><span class="realtime-audio-dot" aria-hidden="true"></span><span></span></button>
          <div class="realtime-audio-meter" role="meter" aria-label="Microphone level" aria-valuemin="0" aria-valuemax="100" aria-valuenow="0">
            <div class="realtime-audio-bar"></div>
          </div>
          <span class="realtime-audio-word"></span>
          <label class="realtime-audio-device">Microphone <select></select></label>
        </div>
        <div class="realtime-audio-status" role="status" aria-live="polite"></div>
      </div>`;
    const find = (name) => el.querySelector(`.realtime-audio${name}`);
    this.root = find("");
    this.button = find("-button");
    this.label = this.button.lastElementChild;
    this.meter = find("-meter");
    this.bar = find("-bar");
    this.word = find("-word");
    this.device = find("-device");
    this.select = this.device.querySelector("select");
    this.status = find("-status");
    this.button.addEventListener("click", () => this.press());
    this.select.addEventListener("change", () => engine.chooseDevice(this.select.value));
  }

  press() {
    const { phase } = this.engine.shown;
    if (phase === "off" || phase === "blocked") this.engine.start(true);
    else this.engine.stop("user", STOPPED);
  }

  update(shown, deviceId) {
    const isOn = shown.phase === "on" || shown.phase === "starting";
    const { share, word } = shownLevel(shown.level, shown.peak);
    const percent = Math.round(share * 100);
    this.root.dataset.phase = shown.phase;
    this.root.classList.toggle("realtime-audio-problem", shown.isProblem);
    put(this.label, isOn ? "Stop" : "Start");
    this.button.title = isOn ? "Switch microphone and speaker off" : "Switch microphone and speaker on";
    this.bar.style.width = `${percent}%`;
    this.meter.setAttribute("aria-valuenow", String(percent));
    this.meter.setAttribute("aria-valuetext", word);
    put(this.word, `${this.engine.capture ? word : "off"}${shown.isPlaying ? " · reply playing" : ""}`);
    put(this.status, shown.text);
    this.device.hidden = shown.devices.length < 2;
    const listed = JSON.stringify([shown.devices.map((device) => [device.deviceId, device.label]), deviceId]);
    if (listed !== this.listed) {
      this.listed = listed;
      this.select.replaceChildren(...shown.devices.map((device) => new Option(device.label, device.deviceId, false, device.deviceId === deviceId)));
    }
  }
}

/** A live region speaks whenever it is written to: write only what is new. */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export default () => {
  let engine;
  return {
    initialize({ model }) {
      engine = new Engine(model);
      return () => engine.close();
    },
    render({ el }) {
      return engine.addView(new View(engine, el));
    },
  };
};
