// Run by test_sound_js.py with Node's own test runner.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

// the page and the worklet get this file as text, so it has no package.json that would call it a module
const source = readFileSync(process.env.SOUND_JS, "utf8");
const { Chunker, Output, Playout, Resampler, microphoneProblem, shownLevel } = await import(
  `data:text/javascript,${encodeURIComponent(source)}`
);

const tone = (hz, rate, seconds) =>
  Float32Array.from({ length: rate * seconds }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / rate));
const rms = (samples) => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
const count = (from, to) => Int16Array.from({ length: to - from }, (_, i) => from + i + 1);
const inBlocks = (resampler, samples, size) => {
  const out = [];
  for (let i = 0; i < samples.length; i += size) out.push(...resampler.process(samples.subarray(i, i + size)));
  return Float32Array.from(out);
};
const pulled = (playout, size) => {
  const out = new Float32Array(size).fill(9);
  playout.pull(out);
  return Array.from(out, (x) => Math.round(x * 32768));
};

for (const rate of [16000, 22050, 32000, 44100, 48000, 96000]) {
  test(`a tone at ${rate} Hz is the same tone at 24 kHz`, () => {
    const out = new Resampler(rate, 24000).process(tone(1000, rate, 1));
    assert.ok(Math.abs(out.length - 24000) < 40, `${out.length} samples`);
    const middle = out.subarray(2000, 22000);
    // the best fit of a 1 kHz tone must leave next to nothing
    let a = 0, b = 0;
    middle.forEach((x, i) => { a += x * Math.sin((2 * Math.PI * 1000 * i) / 24000); b += x * Math.cos((2 * Math.PI * 1000 * i) / 24000); });
    a *= 2 / middle.length; b *= 2 / middle.length;
    const rest = middle.map((x, i) => x - a * Math.sin((2 * Math.PI * 1000 * i) / 24000) - b * Math.cos((2 * Math.PI * 1000 * i) / 24000));
    assert.ok(Math.abs(Math.hypot(a, b) - 0.5) < 0.005, `amplitude ${Math.hypot(a, b)}`);
    assert.ok(rms(rest) < 0.0005, `distortion ${rms(rest)}`);
  });
}

test("what a lower rate cannot hold is taken away, not folded back", () => {
  const out = new Resampler(48000, 24000).process(tone(15000, 48000, 1));
  assert.ok(rms(out.subarray(200)) < 0.002, `${rms(out.subarray(200))}`);
});

test("blocks make no difference", () => {
  const samples = tone(700, 44100, 0.5);
  const whole = inBlocks(new Resampler(44100, 24000), samples, samples.length);
  for (const size of [1, 7, 128, 1000]) assert.deepEqual(inBlocks(new Resampler(44100, 24000), samples, size), whole);
});

test("chunks are numbered and cut at the sample, levels are those of the chunk", () => {
  const chunker = new Chunker(960);
  const chunks = [];
  const samples = tone(500, 24000, 0.4);
  for (let i = 0; i < samples.length; i += 128) chunks.push(...chunker.push(samples.subarray(i, i + 128)));
  assert.deepEqual(chunks.map((chunk) => chunk.sequence), [...Array(10).keys()]);
  const pcm = chunks.flatMap((chunk) => [...new Int16Array(chunk.pcm)]);
  assert.deepEqual(pcm, [...samples].map((x) => Math.round(x * 32768) + 0)); // + 0: no negative zero
  assert.ok(Math.abs(chunks[3].level - 0.5 / Math.SQRT2) < 0.001);
  assert.ok(Math.abs(chunks[3].peak - 0.5) < 0.01);
});

test("what is too loud is clipped, not wrapped", () => {
  const [chunk] = new Chunker(3).push(Float32Array.of(1.5, -1.5, 1));
  assert.deepEqual([...new Int16Array(chunk.pcm)], [32767, -32768, 32767]);
});

test("a reply sounds when its prebuffer is full, or when it is complete", () => {
  const playout = new Playout(100);
  playout.push(1, 0, count(0, 60));
  assert.deepEqual(pulled(playout, 4), [0, 0, 0, 0]);
  playout.push(1, 60, count(60, 100));
  assert.deepEqual(pulled(playout, 4), [1, 2, 3, 4]);

  const short = new Playout(100);
  short.push(1, 0, count(0, 4));
  assert.deepEqual(pulled(short, 4), [0, 0, 0, 0]);
  short.end(1);
  assert.deepEqual(pulled(short, 6), [1, 2, 3, 4, 0, 0]);
  assert.deepEqual(short.position, { generation: 1, played: 4, queued: 0, flowing: false, underruns: 0, lost: 0 });
});

test("running dry in the middle is an underrun, and fills the prebuffer anew", () => {
  const playout = new Playout(10);
  playout.push(1, 0, count(0, 12));
  pulled(playout, 8);
  assert.deepEqual(pulled(playout, 8), [9, 10, 11, 12, 0, 0, 0, 0]);
  assert.equal(playout.underruns, 1);
  playout.push(1, 12, count(12, 20));
  assert.deepEqual(pulled(playout, 2), [0, 0]);
  playout.push(1, 20, count(20, 30));
  assert.deepEqual(pulled(playout, 2), [13, 14]);
  assert.equal(playout.underruns, 1);
});

test("what was lost is silent, what comes twice is played once", () => {
  const playout = new Playout(0);
  playout.push(1, 0, count(0, 2));
  playout.push(1, 4, count(4, 6));
  playout.push(1, 4, count(4, 6));
  playout.push(1, 5, count(5, 8));
  playout.end(1);
  assert.deepEqual(pulled(playout, 8), [1, 2, 0, 0, 5, 6, 7, 8]);
  assert.equal(playout.lost, 2);
});

test("a flush tells exactly what was played, and fades out instead of clicking", () => {
  const playout = new Playout(0);
  playout.push(1, 0, new Int16Array(1000).fill(16384));
  pulled(playout, 300);
  const ended = playout.flush(1);
  assert.deepEqual([ended.played, ended.unplayed], [420, 580]); // 300, and the 120 that fade
  const after = pulled(playout, 200);
  assert.ok(after[0] > 16000 && after[119] < 300 && after[119] > 0);
  after.slice(1, 120).forEach((x, i) => assert.ok(x < after[i]));
  assert.deepEqual(after.slice(120), Array(80).fill(0));
  assert.deepEqual(pulled(playout, 4), [0, 0, 0, 0]);
});

test("sound sent before a flush cannot be played after it, sound sent after it can", () => {
  const playout = new Playout(0);
  playout.push(1, 0, count(0, 8));
  playout.end(1);
  assert.equal(playout.flush(1).played, 0);
  playout.push(1, 8, count(8, 16));
  playout.end(1);
  assert.deepEqual(pulled(playout, 4), [0, 0, 0, 0]);
  assert.equal(playout.flush(1), null, "twice is harmless");
  playout.push(2, 0, count(0, 4));
  playout.end(2);
  assert.deepEqual(pulled(playout, 4), [1, 2, 3, 4]);
});

test("a flush that overtakes its sound leaves nothing of it", () => {
  const playout = new Playout(0);
  assert.equal(playout.flush(3).played, 0);
  playout.push(3, 0, count(0, 4));
  assert.deepEqual(pulled(playout, 4), [0, 0, 0, 0]);
});

test("a browser of another rate plays the same tone, and the books stay in samples of 24 kHz", () => {
  for (const rate of [24000, 44100, 48000]) {
    const playout = new Playout(0);
    playout.push(0, 0, Int16Array.from(tone(1000, 24000, 2), (x) => Math.round(x * 32768)));
    const output = new Output(playout, rate);
    const out = new Float32Array(128 * Math.floor(rate / 128));
    for (let i = 0; i < out.length; i += 128) output.pull(out.subarray(i, i + 128));
    const expected = tone(1000, rate, 1);
    const middle = out.subarray(rate / 4, rate / 2);
    assert.ok(Math.abs(playout.played - 24000) < 256, `${playout.played} played at ${rate} Hz`);
    assert.ok(Math.abs(rms(middle) - rms(expected)) < 0.01);
    const turn = 2 * Math.cos((2 * Math.PI * 1000) / rate);
    for (let i = 2; i < middle.length; i++) {
      assert.ok(Math.abs(middle[i] - turn * middle[i - 1] + middle[i - 2]) < 0.002, `a jump at ${i}, ${rate} Hz`);
    }
  }
});

test("levels have words", () => {
  const word = (level, peak = level) => shownLevel(level, peak).word;
  assert.deepEqual([word(0), word(0.001), word(0.01), word(0.1), word(0.6), word(0.5, 1)], ["silent", "silent", "quiet", "good", "loud", "too loud"]);
  assert.equal(shownLevel(1, 0.5).share, 1);
});

test("each refusal has a sentence and a next step", () => {
  const page = { isSecure: true, hasDevices: true, isFramed: false };
  const refusal = (name, change = {}) => microphoneProblem({ name, message: "m" }, { ...page, ...change });
  assert.match(refusal("NotAllowedError").next, /Allow it/);
  assert.match(refusal("NotAllowedError", { isFramed: true }).next, /VS Code/);
  assert.match(refusal("NotFoundError").what, /no such microphone/);
  assert.match(refusal("NotReadableError").what, /another program/);
  assert.match(refusal("OddError").what, /OddError: m/);
  for (const change of [{ isSecure: false }, { hasDevices: false }]) assert.match(refusal("TypeError", change).what, /https/);
});
