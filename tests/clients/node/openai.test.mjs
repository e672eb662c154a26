// The official JavaScript client: OpenAIRealtimeWS, which dials wss: only.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { MODEL, clip, next } from './talk.mjs';

const TEXT = { type: 'realtime', output_modalities: ['text'] };
const TRANSCRIBED = { type: 'realtime', audio: { input: { transcription: { model: 'gpt-4o-mini-transcribe' } } } };
const WEATHER = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const TRANSCRIPT = 'conversation.item.input_audio_transcription.completed';

let rt, seen, errors;

beforeEach(async () => {
  const client = new OpenAI({ apiKey: 'any', baseURL: process.env.SIMULATOR_TLS_URL });
  rt = new OpenAIRealtimeWS({ model: MODEL }, client);
  [seen, errors] = [[], []];
  rt.on('event', (event) => seen.push(event));
  rt.on('error', (error) => errors.push(error));
  await next(rt, 'session.created');
});

afterEach(async () => {
  const closed = next(rt.socket, 'close');
  rt.close();
  await closed;
});

function send(text) {
  const content = [{ type: 'input_text', text }];
  rt.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
  rt.send({ type: 'response.create' });
}

async function answer() {
  const [{ response }] = await next(rt, 'response.done');
  return response;
}

function ask(text) {
  const answered = answer();
  send(text);
  return answered;
}

function speak(name) {
  for (const frame of clip(name)) rt.send({ type: 'input_audio_buffer.append', audio: frame.toString('base64') });
}

/** All deltas of a kind so far; audio is counted in bytes of base64. */
const deltas = (kind) => seen.filter((event) => event.type === `response.${kind}.delta`).map((event) => event.delta).join('');

test('a text turn', async () => {
  rt.send({ type: 'session.update', session: TEXT });
  await ask('My name is Ada.');
  const response = await ask('What is my name?');
  assert.match(response.output[0].content[0].text, /Ada/);
  assert.ok(deltas('output_text').endsWith(response.output[0].content[0].text));
  assert.deepEqual(errors, []);
});

test('a spoken turn', async () => {
  rt.send({ type: 'session.update', session: TRANSCRIBED });
  const [heard, answered] = [next(rt, TRANSCRIPT), answer()];
  speak('how_are_you');
  assert.match((await heard)[0].transcript, /how are you/i);
  const [item] = (await answered).output;
  assert.equal(deltas('output_audio_transcript').trim(), item.content[0].transcript);
  assert.ok(Buffer.from(deltas('output_audio'), 'base64').length > 24_000);
  assert.deepEqual(errors, []);
});

test('a tool call', async () => {
  rt.send({ type: 'session.update', session: { ...TEXT, tools: [WEATHER] } });
  const [call] = (await ask('What is the weather in Lisbon?')).output;
  assert.equal(call.name, 'get_weather');
  assert.deepEqual(JSON.parse(call.arguments), { city: 'Lisbon' });
  const output = JSON.stringify({ sky: 'clear', degrees: 21 });
  const answered = answer();
  rt.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: call.call_id, output } });
  rt.send({ type: 'response.create' });
  assert.match((await answered).output[0].content[0].text, /21/);
  assert.deepEqual(errors, []);
});

test('an interruption by speech', async () => {
  rt.send({ type: 'session.update', session: TRANSCRIBED });
  const sounding = next(rt, 'response.output_audio.delta');
  send('Tell me a long story.');
  const [{ item_id }] = await sounding;
  const [story, answered] = [answer(), next(rt, 'response.done', ({ response }) => response.status === 'completed')];
  rt.on('input_audio_buffer.speech_started', () =>
    rt.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 100 }),
  );
  const heard = next(rt, TRANSCRIPT);
  speak('how_are_you');
  assert.deepEqual((await story).status_details, { type: 'cancelled', reason: 'turn_detected' });
  assert.match((await heard)[0].transcript, /how are you/i);
  assert.ok((await answered)[0].response.output[0].content[0].transcript);
  assert.ok(seen.some((event) => event.type === 'conversation.item.truncated' && event.item_id === item_id));
  assert.deepEqual(errors, []);
});

test('an error does not end the session', async () => {
  rt.send({ type: 'session.update', session: TEXT });
  const failed = next(rt, 'error');
  rt.send({ type: 'conversation.item.delete', item_id: 'item_nowhere', event_id: 'mine' });
  const [{ error }] = await failed;
  assert.equal(error.code, 'item_delete_invalid_item_id');
  assert.equal(error.event_id, 'mine');
  assert.ok((await ask('Hello!')).output[0].content[0].text);
});
