// Runs examples/traced.mjs for a test, until its standard input ends.  Prints its port when it listens.
import { createRequire } from 'node:module';
import { tracedServer } from '../../examples/traced.mjs';

const require = createRequire(import.meta.url);  // where NODE_PATH says
const { createClient } = require('redis');
const { Pool } = require('pg');

const redis = createClient({ url: process.env.REDIS_URL });
redis.on('error', () => {});  // it connects again by itself
await redis.connect();
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 4 });
const server = tracedServer(redis, pool);
server.listen({ port: 0, host: '127.0.0.1' }, () => console.log(server.address().port));

for await (const _ of process.stdin);
server.close();
server.closeAllConnections();
await pool.end();
await redis.quit();
