// An application that reads a student's health summary from the cache, writes, and reads its own write.

import { Cache } from '../clients/node/index.js';  // of the package white-cross

// redis: a connected client of the package redis.  pool: of the package pg.
export function makeCache(redis, pool) {
  return new Cache({ redis, query: (text, values) => pool.query(text, values), onError: console.warn });
}

// The text of the JSON, or null; a browser can have it as it is.  token: of a write that must be seen.
export async function healthSummary(cache, student, token) {
  return cache.read(student, 'health_summary', { token });
}

// A write.  Whoever must see it, in whatever process, reads with the token.
export async function rename(pool, student, firstName) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('UPDATE students SET "firstName" = $1 WHERE id = $2', [firstName, student]);
    const { rows } = await client.query('SELECT wc_write_token() AS token');
    await client.query('COMMIT');
    return rows[0].token;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}
