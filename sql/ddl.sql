-- DDL changes rows, or their meaning, without firing row triggers: the whole cache becomes stale then.
\set SHOW_CONTEXT never
CREATE EXTENSION white_cross;
CREATE SCHEMA clinic;
SELECT wc_create_tables('clinic');
SELECT count(*) FROM wc_attach('clinic');
SELECT white_cross.register_worker('w1') AS new;
CREATE FUNCTION queued() RETURNS TABLE (sections smallint, students text[]) LANGUAGE sql AS $$
    WITH taken AS (DELETE FROM white_cross.invalidation RETURNING *) SELECT sections, students FROM taken ORDER BY xid, n
$$;
SELECT * FROM queued();

-- DDL that does not concern the attached tables.
CREATE TABLE clinic.other (id int, sex clinic."Gender");
ALTER TABLE clinic.other ADD COLUMN x int;
DROP TABLE clinic.other;
CREATE TABLE students (id int);
ALTER TABLE students ADD COLUMN x int;
DROP TABLE students;
CREATE TYPE clinic.shade AS ENUM ('light');
ALTER TYPE clinic.shade RENAME VALUE 'light' TO 'dark';
CREATE INDEX ON clinic.students ("lastName");
SELECT * FROM queued();

-- DDL that does: columns, labels, names.
ALTER TABLE clinic.students ADD COLUMN nick text;
SELECT * FROM queued();
ALTER TABLE clinic.students ALTER COLUMN grade TYPE varchar(20);
SELECT * FROM queued();
ALTER TYPE clinic."AllergySeverity" RENAME VALUE 'MILD' TO 'SLIGHT';
SELECT * FROM queued();
BEGIN;
ALTER TABLE clinic.students DROP COLUMN nick;
ROLLBACK;
SELECT * FROM queued();
-- By a role that may alter the tables and has no rights on the extension.
CREATE ROLE wc_owner;
ALTER SCHEMA clinic OWNER TO wc_owner;
ALTER TABLE clinic.allergies OWNER TO wc_owner;
DELETE FROM white_cross.invalidation;
SET ROLE wc_owner;
ALTER TABLE clinic.allergies ADD COLUMN extra int;
RESET ROLE;
SELECT * FROM queued();

-- A table made again under an attached name is tracked again.
ALTER TABLE clinic.allergies RENAME TO allergies_old;
SELECT * FROM queued();
CREATE TABLE clinic.allergies (LIKE clinic.allergies_old INCLUDING ALL) PARTITION BY LIST (id);
SELECT * FROM queued();

-- Partitions: made, attached, detached, dropped.
CREATE TABLE clinic.allergies_a PARTITION OF clinic.allergies FOR VALUES IN ('a1');
SELECT * FROM queued();
TRUNCATE clinic.allergies_a;
SELECT * FROM queued();
CREATE TABLE clinic.allergies_b (LIKE clinic.allergies_old INCLUDING ALL);
INSERT INTO clinic.allergies_b (id, allergen, severity, "studentId") VALUES ('a2', 'Milk', 'SLIGHT', 's1');
SELECT * FROM queued();
ALTER TABLE clinic.allergies ATTACH PARTITION clinic.allergies_b FOR VALUES IN ('a2');
SELECT * FROM queued();
UPDATE clinic.allergies_b SET allergen = 'Eggs';
SELECT * FROM queued();
ALTER TABLE clinic.allergies DETACH PARTITION clinic.allergies_a;
SELECT * FROM queued();
DROP TABLE clinic.allergies_b;
SELECT * FROM queued();
SELECT tgrelid::regclass AS relation, tgname, tgenabled FROM pg_trigger
WHERE tgname LIKE 'white_cross%' AND tgrelid::regclass::text LIKE '%allergies%' ORDER BY 1, 2;

-- The triggers themselves.
ALTER TABLE clinic.students DISABLE TRIGGER white_cross_change;
SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'clinic.students'::regclass AND tgname = 'white_cross_change';
SELECT * FROM queued();
DROP TRIGGER white_cross_change ON clinic.health_records;
SELECT * FROM queued();
SELECT count(*) FROM wc_attach('clinic');
SELECT count(*) > 0 AS stale, bool_and(students IS NULL) AS everything FROM queued();
SELECT count(*) FROM wc_attach('clinic');
SELECT * FROM queued();

SET client_min_messages = warning;
DROP EXTENSION white_cross;
DROP FUNCTION queued;
DROP SCHEMA clinic CASCADE;
DROP ROLE wc_owner;
