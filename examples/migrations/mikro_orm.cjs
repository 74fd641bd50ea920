// What MikroORM needs to leave what is ours: `leave` in its configuration, and in each entity of the attached tables the indexes of
// wc_index_statements, which it creates itself too: { name: 'HealthRecord', …, indexes: indexes.health_records }.
exports.leave = { schemaGenerator: { ignoreSchema: ['white_cross'] } };

const index = (table) => ([name, definition]) => ({ name, expression: `create index "${name}" on "${table}" ${definition}` });

const document = `to_tsvector('english', COALESCE("description", '') || ' ' || COALESCE("notes", '') || ' ' || COALESCE("provider", ''))`;

exports.indexes = {
  health_records: [
    ['idx_health_records_student_date_type', '("studentId", "date" DESC, "createdAt" DESC, "id") INCLUDE ("type")'],
    ['idx_health_records_student_date', '("studentId", "date" DESC)'],
    ['idx_health_records_student_type', '("studentId", "type")'],
    ['idx_health_records_date', '("date" DESC, "createdAt" DESC, "id")'],
    ['idx_health_records_vital_gin', 'USING gin ("vital")'],
    ['idx_health_records_search', `USING gin (${document})`],
  ].map(index('health_records')),
  allergies: [['idx_allergies_student_severity', '("studentId", "severity" DESC)']].map(index('allergies')),
  chronic_conditions: [['idx_chronic_conditions_student_status', '("studentId", "status")']].map(index('chronic_conditions')),
};
