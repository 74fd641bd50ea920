// Drizzle: summaries as a column of a query, and from the cache.  In a copy of this folder:
//
//   npm install drizzle-orm@0.45 pg@8 redis@5 PATH/OF/clients/node
//   psql -d school -f school.sql
//   DATABASE_URL=postgresql://localhost/school REDIS_URL=redis://localhost node drizzle.mjs
import { randomUUID } from 'node:crypto';
import { asc, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { createClient } from 'redis';
import { Cache } from 'white-cross';
import tables from './migrations/drizzle.cjs';

const { healthRecords, students } = tables;
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const db = drizzle(pool);
const redis = createClient({ url: process.env.REDIS_URL }).on('error', ({ message }) => console.warn(`Redis: ${message}`));
redis.connect().catch(() => {});  // nobody waits for it: without Redis the database answers
// The pool beneath Drizzle takes the text and the values of a statement as the cache hands them out.
const cache = new Cache({ redis, query: (text, values) => pool.query(text, values) });

function show(what, { student, recordCounts }) {
  const counts = Object.entries(recordCounts).map(([type, count]) => `${count} ${type}`).join(', ');
  console.log(`${what}: ${student.firstName} ${student.lastName}, ${counts || 'no records'}`);
}

// Read, from the cache: text, which a browser could have as it is.
show('read', JSON.parse(await cache.read('ada')));

// List, from the database: one statement for the students of any condition.
const list = await db.select({ summary: sql`wc_health_summary(${students.id})` }).from(students).orderBy(asc(students.id));
for (const { summary } of list) show('list', summary);

// Write, and read one's own write: the token makes the cache refuse what it has from before.
const token = await db.transaction(async (transaction) => {
  await transaction.insert(healthRecords).values({ id: randomUUID(), studentId: 'bob', type: 'DENTAL', date: new Date(), description: 'Check' });
  const { rows } = await transaction.execute(sql`SELECT wc_write_token() AS token`);
  return rows[0].token;
});
show('own write', JSON.parse(await cache.read('bob', 'health_summary', { token })));

await cache.close();
redis.destroy();
await pool.end();
