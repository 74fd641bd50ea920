// The attached tables for TypeORM.  `synchronize: false` on an index says that it is there, and that nobody creates, changes or drops it:
// so `synchronize`, `schema:sync` and `migration:generate` leave the indexes of wc_index_statements.
const { EntitySchema } = require('typeorm');

const text = { type: 'text' };
const optional = { type: 'text', nullable: true };
const list = { type: 'text', array: true, nullable: true };
const time = { type: 'timestamp', precision: 3 };
const now = { ...time, default: () => 'CURRENT_TIMESTAMP' };
const noTime = { ...time, nullable: true };
const id = { type: 'text', primary: true };
const student = { type: 'many-to-one', target: 'Student', joinColumn: { name: 'studentId' }, onDelete: 'CASCADE', nullable: false };

// The columns of an index are those of the table; TypeORM does not compare them.
const left = (name, ...columns) => ({ name, columns, synchronize: false });

exports.entities = [
  new EntitySchema({
    name: 'Student',
    tableName: 'students',
    columns: {
      id, studentNumber: { ...text, unique: true }, firstName: text, lastName: text, dateOfBirth: time, grade: text,
      gender: { type: 'enum', enum: ['MALE', 'FEMALE', 'OTHER', 'PREFER_NOT_TO_SAY'], enumName: 'Gender' }, photo: optional,
      isActive: { type: 'boolean', default: true }, createdAt: now, updatedAt: now,
    },
    // Of names, where pg_trgm is installed.
    indices: [left('idx_students_name', 'firstName', 'lastName', 'studentNumber')],
  }),
  new EntitySchema({
    name: 'HealthRecord',
    tableName: 'health_records',
    columns: {
      id, studentId: text, date: time, description: text, vital: { type: 'jsonb', nullable: true }, provider: optional, notes: optional,
      type: {
        type: 'enum', enumName: 'HealthRecordType',
        enum: ['CHECKUP', 'VACCINATION', 'ILLNESS', 'INJURY', 'SCREENING', 'PHYSICAL_EXAM', 'MENTAL_HEALTH', 'DENTAL', 'VISION', 'HEARING'],
      },
      attachments: list, createdAt: now, updatedAt: now,
    },
    relations: { student },
    indices: [
      left('idx_health_records_student_date_type', 'studentId', 'date', 'createdAt', 'id'),
      left('idx_health_records_student_date', 'studentId', 'date'),
      left('idx_health_records_student_type', 'studentId', 'type'),
      left('idx_health_records_date', 'date', 'createdAt', 'id'),
      left('idx_health_records_vital_gin', 'vital'),
      left('idx_health_records_search', 'description', 'notes', 'provider'),
    ],
  }),
  new EntitySchema({
    name: 'Allergy',
    tableName: 'allergies',
    columns: {
      id, studentId: text, allergen: text,
      severity: { type: 'enum', enum: ['MILD', 'MODERATE', 'SEVERE', 'LIFE_THREATENING'], enumName: 'AllergySeverity' },
      reaction: optional, treatment: optional, verified: { type: 'boolean', default: false }, verifiedBy: optional, verifiedAt: noTime,
      createdAt: now, updatedAt: now,
    },
    relations: { student },
    indices: [left('idx_allergies_student_severity', 'studentId', 'severity')],
  }),
  new EntitySchema({
    name: 'ChronicCondition',
    tableName: 'chronic_conditions',
    columns: {
      id, studentId: text, condition: text, diagnosedDate: time, status: { ...text, default: 'ACTIVE' }, severity: optional,
      notes: optional, carePlan: optional, medications: list, restrictions: list, triggers: list, diagnosedBy: optional,
      lastReviewDate: noTime, nextReviewDate: noTime, createdAt: now, updatedAt: now,
    },
    relations: { student },
    indices: [left('idx_chronic_conditions_student_status', 'studentId', 'status')],
  }),
];
