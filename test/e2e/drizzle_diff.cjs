// What `drizzle-kit push` would run, one statement a line: node drizzle_diff.cjs SCHEMA [with|create]
const { Pool } = require('pg');
const { drizzle } = require('drizzle-orm/node-postgres');
const { PgTable } = require('drizzle-orm/pg-core');
const { pushSchema } = require('drizzle-kit/api');

const [, , file, mode] = process.argv;
const { tablesFilter, ...schema } = require(file);
if (!mode) {
  const extras = Symbol.for('drizzle:ExtraConfigBuilder');
  for (const table of Object.values(schema)) if (table instanceof PgTable) table[extras] = undefined;
}
const print = process.stdout.write.bind(process.stdout);
process.stdout.write = () => true;  // its progress
(async () => {
  const found = await pushSchema(schema, drizzle(new Pool({ connectionString: process.env.DATABASE_URL })), ['public'], mode ? tablesFilter : []);
  if (mode === 'create') await found.apply();
  print((mode === 'create' ? [] : found.statementsToExecute).map((one) => `${one.replace(/\s+/g, ' ')}\n`).join(''), () => process.exit());
})();
