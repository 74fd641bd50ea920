// Runs examples/fenced.mjs for a test, which speaks with it in lines of JSON and is its database.
//
//   in   {"student": ID, "patience": MS, "times": N}       N calls at once
//   out  {"query": NUMBER, "text": SQL, "values": […]}     in {"answer": NUMBER, "rows": […]}
//   out  {"results": […]}                                  or {"error": TEXT}
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { healthSummary } from '../../examples/fenced.mjs';

const { createClient } = createRequire(import.meta.url)('redis');  // where NODE_PATH says: an import would not look there
const redis = createClient({ url: process.env.REDIS_URL });
await redis.connect();

const waiting = new Map();
let queries = 0;
const say = (message) => process.stdout.write(JSON.stringify(message) + '\n');
const query = (text, values) => new Promise((resolve) => {
  waiting.set(++queries, resolve);
  say({ query: queries, text, values });
});

async function run({ student, patience, times }) {
  try {
    say({ results: await Promise.all(Array.from({ length: times }, () => healthSummary(redis, query, student, patience))) });
  } catch (error) {
    say({ error: String(error) });
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if ('answer' in message) {
    waiting.get(message.answer)({ rows: message.rows });
    waiting.delete(message.answer);
  } else {
    run(message);
  }
}
await redis.quit();
