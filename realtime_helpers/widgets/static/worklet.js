// The audio thread: moves samples between the browser and sound.js, which stands before this text. Nothing else.
/* global AudioWorkletProcessor, registerProcessor, sampleRate, currentTime, Resampler, Chunker, Output, Playout, RATE */

const BLOCKS_PER_REPORT = 8; // 43 ms of 128 samples at 24 kHz

class Capture extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.chunker = new Chunker(processorOptions.samples);
    this.resampler = sampleRate === RATE ? null : new Resampler(sampleRate, RATE);
    this.running = true;
    this.port.onmessage = () => (this.running = false);
  }

  process([channels]) {
    if (this.running && channels.length) {
      const samples = this.resampler ? this.resampler.process(channels[0]) : channels[0];
      for (const chunk of this.chunker.push(samples)) this.port.postMessage({ ...chunk, at: currentTime }, [chunk.pcm]);
    }
    return this.running;
  }
}

class Player extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.playout = new Playout(processorOptions.prebuffer);
    this.output = new Output(this.playout, sampleRate);
    this.blocks = 0;
    this.running = true;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  take({ kind, generation, at, pcm }) {
    if (kind === "play") this.playout.push(generation, at, new Int16Array(pcm));
    if (kind === "end") this.playout.end(generation);
    if (kind === "flush") this.port.postMessage({ kind: "flushed", ...this.playout.flush(generation) });
    if (kind === "close") this.running = false;
  }

  process(_inputs, [[out]]) {
    const wasFlowing = this.playout.flowing;
    this.output.pull(out);
    const hasTurned = wasFlowing !== this.playout.flowing;
    this.blocks += 1;
    if (hasTurned || (this.playout.flowing && this.blocks % BLOCKS_PER_REPORT === 0)) {
      this.port.postMessage({ kind: "position", ...this.playout.position });
    } else if (this.blocks % 128 === 0) {
      this.port.postMessage({ kind: "alive" }); // not a timer: those sleep in a tab that nobody looks at
    }
    return this.running;
  }
}

registerProcessor("realtime-capture", Capture);
registerProcessor("realtime-player", Player);
