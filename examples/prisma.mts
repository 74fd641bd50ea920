// Prisma 7: a client on which each student has healthSummary(), with its type, from the cache.  In a copy of this folder:
//
//   npm install prisma@7 @prisma/client@7 @prisma/adapter-pg@7 redis@5 typescript@5 @types/node@20 PATH/OF/clients/node
//   psql -d school -f school.sql
//   npx prisma generate --schema migrations/schema.prisma
//   npx tsc --strict --skipLibCheck --module nodenext --target es2022 prisma.mts
//   DATABASE_URL=postgresql://localhost/school REDIS_URL=redis://localhost node prisma.mjs
import { randomUUID } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { createClient } from 'redis';
import { Cache } from 'white-cross';
import type { Summary } from 'white-cross/shapes';
import { PrismaClient } from './migrations/client/index.js';

const database = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });
const redis = createClient({ url: process.env.REDIS_URL }).on('error', ({ message }) => console.warn(`Redis: ${message}`));
redis.connect().catch(() => {});  // nobody waits for it: without Redis the database answers
const cache = new Cache({ redis, query: (text, values) => database.$queryRawUnsafe(text, ...values) });

// What is asked for at once is read at once: of a list of students, one statement loads all that Redis has not.
let together: { ids: string[]; texts: Promise<(string | null)[]> } | null = null;

function begin() {
  const ids: string[] = [];
  const texts = Promise.resolve().then(() => {
    together = null;
    return cache.readMany(ids);
  });
  return { ids, texts };
}

async function readTogether(id: string) {
  together ??= begin();
  const place = together.ids.push(id) - 1;
  return (await together.texts)[place];
}

// token: of a write that must be seen.
async function healthSummary(id: string, token?: string): Promise<Summary> {
  const text = token ? await cache.read(id, 'health_summary', { token }) : await readTogether(id);
  if (text === null) throw new Error(`there is no student ${id} any more`);
  return JSON.parse(text);
}

// `needs` makes Prisma fetch the id, whatever a query selects.
const prisma = database.$extends({
  result: { student: { healthSummary: { needs: { id: true }, compute: ({ id }) => (token?: string) => healthSummary(id, token) } } },
});

function show(what: string, { student, recordCounts }: Summary) {
  const counts = Object.entries(recordCounts).map(([type, count]) => `${count} ${type}`).join(', ');
  console.log(`${what}: ${student.firstName} ${student.lastName}, ${counts || 'no records'}`);
}

// Read.
const ada = await prisma.student.findUniqueOrThrow({ where: { id: 'ada' } });
show('read', await ada.healthSummary());

// List.
const students = await prisma.student.findMany({ orderBy: { id: 'asc' }, select: { healthSummary: true } });
for (const summary of await Promise.all(students.map((student) => student.healthSummary()))) show('list', summary);

// Write, and read one's own write: the token makes the cache refuse what it has from before.  Read behind the transaction: what is
// built inside one that has written is not for others.
const { bob, token } = await prisma.$transaction(async (transaction) => {
  const record = await transaction.healthRecord.create({
    data: { id: randomUUID(), type: 'DENTAL', date: new Date(), description: 'Check', studentId: 'bob' },
    select: { student: true },
  });
  const [{ token }] = await transaction.$queryRaw<{ token: string }[]>`SELECT wc_write_token() AS token`;
  return { bob: record.student, token };
});
show('own write', await bob.healthSummary(token));

await cache.close();
redis.destroy();
await database.$disconnect();
