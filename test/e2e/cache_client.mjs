// Runs clients/node for a test, which speaks with it in lines of JSON and is its database.
//
//   in   {"students": […], "times": N, "kind", "token", "patience", "timeout", "clusterKeys", "opaqueKeys"}    N calls at once
//   out  {"query": NUMBER, "text": SQL, "values": […]}     in {"answer": NUMBER, "rows": […]}, or "error" instead of rows
//   out  {"results": [[…], …], "errors": […]}              or {"error": TEXT}
//   in   {"close": true}                                   out {"closed": TEXT}: how a read ends from then on
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { Cache } from '../../clients/node/index.js';

const { createClient } = createRequire(import.meta.url)('redis');  // where NODE_PATH says: an import would not look there
const redis = createClient({ url: process.env.REDIS_URL });
redis.on('error', () => {});  // it connects again by itself
await redis.connect();

const waiting = new Map();
let queries = 0;
let errors = [];
const say = (message) => process.stdout.write(JSON.stringify(message) + '\n');
const query = (text, values) => new Promise((resolve, reject) => {
  waiting.set(++queries, { resolve, reject });
  say({ query: queries, text, values });
});

const caches = new Map();
function cacheWith(options) {
  const name = JSON.stringify(options);
  if (!caches.has(name)) caches.set(name, new Cache({ redis, query, onError: (error) => errors.push(String(error)), ...options }));
  return caches.get(name);
}

async function run({ students, times, kind, token, ...options }) {
  errors = [];
  const cache = cacheWith(options);
  try {
    const results = await Promise.all(Array.from({ length: times }, () => cache.readMany(students, kind, { token })));
    say({ results, errors });
  } catch (error) {
    say({ error: String(error) });
  }
}

async function close() {
  await Promise.all([...caches.values()].map((cache) => cache.close()));
  say({ closed: await cacheWith(JSON.parse([...caches.keys()][0])).read('ada').catch(String) });
}

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if ('answer' in message) {
    const { resolve, reject } = waiting.get(message.answer);
    waiting.delete(message.answer);
    'error' in message ? reject(new Error(message.error)) : resolve({ rows: message.rows });
  } else if ('close' in message) {
    close();
  } else {
    run(message);
  }
}
await redis.disconnect();
