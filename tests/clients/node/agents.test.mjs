// The Agents SDK for JavaScript with its own defaults: only the URL is ours.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { RealtimeAgent, RealtimeSession, tool } from '@openai/agents/realtime';
import { z } from 'zod';
import { MODEL, clip, next } from './talk.mjs';

const URL = `${process.env.SIMULATOR_URL.replace('http', 'ws')}/realtime?model=${MODEL}`;

let session, asked, errors, soundBytes;

beforeEach(async () => {
  [asked, errors, soundBytes] = [[], [], 0];
  const getWeather = tool({
    name: 'get_weather',
    description: 'The weather in a city.',
    parameters: z.object({ city: z.string() }),
    execute: async (input) => {
      asked.push(input);
      return { sky: 'clear', degrees: 21 };
    },
  });
  const agent = new RealtimeAgent({ name: 'Guide', instructions: 'You help travellers.', tools: [getWeather] });
  session = new RealtimeSession(agent, { transport: 'websocket', model: MODEL });
  session.on('error', (error) => errors.push(error));
  session.on('audio', ({ data }) => (soundBytes += data.byteLength));
  await session.connect({ url: URL, apiKey: 'any' });
});

afterEach(async () => {
  const closed = next(session.transport, 'connection_change', (status) => status === 'disconnected');
  session.close();
  await closed;
});

/** What the history says that a role said. */
const said = (role) =>
  session.history
    .filter((item) => item.type === 'message' && item.role === role)
    .flatMap((item) => item.content.map((part) => part.transcript ?? part.text ?? ''));

/** Wait until the history says that a role said something. */
async function untilSaid(role, pattern) {
  while (!pattern.test(said(role).join(' '))) await next(session, 'history_updated');
}

async function ask(text) {
  const answered = next(session, 'agent_end');
  session.sendMessage(text);
  await answered;
}

function speak(name) {
  for (const frame of clip(name)) {
    session.sendAudio(frame.buffer.slice(frame.byteOffset, frame.byteOffset + frame.byteLength));
  }
}

test('a text turn', async () => {
  await ask('My name is Ada.');
  await ask('What is my name?');
  await untilSaid('assistant', /Ada/);
  assert.deepEqual(said('user'), ['My name is Ada.', 'What is my name?']);
  assert.deepEqual(errors, []);
});

test('a spoken turn', async () => {
  const answered = next(session, 'agent_end');
  speak('how_are_you');
  const [, , text] = await answered;
  await untilSaid('user', /how are you/i);
  assert.deepEqual(said('assistant'), [text]);
  assert.ok(soundBytes > 24_000);
  assert.deepEqual(errors, []);
});

test('a tool call', async () => {
  const used = next(session, 'agent_tool_end');
  speak('weather');
  const [, , { name }] = await used;
  assert.equal(name, 'get_weather');
  assert.deepEqual(asked, [{ city: 'Lisbon' }]);
  await untilSaid('assistant', /21/);
  assert.deepEqual(errors, []);
});

test('an interruption by the client', async () => {
  const [sounding, stopped] = [next(session, 'audio'), next(session, 'agent_end')];
  session.sendMessage('Tell me a long story.');
  await sounding;
  const interrupted = next(session, 'audio_interrupted');
  session.interrupt();
  await interrupted;
  await stopped;
  await ask('My name is Ada.');
  await ask('What is my name?');
  await untilSaid('assistant', /Ada/);
  assert.deepEqual(errors, []);
});

test('an interruption by speech', async () => {
  const [sounding, stopped] = [next(session, 'audio'), next(session, 'agent_end')];
  session.sendMessage('Tell me a long story.');
  await sounding;
  const interrupted = next(session, 'audio_interrupted');
  speak('how_are_you');
  await interrupted;
  await stopped;
  const [, , answer] = await next(session, 'agent_end');
  await untilSaid('user', /how are you/i);
  assert.equal(said('assistant').at(-1), answer);
  assert.ok(answer);
  assert.deepEqual(errors, []);
});

test('an error does not end the session', async () => {
  const failed = next(session, 'error');
  session.transport.sendEvent({ type: 'conversation.item.delete', item_id: 'item_nowhere' });
  const [{ error }] = await failed;
  assert.equal(error.error.code, 'item_delete_invalid_item_id');
  await ask('How are you today?');
  assert.ok(soundBytes > 0);
});
