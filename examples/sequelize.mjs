// Sequelize 6: summaries as an attribute of a model, and from the cache.  In a copy of this folder:
//
//   npm install sequelize@6 pg@8 redis@5 PATH/OF/clients/node
//   psql -d school -f school.sql
//   DATABASE_URL=postgresql://localhost/school REDIS_URL=redis://localhost node sequelize.mjs
import { randomUUID } from 'node:crypto';
import { createClient } from 'redis';
import { DataTypes, QueryTypes, Sequelize, col, fn } from 'sequelize';
import { Cache } from 'white-cross';

const sequelize = new Sequelize(process.env.DATABASE_URL, { dialect: 'postgres', logging: false });
const Student = sequelize.define('Student', { id: { type: DataTypes.TEXT, primaryKey: true } }, { tableName: 'students' });
const HealthRecord = sequelize.define('HealthRecord', {
  id: { type: DataTypes.TEXT, primaryKey: true, defaultValue: randomUUID },
  type: DataTypes.TEXT,
  date: DataTypes.DATE,
  description: DataTypes.TEXT,
  studentId: DataTypes.TEXT,
}, { tableName: 'health_records' });

const redis = createClient({ url: process.env.REDIS_URL }).on('error', ({ message }) => console.warn(`Redis: ${message}`));
redis.connect().catch(() => {});  // nobody waits for it: without Redis the database answers
// `bind`, not `replacements`: the values travel beside the statement and not in it.
const query = (text, bind, options) => sequelize.query(text, { bind, type: QueryTypes.SELECT, ...options });
const cache = new Cache({ redis, query: (text, values) => query(text, values) });

function show(what, { student, recordCounts }) {
  const counts = Object.entries(recordCounts).map(([type, count]) => `${count} ${type}`).join(', ');
  console.log(`${what}: ${student.firstName} ${student.lastName}, ${counts || 'no records'}`);
}

// Read, from the cache: text, which a browser could have as it is.
show('read', JSON.parse(await cache.read('ada')));

// List, from the database: one statement for the students of any condition.
const summary = [fn('wc_health_summary', col('Student.id')), 'summary'];
const students = await Student.findAll({ attributes: ['id', summary], order: ['id'] });
for (const student of students) show('list', student.get('summary'));

// Write, and read one's own write: the token makes the cache refuse what it has from before.
const token = await sequelize.transaction(async (transaction) => {
  await HealthRecord.create({ studentId: 'bob', type: 'DENTAL', date: new Date(), description: 'Check' }, { transaction });
  const [row] = await query('SELECT wc_write_token() AS token', [], { transaction });
  return row.token;
});
show('own write', JSON.parse(await cache.read('bob', 'health_summary', { token })));

await cache.close();
redis.destroy();
await sequelize.close();
