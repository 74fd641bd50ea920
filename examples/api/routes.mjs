// What each route does.  Every value goes to PostgreSQL as a parameter, and JSON comes from there as text: nothing here parses it.

import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { Cache, recordsKind } from 'white-cross';
import { record, recordsQuery, searchQuery, student, writeToken } from './input.mjs';
import { Refusal, refusalOf } from './refusal.mjs';

const SEARCH = 'SELECT wc_search_health_records($1, $2, $3, $4)::text AS found';

// One statement, and so one round trip and one transaction.  The token belongs to that transaction.
const ADD = `WITH added AS (
    INSERT INTO health_records (id, "studentId", type, date, description, provider, notes, vital, "updatedAt")
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now())
    RETURNING id, "studentId", type, to_char(date, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS date, description, provider, notes, vital)
SELECT json_build_object('healthRecord', to_json(added))::text AS added, wc_write_token() AS token FROM added`;

const WORKER_MS = 2000;  // to wait for the worker's figures

const success = (data) => `{"success":true,"data":${data}}`;

/**
 * {routes, close}.  Each route is given ({id, parameters, request}), and gives {status, text, headers}.
 * redis: a client of the package redis.  pool: a Pool of the package pg.  worker: the URL of wc-worker.
 */
export function makeRoutes({ redis, pool, worker, workerToken, onError, audit, opaqueKeys = false }) {
  const reading = new AsyncLocalStorage();  // of the request that reads

  // Without names, since a PgBouncer before 1.21 does not know prepared statements.
  async function query(text, values) {
    try {
      return (await pool.query(text, values)).rows;
    } catch (error) {
      throw refusalOf(error);
    }
  }

  const cache = new Cache({
    redis, onError, audit, opaqueKeys,
    query: (text, values) => {
      if (text.includes('wc_cache_entries')) reading.getStore().fromRedis = false;  // other queries ask for opaque keys
      return query(text, values);
    },
  });

  // Says in a header whether Redis had it, so that whoever measures can tell hits from misses.
  function read(id, kind, { headers }) {
    const read = { fromRedis: true };
    return reading.run(read, async () => {
      const text = await cache.read(student('student', id), kind, { token: writeToken(headers['x-write-token']) });
      if (text === null) throw new Refusal(404, 'no such student');
      return { status: 200, text: success(text), headers: { 'Server-Timing': `cache;desc=${read.fromRedis ? 'hit' : 'miss'}` } };
    });
  }

  const routes = {
    summary: ({ id, request }) => read(id, 'health_summary', request),

    records: ({ id, parameters, request }) => {
      const { page, limit, filters } = recordsQuery(parameters);
      return read(id, recordsKind(page, limit, filters), request);
    },

    search: async ({ parameters }) => {
      const { q, type, page, limit } = searchQuery(parameters);
      const [{ found }] = await query(SEARCH, [q, type ?? null, page, limit]);
      return { status: 200, text: success(found) };
    },

    // Whoever must see the record, in whatever process, reads with the token in the header X-Write-Token.
    create: async ({ request }) => {
      const { studentId, type, date, description, provider, notes, vital } = await record(request);
      const [{ added, token }] = await query(ADD, [randomUUID(), studentId, type, date, description, provider, notes, vital]);
      return { status: 201, text: success(added), headers: { 'X-Write-Token': token } };
    },

    // As the worker gives it.
    performance: async () => {
      try {
        const headers = workerToken ? { Authorization: `Bearer ${workerToken}` } : {};
        const answer = await fetch(new URL('/api/admin/performance', worker), { headers, signal: AbortSignal.timeout(WORKER_MS) });
        if (!answer.ok) throw new Error(`status ${answer.status}`);
        return { status: 200, text: await answer.text() };
      } catch (error) {
        onError(error);
        throw new Refusal(503, 'the worker is away');
      }
    },
  };
  return { routes, close: () => cache.close() };
}
