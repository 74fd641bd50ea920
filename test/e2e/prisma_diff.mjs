// What `prisma migrate diff --script` prints, by Prisma's schema engine as WebAssembly: node prisma_diff.mjs FOLDER-OF-MODULES SCHEMA [push]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [, , modules, file, push] = process.argv;
const require = createRequire(`${modules}/`);
const { Pool } = require('pg');
const { PrismaPg } = require('@prisma/adapter-pg');
const { bindMigrationAwareSqlAdapterFactory } = require('@prisma/driver-adapter-utils');

const glue = await import(require.resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
const binary = readFileSync(require.resolve('@prisma/schema-engine-wasm/schema_engine_bg').replace(/js$/, 'wasm'));
const { instance } = await WebAssembly.instantiate(binary, { './schema_engine_bg.js': glue });
glue.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start();

// The adapter does not read "char", which catalogs have; as text it does.
const [CHAR, TEXT] = [18, 25];
const pool = new Pool({ connectionString: process.env.DATABASE_URL });
const query = pool.query.bind(pool);
pool.query = async (...all) => {
  const result = await query(...all);
  for (const field of result.fields ?? []) if (field.dataTypeID === CHAR) field.dataTypeID = TEXT;
  return result;
};

const content = readFileSync(file, 'utf8');
const schema = { files: [{ path: file, content }] };
const filters = { externalTables: [], externalEnums: [] };
const engine = await glue.SchemaEngine.new({ datamodels: [[file, content]] }, () => {}, bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool)));
if (push) await engine.schemaPush({ force: true, schema, filters });
const found = await engine.diff({
  from: { tag: 'schemaDatasource', ...schema, configDir: '.' }, to: { tag: 'schemaDatamodel', ...schema },
  script: true, exitCode: null, shadowDatabaseUrl: null, filters,
});
process.stdout.write(found.stdout, () => process.exit());
