// The old application's routes, from white_cross: README.md says how to start it.

import { once } from 'node:events';
import pg from 'pg';
import { createClient } from 'redis';
import { appendTo } from 'white-cross';
import { makeRoutes } from './routes.mjs';
import { makeServer } from './server.mjs';

function needed(name) {
  const value = process.env[name];
  if (!value) {
    console.error(`${name} is not set`);
    process.exit(2);
  }
  return value;
}

const log = (entry) => console.log(JSON.stringify({ time: new Date().toISOString(), ...entry }));

// At most one of a kind in a second: a Redis that is away would otherwise fill the disk.
function seldom(what) {
  let again = 0;
  return ({ name, code }) => {
    if (Date.now() < again) return;
    again = Date.now() + 1000;
    log({ failed: what, error: name, code });
  };
}

const token = needed('API_TOKEN');
const redis = createClient({ url: needed('REDIS_URL'), disableOfflineQueue: true }).on('error', seldom('redis'));
redis.connect().catch(() => {});  // nobody waits for it: without Redis the database answers

const pool = new pg.Pool({
  connectionString: needed('DATABASE_URL'),
  max: Number(process.env.DB_POOL_MAX ?? 10),
  connectionTimeoutMillis: Number(process.env.DB_CONNECTION_TIMEOUT ?? 5000),
  idleTimeoutMillis: Number(process.env.DB_IDLE_TIMEOUT ?? 10_000),
  query_timeout: 6000,  // a little longer than the role's statement_timeout, which ends the statement itself
}).on('error', seldom('database'));

const { routes, close: closeCache } = makeRoutes({
  redis, pool, worker: process.env.WORKER_URL ?? 'http://127.0.0.1:9618', workerToken: process.env.WORKER_TOKEN, onError: seldom('cache or worker'),
  audit: process.env.AUDIT_FILE ? appendTo(process.env.AUDIT_FILE) : undefined, opaqueKeys: process.env.OPAQUE_KEYS === '1',
});
const { server, close } = makeServer({ routes, token, log });

server.listen({ port: Number(process.env.PORT ?? 3001), host: process.env.HOST ?? '127.0.0.1', backlog: 1024 });
await once(server, 'listening');
log({ listens: server.address().port });

await Promise.race(['SIGTERM', 'SIGINT'].map((name) => once(process, name)));
const allEnded = await close(Number(process.env.SHUTDOWN_MS ?? 10_000));
log({ ended: allEnded ? 'all requests were answered' : 'some requests were cut off' });
if (!allEnded) process.exit(1);  // what they still do in the database ends with the connections
await closeCache();
await pool.end();
redis.destroy ? redis.destroy() : await redis.disconnect();
