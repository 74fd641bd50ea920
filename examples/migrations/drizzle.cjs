// The attached tables for Drizzle, with the indexes of wc_index_statements, so that `drizzle-kit push` leaves them.  Its configuration
// needs the filter below too: drizzle-kit drops views of a schema that are not in this file, also those of an extension.
const { sql } = require('drizzle-orm');
const { boolean, index, jsonb, pgEnum, pgTable, text, timestamp } = require('drizzle-orm/pg-core');

const gender = pgEnum('Gender', ['MALE', 'FEMALE', 'OTHER', 'PREFER_NOT_TO_SAY']);
const severity = pgEnum('AllergySeverity', ['MILD', 'MODERATE', 'SEVERE', 'LIFE_THREATENING']);
const recordType = pgEnum('HealthRecordType', [
  'CHECKUP', 'VACCINATION', 'ILLNESS', 'INJURY', 'SCREENING', 'PHYSICAL_EXAM', 'MENTAL_HEALTH', 'DENTAL', 'VISION', 'HEARING',
]);

const time = (name) => timestamp(name, { precision: 3 });
const now = (name) => time(name).notNull().default(sql`CURRENT_TIMESTAMP`);
const studentId = () => text('studentId').notNull().references(() => students.id, { onDelete: 'cascade' });

const students = pgTable('students', {
  id: text('id').primaryKey(),
  studentNumber: text('studentNumber').notNull().unique(),
  firstName: text('firstName').notNull(),
  lastName: text('lastName').notNull(),
  dateOfBirth: time('dateOfBirth').notNull(),
  grade: text('grade').notNull(),
  gender: gender('gender').notNull(),
  isActive: boolean('isActive').notNull().default(true),
  createdAt: now('createdAt'),
  updatedAt: now('updatedAt'),
});

const healthRecords = pgTable('health_records', {
  id: text('id').primaryKey(),
  studentId: studentId(),
  type: recordType('type').notNull(),
  date: time('date').notNull(),
  description: text('description').notNull(),
  vital: jsonb('vital'),
  provider: text('provider'),
  notes: text('notes'),
  attachments: text('attachments').array(),
  createdAt: now('createdAt'),
  updatedAt: now('updatedAt'),
}, (t) => [
  // DESC is written with NULLS FIRST, which is what PostgreSQL makes of DESC alone.
  index('idx_health_records_student_date_type').on(t.studentId, t.date.desc().nullsFirst(), t.createdAt.desc().nullsFirst(), t.id, t.type),
  index('idx_health_records_student_date').on(t.studentId, t.date.desc().nullsFirst()),
  index('idx_health_records_student_type').on(t.studentId, t.type),
  index('idx_health_records_date').on(t.date.desc().nullsFirst(), t.createdAt.desc().nullsFirst(), t.id),
  index('idx_health_records_vital_gin').using('gin', t.vital),
  index('idx_health_records_search').using('gin', sql`to_tsvector('english'::regconfig,
    COALESCE(${t.description}, '') || ' ' || COALESCE(${t.notes}, '') || ' ' || COALESCE(${t.provider}, ''))`),
]);

const allergies = pgTable('allergies', {
  id: text('id').primaryKey(),
  studentId: studentId(),
  allergen: text('allergen').notNull(),
  severity: severity('severity').notNull(),
  reaction: text('reaction'),
  treatment: text('treatment'),
  verified: boolean('verified').notNull().default(false),
  verifiedBy: text('verifiedBy'),
  verifiedAt: time('verifiedAt'),
  createdAt: now('createdAt'),
  updatedAt: now('updatedAt'),
}, (t) => [index('idx_allergies_student_severity').on(t.studentId, t.severity.desc().nullsFirst())]);

const chronicConditions = pgTable('chronic_conditions', {
  id: text('id').primaryKey(),
  studentId: studentId(),
  condition: text('condition').notNull(),
  diagnosedDate: time('diagnosedDate').notNull(),
  status: text('status').notNull().default('ACTIVE'),
  severity: text('severity'),
  notes: text('notes'),
  carePlan: text('carePlan'),
  medications: text('medications').array(),
  restrictions: text('restrictions').array(),
  triggers: text('triggers').array(),
  diagnosedBy: text('diagnosedBy'),
  lastReviewDate: time('lastReviewDate'),
  nextReviewDate: time('nextReviewDate'),
  createdAt: now('createdAt'),
  updatedAt: now('updatedAt'),
}, (t) => [index('idx_chronic_conditions_student_status').on(t.studentId, t.status)]);

// For drizzle.config: { tablesFilter }
const tablesFilter = ['!wc_*', '!student_summaries'];

module.exports = { tablesFilter, gender, severity, recordType, students, healthRecords, allergies, chronicConditions };
