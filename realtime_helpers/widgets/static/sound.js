// Arithmetic of sound, without a browser: runs in the AudioWorklet, in the page and under Node's tests.

/** The only PCM rate the Realtime API knows, in Hz. */
export const RATE = 24000;

const FADE_SAMPLES = 120; // 5 ms: a reply that is cut off must not click
const ZERO_CROSSINGS = 16;

function greatestCommonDivisor(a, b) {
  return b ? greatestCommonDivisor(b, a % b) : a;
}

/** Changes the sample rate of a stream, block by block, as if it were one long block (windowed sinc). */
export class Resampler {
  constructor(fromHz, toHz) {
    const common = greatestCommonDivisor(fromHz, toHz);
    this.up = toHz / common;
    this.down = fromHz / common;
    const cutoff = 0.92 * Math.min(1, toHz / fromHz); // of the input's Nyquist frequency
    this.half = Math.ceil(ZERO_CROSSINGS / cutoff);
    this.phases = Array.from({ length: this.up }, (_, phase) => this.#kernel(phase / this.up, cutoff));
    this.waiting = new Float32Array(this.half - 1); // the past of the first sample is silence
    this.first = 0; // the next output sample, counted in steps of 1/up input samples from waiting[half - 1]
  }

  #kernel(offset, cutoff) {
    const taps = new Float32Array(2 * this.half);
    let sum = 0;
    for (let k = 0; k < taps.length; k++) {
      const x = k - (this.half - 1) - offset;
      const angle = Math.PI * cutoff * x;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / this.half);
      taps[k] = (x === 0 ? 1 : Math.sin(angle) / angle) * window;
      sum += taps[k];
    }
    return taps.map((tap) => tap / sum);
  }

  process(block) {
    const samples = new Float32Array(this.waiting.length + block.length);
    samples.set(this.waiting);
    samples.set(block, this.waiting.length);
    const out = [];
    let position = this.first;
    for (let start = Math.floor(position / this.up); start + 2 * this.half <= samples.length; ) {
      const taps = this.phases[position % this.up];
      let sum = 0;
      for (let k = 0; k < taps.length; k++) sum += taps[k] * samples[start + k];
      out.push(sum);
      position += this.down;
      start = Math.floor(position / this.up);
    }
    const used = Math.min(Math.floor(position / this.up), samples.length);
    this.waiting = samples.slice(used);
    this.first = position - used * this.up;
    return Float32Array.from(out);
  }
}

/** Collects samples to numbered chunks of PCM16, with the loudest and the mean level of each. */
export class Chunker {
  constructor(samplesPerChunk) {
    this.size = samplesPerChunk;
    this.sequence = 0;
    this.#begin();
  }

  #begin() {
    this.pcm = new Int16Array(this.size);
    this.filled = 0;
    this.peak = 0;
    this.energy = 0;
  }

  push(samples) {
    const chunks = [];
    for (const sample of samples) {
      const value = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
      this.pcm[this.filled++] = value;
      this.peak = Math.max(this.peak, Math.abs(value) / 32768);
      this.energy += (value / 32768) ** 2;
      if (this.filled === this.size) {
        chunks.push({
          sequence: this.sequence++, pcm: this.pcm.buffer, peak: this.peak, level: Math.sqrt(this.energy / this.size),
        });
        this.#begin();
      }
    }
    return chunks;
  }
}

/**
 * What waits to be played, and exactly how much of it was. Positions are samples since the last flush: each flush
 * begins a new generation, so that what was sent before it cannot be played after it.
 */
export class Playout {
  constructor(prebufferSamples) {
    this.prebuffer = prebufferSamples;
    this.generation = 0;
    this.underruns = 0;
    this.lost = 0;
    this.tail = new Float32Array(0); // of what was flushed: fades out
    this.#begin();
  }

  #begin() {
    this.blocks = [];
    this.offset = 0; // in blocks[0]
    this.written = 0;
    this.played = 0;
    this.growing = false;
    this.flowing = false;
  }

  get queued() {
    return this.written - this.played;
  }

  /** Where it stands, for whoever keeps the books. */
  get position() {
    const { generation, played, queued, flowing, underruns, lost } = this;
    return { generation, played, queued, flowing, underruns, lost };
  }

  /** Add samples (Int16Array) whose first is number `at` of the generation; what is missing before it is silence. */
  push(generation, at, pcm) {
    if (generation < this.generation) return;
    if (generation > this.generation) {
      this.generation = generation;
      this.#begin();
    }
    if (at > this.written) {
      this.lost += at - this.written;
      this.#append(new Int16Array(at - this.written));
    }
    this.#append(pcm.subarray(this.written - at));
    this.growing = true;
  }

  #append(pcm) {
    if (pcm.length) this.blocks.push(pcm);
    this.written += pcm.length;
  }

  /** No more is to come for now: what waits for more of it may sound. */
  end(generation) {
    if (generation === this.generation) this.growing = false;
  }

  /** Fall silent and forget what was not played; tells how that generation ended. */
  flush(generation = this.generation) {
    if (generation < this.generation) return null;
    if (generation > this.generation) {
      this.generation = generation;
      this.#begin();
    }
    if (this.flowing) {
      const tail = new Float32Array(Math.min(FADE_SAMPLES, this.queued));
      this.#take(tail);
      this.tail = tail.map((sample, i) => sample * (1 - (i + 1) / (tail.length + 1)));
    }
    const ended = { ...this.position, unplayed: this.queued, flowing: false };
    this.generation += 1;
    this.#begin();
    return ended;
  }

  /** Fill `out` with what sounds now. */
  pull(out) {
    const faded = Math.min(this.tail.length, out.length);
    out.set(this.tail.subarray(0, faded));
    this.tail = this.tail.subarray(faded);
    out.fill(0, faded);
    if (!this.flowing) this.flowing = this.queued > 0 && (!this.growing || this.queued >= this.prebuffer);
    if (!this.flowing || faded) return;
    if (this.#take(out) < out.length) {
      this.flowing = false;
      this.underruns += this.growing ? 1 : 0;
    }
  }

  #take(out) {
    let filled = 0;
    while (filled < out.length && this.blocks.length) {
      const block = this.blocks[0];
      const count = Math.min(block.length - this.offset, out.length - filled);
      for (let i = 0; i < count; i++) out[filled + i] = block[this.offset + i] / 32768;
      filled += count;
      this.offset += count;
      if (this.offset === block.length) {
        this.blocks.shift();
        this.offset = 0;
      }
    }
    this.played += filled;
    return filled;
  }
}

/** A playout for a browser that runs at its own rate, though it was asked for 24 kHz. */
export class Output {
  constructor(playout, rateHz) {
    this.playout = playout;
    this.rate = rateHz;
    this.resampler = rateHz === RATE ? null : new Resampler(RATE, rateHz);
    this.ready = new Float32Array(0);
  }

  pull(out) {
    if (!this.resampler) return this.playout.pull(out);
    while (this.ready.length < out.length) {
      const block = new Float32Array(Math.ceil(((out.length - this.ready.length) * RATE) / this.rate));
      this.playout.pull(block);
      this.ready = Float32Array.of(...this.ready, ...this.resampler.process(block));
    }
    out.set(this.ready.subarray(0, out.length));
    this.ready = this.ready.slice(out.length);
  }
}

/** A level (0 to 1) as a word and as a share of the bar: 60 dB under full scale is nothing. */
export function shownLevel(level, peak) {
  const share = level > 0 ? Math.max(0, Math.min(1, 1 + Math.log10(level) / 3)) : 0;
  if (peak > 0.985) return { share, word: "too loud" };
  return { share, word: share < 0.15 ? "silent" : share < 0.45 ? "quiet" : share < 0.9 ? "good" : "loud" };
}

/** What went wrong with a microphone, and what to do: for the widget and for Python. */
export function microphoneProblem(error, page) {
  if (!page.isSecure || !page.hasDevices) {
    return {
      what: "The browser gives no microphone to this page, because its address is neither https nor localhost.",
      next: "Open the notebook over https, or through a tunnel (ssh -L 8888:localhost:8888 HOST) as http://localhost:8888.",
    };
  }
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return page.isFramed
        ? {
            what: "The program that shows this notebook does not let it use the microphone.",
            next: "Open the notebook in JupyterLab in a browser; VS Code, for one, gives its notebooks no microphone.",
          }
        : {
            what: "The browser was told not to give this page the microphone.",
            next: "Allow it with the symbol beside the page's address (and in the system's privacy settings), then press Start.",
          };
    case "NotFoundError":
    case "OverconstrainedError":
      return {
        what: "The browser finds no such microphone.",
        next: "Plug one in or choose another one, then press Start; or go on without, with SpeechSource().",
      };
    case "NotReadableError":
    case "AbortError":
      return {
        what: "The microphone is there, but another program holds it or the system refuses it.",
        next: "Close the other program, then press Start.",
      };
  }
  return { what: `The microphone could not be started (${error.name}: ${error.message}).`, next: "Press Start again." };
}
