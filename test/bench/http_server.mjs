// An API server of one process that hands out health summaries, with four ways to cache them: http_reads.py measures them.
//
//   /plain/ID    cache-aside without a fence, as it is usually written: GET, and after a miss a statement and SET
//   /fenced/ID   clients/node
//   /lua/ID      the same, but with wc_get alone
//   /cpu         the processor time of this process so far
//   /old/ID      as the service did that is replaced: five statements, and JSON parsed and printed at each step
//
// Prints its port when it listens.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { Cache } from '../../clients/node/index.js';

const require = createRequire(import.meta.url);  // where NODE_PATH says
const { createClient } = require('redis');
const { Pool } = require('pg');

const redis = createClient({ url: process.env.REDIS_URL });
await redis.connect();
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const query = (text, values) => pool.query({ name: text.slice(0, 60), text, values });  // a prepared statement for each text

// The client without its shorter way.
const withoutMget = new Proxy(redis, {
  get(target, name) {
    if (name === 'mGet') return async () => [null, null];
    const value = target[name];
    return typeof value === 'function' ? value.bind(target) : value;
  },
});

const fenced = new Cache({ redis, query });
const lua = new Cache({ redis: withoutMget, query });

const SUMMARY = 'SELECT wc_health_summary($1::text)::text AS value';

async function plain(id) {
  const key = `student:${id}:health_summary`;
  const cached = await redis.get(key);
  if (cached !== null) return cached;
  const { value } = (await query(SUMMARY, [id])).rows[0];
  await redis.set(key, value, { EX: 300 });
  return value;
}

const OF_STUDENT = [
  'SELECT "id", "firstName", "lastName", "studentNumber", "dateOfBirth", "gender" FROM students WHERE "id" = $1',
  'SELECT * FROM allergies WHERE "studentId" = $1 ORDER BY "severity" DESC, "allergen"',
  'SELECT "id", "date", "vital", "type", "provider" FROM health_records WHERE "studentId" = $1 AND "vital" IS NOT NULL ORDER BY "date" DESC LIMIT 5',
  `SELECT "id", "type", "date", "description", "provider", "notes" FROM health_records WHERE "studentId" = $1 AND "type" = 'VACCINATION' ORDER BY "date" DESC LIMIT 5`,
  'SELECT "type", count(*)::int AS n FROM health_records WHERE "studentId" = $1 GROUP BY "type"',
];

async function old(id) {
  const key = `student:${id}:health_summary`;
  const cached = await redis.get(key);
  if (cached !== null) return JSON.stringify(JSON.parse(cached));
  const [student, allergies, vitals, vaccinations, counts] = await Promise.all(OF_STUDENT.map((text) => query(text, [id])));
  const summary = {
    student: student.rows[0], allergies: allergies.rows, recentVitals: vitals.rows, recentVaccinations: vaccinations.rows,
    recordCounts: Object.fromEntries(counts.rows.map(({ type, n }) => [type, n])),
  };
  await redis.setEx(key, 300, JSON.stringify(summary));
  return JSON.stringify(summary);
}

// The processor time that this process has taken, in microseconds.
const processorTime = async () => String(process.cpuUsage().user + process.cpuUsage().system);

const WAYS = {
  plain, old,
  fenced: (id) => fenced.read(id),
  lua: (id) => lua.read(id),
  cpu: processorTime,
};

const server = createServer(async (request, response) => {
  const [, way, id] = request.url.split('/');
  try {
    const text = await WAYS[way](id);
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(text);
  } catch (error) {
    response.writeHead(500);
    response.end(String(error));
  }
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => console.log(server.address().port));
