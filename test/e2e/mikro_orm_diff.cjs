// What MikroORM's `schema:update` would run, one statement a line: node mikro_orm_diff.cjs DECLARATIONS [with|create]
const { EntitySchema, MikroORM } = require('@mikro-orm/postgresql');

const { leave, indexes } = require(process.argv[2]);
const mode = process.argv[3];

const all = (properties) => Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, { ...property, fieldName: name }]));
const text = { type: 'text' };
const time = { type: 'Date', columnType: 'timestamp(3)' };
const now = { ...time, defaultRaw: 'CURRENT_TIMESTAMP' };
const list = { type: 'string[]', columnType: 'text[]', nullable: true };
const none = { nullable: true };
const entity = (tableName, properties) => new EntitySchema({
  name: tableName,
  tableName,
  properties: all({ id: { ...text, primary: true }, ...properties, createdAt: now, updatedAt: now }),
  indexes: (mode && indexes[tableName]) || [],
});

const entities = [
  entity('students', { studentNumber: text, firstName: text, lastName: text, dateOfBirth: time, grade: text, gender: text }),
  entity('health_records', {
    studentId: text, type: text, date: time, description: text, vital: { type: 'json', columnType: 'jsonb', ...none },
    provider: { ...text, ...none }, notes: { ...text, ...none }, attachments: list,
  }),
  entity('allergies', {
    studentId: text, allergen: text, severity: text, reaction: { ...text, ...none }, treatment: { ...text, ...none },
    verified: { type: 'boolean' }, verifiedBy: { ...text, ...none }, verifiedAt: { ...time, ...none },
  }),
  entity('chronic_conditions', {
    studentId: text, condition: text, diagnosedDate: time, status: text, severity: { ...text, ...none }, notes: { ...text, ...none },
    carePlan: { ...text, ...none }, medications: list, restrictions: list, triggers: list, diagnosedBy: { ...text, ...none },
    lastReviewDate: { ...time, ...none }, nextReviewDate: { ...time, ...none },
  }),
];

(async () => {
  const orm = await MikroORM.init({ clientUrl: process.env.DATABASE_URL, entities, ...(mode ? leave : {}) });
  if (mode === 'create') await orm.schema.createSchema();
  const found = await orm.schema.getUpdateSchemaSQL({ wrap: false });
  process.stdout.write(found.replace(/\n+/g, '\n'), () => process.exit());
})();
