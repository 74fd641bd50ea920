-- Binding to an application's tables: found, mapped, checked, undone.
CREATE EXTENSION white_cross;
\set SHOW_CONTEXT never

-- Without the tables: one error names all that is missing, and nothing is attached.
CREATE SCHEMA clinic;
SELECT wc_attach('clinic');
\echo :SQLSTATE
SELECT wc_attach('no such schema');
\echo :SQLSTATE
SELECT wc_health_summary('s1');
\echo :SQLSTATE
SELECT count(*) FROM white_cross.binding;

-- The tables as Prisma would make them.
SELECT wc_create_tables('clinic');
SELECT wc_create_tables('clinic');
\echo :SQLSTATE
SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull FROM pg_attribute
WHERE attrelid = 'clinic.health_records'::regclass AND attnum > 0 ORDER BY attnum;
SELECT indexrelid::regclass AS index FROM pg_index
WHERE indrelid IN ('clinic.students'::regclass, 'clinic.health_records'::regclass, 'clinic.allergies'::regclass, 'clinic.chronic_conditions'::regclass)
ORDER BY indexrelid::regclass::text COLLATE "C";
SELECT conrelid::regclass AS relation, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'clinic'::regnamespace ORDER BY conrelid::regclass::text COLLATE "C";
SELECT wc_index_statements('clinic');
DROP INDEX clinic.idx_health_records_student_date_type, clinic.idx_health_records_search;
SELECT wc_index_statements('clinic');
SELECT wc_index_statements('clinic', false) \gexec
SELECT * FROM wc_attach('clinic');

-- Row triggers fire always, also for a subscriber; TRUNCATE has its own.
CREATE VIEW made AS
    SELECT tgrelid::regclass AS relation, tgname, tgenabled, tgtype & 1 AS for_each_row FROM pg_trigger
    WHERE tgfoid = 'white_cross.record_change()'::regprocedure ORDER BY tgrelid::regclass::text, tgname;
SELECT * FROM made;

-- Attaching twice changes nothing, and repairs what was lost.
SELECT xmin AS before FROM white_cross.binding WHERE entity = 'students' \gset
SELECT count(*) FROM wc_attach('clinic');
SELECT xmin = :'before'::xid AS unchanged FROM white_cross.binding WHERE entity = 'students';
DROP TRIGGER white_cross_change ON clinic.allergies;
ALTER TABLE clinic.students DISABLE TRIGGER white_cross_change;
SELECT count(*) FROM wc_attach('clinic');
SELECT count(*), count(*) FILTER (WHERE tgenabled = 'A') AS always FROM made;

-- Only one schema can be attached at a time.
CREATE SCHEMA other;
SELECT wc_create_tables('other');
SELECT wc_attach('other');
\echo :SQLSTATE
SELECT wc_detach('other');
\echo :SQLSTATE
SELECT wc_detach('clinic');
SELECT * FROM made;
SELECT count(*) FROM white_cross.binding;
SELECT wc_detach('clinic');
\echo :SQLSTATE

-- A missing column, a column of a wrong type, a column with another name.
ALTER TABLE other.students RENAME COLUMN "firstName" TO given;
ALTER TABLE other.allergies DROP COLUMN reaction;
SELECT wc_attach('other');
\echo :SQLSTATE
ALTER TABLE other.allergies ADD COLUMN reaction int;
SELECT wc_attach('other', '{"students": {"columns": {"firstName": "given"}}}');
\echo :SQLSTATE
ALTER TABLE other.allergies ALTER COLUMN reaction TYPE text;
ALTER TABLE other.students RENAME TO pupils;
SELECT wc_attach('other', '{"students": {"table": "pupils", "columns": {"firstname": "given"}}, "pupils": 1}');
\echo :SQLSTATE
SELECT wc_attach('other', '[]');
\echo :SQLSTATE
SELECT wc_attach(NULL);
\echo :SQLSTATE
SELECT * FROM wc_attach('other', '{"students": {"table": "pupils", "columns": {"firstName": "given"}}}');
-- Attaching again keeps the overrides.
SELECT * FROM wc_attach('other');
SELECT count(*) FROM wc_index_statements('other');
SELECT wc_detach('other');
\echo :SQLSTATE

-- Ids have different types in the two tables.
ALTER TABLE other.allergies DROP CONSTRAINT "allergies_studentId_fkey";
ALTER TABLE other.allergies ALTER COLUMN "studentId" TYPE bigint USING 1;
SELECT wc_attach('other', '{"students": {"table": "pupils", "columns": {"firstName": "given"}}}');
\echo :SQLSTATE

-- Partitions: row triggers are cloned, each partition has its own for TRUNCATE.
CREATE SCHEMA parts;
SELECT wc_create_tables('parts', false);
DROP TABLE parts.health_records;
CREATE TABLE parts.health_records (id text NOT NULL, type parts."HealthRecordType" NOT NULL, date timestamp(3) NOT NULL,
    description text NOT NULL, vital jsonb, provider text, notes text, attachments text[], "createdAt" timestamp(3),
    "updatedAt" timestamp(3), "studentId" text NOT NULL) PARTITION BY RANGE (date);
CREATE TABLE parts.records_2025 PARTITION OF parts.health_records FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE parts.records_rest PARTITION OF parts.health_records DEFAULT;
SELECT count(*) FROM wc_attach('parts');
SELECT * FROM made WHERE relation::text LIKE '%record%';
SELECT wc_detach('parts');
SELECT * FROM made;

-- Only the owner of the tables can attach them.
CREATE ROLE wc_visitor;
SET ROLE wc_visitor;
SELECT wc_attach('clinic');
\echo :SQLSTATE
SELECT wc_index_statements('clinic');
\echo :SQLSTATE
SELECT * FROM white_cross.binding;
RESET ROLE;
-- Their owner needs no other privilege.
GRANT USAGE ON SCHEMA clinic TO wc_visitor;
ALTER TABLE clinic.students OWNER TO wc_visitor;
ALTER TABLE clinic.health_records OWNER TO wc_visitor;
ALTER TABLE clinic.allergies OWNER TO wc_visitor;
SET ROLE wc_visitor;
SELECT wc_attach('clinic');
\echo :SQLSTATE
RESET ROLE;
ALTER TABLE clinic.chronic_conditions OWNER TO wc_visitor;
SET ROLE wc_visitor;
SELECT count(*) FROM wc_attach('clinic');
SELECT wc_index_statements('clinic');
SELECT wc_detach('clinic');
RESET ROLE;
REASSIGN OWNED BY wc_visitor TO CURRENT_USER;
DROP OWNED BY wc_visitor;
DROP ROLE wc_visitor;

-- DROP EXTENSION takes the triggers along and leaves the application's tables whole.
SELECT count(*) FROM wc_attach('clinic');
INSERT INTO clinic.students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
VALUES ('s1', '1', 'Ada', 'L', '2015-01-01', '4', 'FEMALE');
DROP VIEW made;
DROP EXTENSION white_cross;
SELECT tgname FROM pg_trigger WHERE tgname LIKE 'white_cross%';
SELECT count(*) FROM clinic.students;
INSERT INTO clinic.allergies (id, allergen, severity, "studentId") VALUES ('a1', 'Milk', 'MILD', 's1');
-- In a schema of its own, and in the one that its internal tables live in.
CREATE SCHEMA tools;
CREATE EXTENSION white_cross SCHEMA tools;
SELECT count(*) FROM tools.wc_attach('clinic');
SELECT tools.wc_health_summary('s1') -> 'allergies' -> 0 ->> 'allergen' AS allergen;
DROP EXTENSION white_cross;
CREATE SCHEMA white_cross;
CREATE EXTENSION white_cross SCHEMA white_cross;
SELECT count(*) FROM white_cross.wc_attach('clinic');
SELECT white_cross.wc_health_summary('s1') -> 'allergies' -> 0 ->> 'allergen' AS allergen;
DROP EXTENSION white_cross;
SET client_min_messages = warning;
DROP SCHEMA white_cross, clinic, other, parts, tools CASCADE;
