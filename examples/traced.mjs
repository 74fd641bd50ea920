// An HTTP server whose requests take part in traces: it hands the header traceparent of each request on to PostgreSQL.
//
//   GET /students/ID/summary     the health summary
//   POST /students/ID/records    writes a record, {"type": …, "description": …}, and answers with the summary that has it
//
// redis: a client of the package redis.  pool: a Pool of the package pg.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer } from 'node:http';
import { healthSummary, makeCache } from './fenced.mjs';

// Does the work in a transaction, under the trace of the request.  The setting ends with the transaction, so that the
// connection is clean for the next request.
async function inTrace(pool, traceparent, work) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    if (traceparent) await client.query("SELECT set_config('white_cross.traceparent', $1, true)", [traceparent]);
    const result = await work((text, values) => client.query(text, values));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

// Returns the token with which a reader sees the record.
async function addRecord(query, student, { type, description }) {
  await query(`INSERT INTO health_records (id, type, date, description, "studentId", "updatedAt")
               VALUES (gen_random_uuid(), $1, now(), $2, $3, now())`, [type, description, student]);
  return (await query('SELECT wc_write_token() AS token')).rows[0].token;
}

async function bodyOf(request) {
  let text = '';
  for await (const part of request.setEncoding('utf8')) text += part;
  return JSON.parse(text);
}

export function tracedServer(redis, pool) {
  // The cache serves all requests, and loads each value in the trace of the request that wants it.
  const callers = new AsyncLocalStorage();
  const cache = makeCache(redis, { query: (text, values) => inTrace(pool, callers.getStore(), (query) => query(text, values)) });
  return createServer(async (request, response) => {
    const traced = (work) => inTrace(pool, request.headers.traceparent, work);
    const [, , student, what] = request.url.split('/').map(decodeURIComponent);
    try {
      const record = request.method === 'POST' && what === 'records' ? await bodyOf(request) : null;
      const token = record ? await traced((query) => addRecord(query, student, record)) : '';
      // Reads after the commit: what a transaction builds after a write of its own must not be cached.
      const summary = await callers.run(request.headers.traceparent, () => healthSummary(cache, student, token));
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(summary);
    } catch {
      response.writeHead(500).end();
    }
  });
}
