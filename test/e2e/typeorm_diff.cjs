// What TypeORM's `synchronize` would run, one statement a line: node typeorm_diff.cjs ENTITIES [with|create]
const { DataSource } = require('typeorm');
const { entities } = require(process.argv[2]);

const mode = process.argv[3];
if (!mode) for (const entity of entities) entity.options.indices = [];
const source = new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, entities });
(async () => {
  await source.initialize();
  if (mode === 'create') await source.synchronize();
  const { upQueries } = await source.driver.createSchemaBuilder().log();
  process.stdout.write(upQueries.map(({ query }) => `${query.replace(/\s+/g, ' ')}\n`).join(''), () => process.exit());
})();
