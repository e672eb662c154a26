// What the tests of the JavaScript clients share: spoken sentences, and waiting with a deadline.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PATIENCE_MS = 30_000;
const CHUNK_BYTES = 4_800; // 100 ms of PCM16 at 24 kHz

export const MODEL = 'gpt-realtime-2.1-mini';

/** The next event called `name` for which `holds` is true; rejects when it does not come in time. */
export function next(emitter, name, holds = () => true) {
  return new Promise((resolve, reject) => {
    const listen = (...values) => {
      if (!holds(...values)) return;
      clearTimeout(timer);
      emitter.off(name, listen);
      resolve(values);
    };
    const timer = setTimeout(() => {
      emitter.off(name, listen);
      reject(new Error(`'${name}' did not come: ${holds}`));
    }, PATIENCE_MS);
    emitter.on(name, listen);
  });
}

/** A spoken sentence as audio frames of 100 ms, with the silence that ends a turn. */
export function* clip(name) {
  const pcm = readFileSync(join(process.env.CLIPS, `${name}.pcm`));
  for (let at = 0; at < pcm.length; at += CHUNK_BYTES) yield pcm.subarray(at, at + CHUNK_BYTES);
}
