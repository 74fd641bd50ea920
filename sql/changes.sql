-- Change tracking: every kind of write queues exactly the students that it changed, with its commit.
\set SHOW_CONTEXT never
CREATE EXTENSION white_cross;
SELECT wc_create_tables('public');
SELECT count(*) FROM wc_attach('public');

-- What was queued since the last look.  s = student, h = health_records, a = allergies, c = chronic_conditions, g = growth.
CREATE FUNCTION queued() RETURNS TABLE (changed text, students text[]) LANGUAGE sql AS $$
    WITH taken AS (DELETE FROM white_cross.invalidation RETURNING *)
    SELECT concat(CASE WHEN sections & 1 > 0 THEN 's' END, CASE WHEN sections & 2 > 0 THEN 'h' END, CASE WHEN sections & 4 > 0 THEN 'a' END,
                  CASE WHEN sections & 8 > 0 THEN 'c' END, CASE WHEN sections & 16 > 0 THEN 'g' END), students
    FROM taken ORDER BY xid, n
$$;

INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT 's' || n, n, 'first', 'last', '2015-01-01', '4', 'FEMALE' FROM generate_series(1, 5) AS n;
-- While no worker is registered, nothing is queued.
SELECT * FROM queued();
SELECT white_cross.register_worker('w1') AS new;
SELECT white_cross.register_worker('w1') AS again;
-- Changes from before the registration are unknown, so every student is queued.
SELECT * FROM queued();

-- INSERT, UPDATE, DELETE.
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender) VALUES ('s6', 6, 'f', 'l', '2015-01-01', '4', 'MALE');
SELECT * FROM queued();
UPDATE students SET grade = '5' WHERE id = 's6';
SELECT * FROM queued();
UPDATE students SET "dateOfBirth" = '2015-01-02' WHERE id = 's6';
SELECT * FROM queued();
UPDATE students SET id = 's7' WHERE id = 's6';
SELECT * FROM queued();
DELETE FROM students WHERE id = 's7';
SELECT * FROM queued();

-- A growth chart becomes stale only by records with a vital, and by columns that it shows.
INSERT INTO health_records (id, type, date, description, "studentId") VALUES ('h1', 'ILLNESS', '2025-01-01', 'x', 's1');
SELECT * FROM queued();
UPDATE health_records SET vital = '{"height": 120}' WHERE id = 'h1';
SELECT * FROM queued();
UPDATE health_records SET notes = 'n' WHERE id = 'h1';
SELECT * FROM queued();
UPDATE health_records SET vital = '{"height":  120}' WHERE id = 'h1';
SELECT * FROM queued();
UPDATE health_records SET date = '2025-01-02' WHERE id = 'h1';
SELECT * FROM queued();
UPDATE health_records SET "studentId" = 's2' WHERE id = 'h1';
SELECT * FROM queued();
UPDATE health_records SET vital = NULL WHERE id = 'h1';
SELECT * FROM queued();
DELETE FROM health_records WHERE id = 'h1';
SELECT * FROM queued();

-- A row that moves to another student changes both.
INSERT INTO allergies (id, allergen, severity, "studentId") VALUES ('a1', 'Milk', 'MILD', 's1');
SELECT * FROM queued();
UPDATE allergies SET "studentId" = 's2';
SELECT * FROM queued();
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", "studentId") VALUES ('c1', 'Asthma', '2025-01-01', 's3');
SELECT * FROM queued();

-- A student is queued once per transaction, however often it changes; each combination of sections has a row.
BEGIN;
UPDATE allergies SET allergen = 'Soy';
UPDATE allergies SET allergen = 'Eggs';
UPDATE chronic_conditions SET status = 'MANAGED';
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", "studentId") VALUES ('c2', 'Asthma', '2025-01-01', 's2');
COMMIT;
SELECT * FROM queued();

-- A rolled back transaction queues nothing.  After ROLLBACK TO SAVEPOINT students may be queued without need, which does no harm.
BEGIN;
UPDATE students SET grade = '6';
ROLLBACK;
SELECT * FROM queued();
BEGIN;
UPDATE students SET grade = '6' WHERE id = 's1';
SAVEPOINT one;
UPDATE students SET grade = '6' WHERE id = 's2';
ROLLBACK TO one;
UPDATE students SET grade = '6' WHERE id = 's3';
RELEASE one;
COMMIT;
SELECT * FROM queued();
DO $$ BEGIN UPDATE students SET grade = '7' WHERE id = 's1'; RAISE 'no'; EXCEPTION WHEN OTHERS THEN UPDATE students SET grade = '7' WHERE id = 's4'; END $$;
SELECT * FROM queued();
-- The next transaction does not queue them again.
SELECT 1 AS one;
SELECT * FROM queued();

-- COPY, upsert, MERGE, cascades, changes by rules of the tables themselves.
COPY allergies (id, allergen, severity, "studentId") FROM stdin;
a2	Milk	MILD	s4
a3	Eggs	MILD	s5
\.
SELECT * FROM queued();
INSERT INTO allergies (id, allergen, severity, "studentId") VALUES ('a2', 'Milk', 'SEVERE', 's4'), ('a4', 'Soy', 'MILD', 's1')
ON CONFLICT (id) DO UPDATE SET severity = excluded.severity;
SELECT * FROM queued();
INSERT INTO allergies (id, allergen, severity, "studentId") VALUES ('a2', 'Milk', 'SEVERE', 's4') ON CONFLICT DO NOTHING;
SELECT * FROM queued();
MERGE INTO allergies AS t USING (VALUES ('a2', 's4'), ('a5', 's3')) AS v (id, student) ON t.id = v.id
WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, allergen, severity, "studentId") VALUES (v.id, 'New', 'MILD', v.student);
SELECT * FROM queued();
DELETE FROM students WHERE id = 's3';
SELECT changed, students FROM queued() ORDER BY 1;
SET session_replication_role = replica;
UPDATE students SET grade = '8' WHERE id = 's1';
RESET session_replication_role;
SELECT * FROM queued();

-- TRUNCATE queues every student.
TRUNCATE allergies;
SELECT * FROM queued();
BEGIN;
UPDATE students SET grade = '9' WHERE id = 's1';
TRUNCATE students CASCADE;
COMMIT;
SELECT * FROM queued();

-- A transaction too large to remember counts as everything.
SET white_cross.max_students_per_transaction = 3;
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT 's' || n, n, 'first', 'last', '2015-01-01', '4', 'FEMALE' FROM generate_series(1, 5) AS n;
SELECT * FROM queued();
RESET white_cross.max_students_per_transaction;
-- Many students: several rows of moderate size, which contain all of them.
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT 'x' || n, 'x' || n, 'first', 'last', '2015-01-01', '4', 'FEMALE' FROM generate_series(1, 5000) AS n;
SELECT max(cardinality(students)) BETWEEN 50 AND 300 AS moderate, max(pg_column_size(students)) < 2000 AS in_line, sum(cardinality(students)) AS students,
       count(DISTINCT xid) AS transactions FROM white_cross.invalidation;
SELECT count(DISTINCT u) FROM queued() AS q, unnest(q.students) AS u;
-- A very long id.
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT repeat(n::text, 2500), 'long' || n, 'first', 'last', '2015-01-01', '4', 'FEMALE' FROM generate_series(1, 3) AS n;
SELECT changed, cardinality(students), length(students[1]) FROM queued();

-- Prepared transactions queue when they are prepared, and their rows come with COMMIT PREPARED.
BEGIN;
UPDATE students SET grade = '10' WHERE id = 's1';
PREPARE TRANSACTION 'wc';
SELECT * FROM queued();
COMMIT PREPARED 'wc';
SELECT * FROM queued();

-- A writer needs no privileges on the queue, and may have any search_path.
CREATE ROLE wc_writer;
GRANT USAGE ON SCHEMA public TO wc_writer;
GRANT SELECT, UPDATE ON students TO wc_writer;
SET ROLE wc_writer;
SET search_path = '';
UPDATE public.students SET grade = '11' WHERE id = 's1';
SELECT * FROM white_cross.invalidation;
RESET search_path;
RESET ROLE;
SELECT * FROM queued();

-- wc_invalidate queues in the transaction, for roles that may call it, and returns how many students.
BEGIN;
SELECT wc_invalidate('s1'), wc_invalidate('{s2,NULL,s3,s2}'::text[]) AS many, wc_invalidate('{}'::text[]) AS none, wc_invalidate(NULL::text) AS "null";
SELECT * FROM queued();
COMMIT;
SELECT * FROM queued();
SELECT wc_invalidate_all();
SELECT * FROM queued();
BEGIN;
SELECT wc_invalidate('s1');
ROLLBACK;
SELECT * FROM queued();
BEGIN READ ONLY;
SELECT wc_invalidate('s1');
ROLLBACK;
SET ROLE wc_writer;
SELECT wc_invalidate('s1');
SELECT wc_invalidate_all();
RESET ROLE;

-- Without a worker nothing is queued again.
SELECT white_cross.unregister_worker('w1') AS gone, white_cross.unregister_worker('w1') AS again;
UPDATE students SET grade = '12' WHERE id = 's1';
SELECT wc_invalidate('s1'), wc_invalidate_all(), wc_invalidate_pattern('student:*'), wc_prewarm('{s1}'::text[]);
SELECT * FROM queued();

-- Deferred triggers write before the queue rows are inserted, so their changes are queued.
SELECT white_cross.register_worker('w1') AS new;
SELECT * FROM queued();
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE students SET grade = 'late' WHERE id = 's5'; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON students DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.id = 's1') EXECUTE FUNCTION late();
SET white_cross.notify = off;
UPDATE students SET grade = '13' WHERE id = 's1';
SELECT * FROM queued();

-- Partitions, written directly or through their parent; a row that moves between them.
SELECT wc_detach('public');
ALTER TABLE allergies RENAME TO allergies_whole;
CREATE TABLE allergies (LIKE allergies_whole) PARTITION BY LIST ("studentId");
CREATE TABLE allergies_1 PARTITION OF allergies FOR VALUES IN ('s1');
CREATE TABLE allergies_2 (extra int, LIKE allergies_whole);
ALTER TABLE allergies_2 DROP COLUMN extra;
ALTER TABLE allergies ATTACH PARTITION allergies_2 DEFAULT;
SELECT count(*) FROM wc_attach('public');
INSERT INTO allergies (id, allergen, severity, verified, "createdAt", "updatedAt", "studentId")
VALUES ('p1', 'Milk', 'MILD', false, now(), now(), 's1'), ('p2', 'Milk', 'MILD', false, now(), now(), 's2');
SELECT * FROM queued();
UPDATE allergies_2 SET allergen = 'Eggs';
SELECT * FROM queued();
UPDATE allergies SET "studentId" = 's4' WHERE id = 'p1';
SELECT * FROM queued();
TRUNCATE allergies_2;
SELECT * FROM queued();
SELECT json_array_length(wc_health_summary('s4') -> 'allergies') AS none;

-- A column renamed under the trigger: the write goes on, and everything counts as changed.
ALTER TABLE chronic_conditions RENAME COLUMN "studentId" TO pupil;
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", pupil) VALUES ('c3', 'Asthma', '2025-01-01', 's1');
SELECT * FROM queued();

SET client_min_messages = warning;
DROP OWNED BY wc_writer;
DROP ROLE wc_writer;
DROP FUNCTION queued, late CASCADE;
DROP EXTENSION white_cross;
DROP TABLE students, health_records, allergies, allergies_whole, chronic_conditions CASCADE;
DROP TYPE "Gender", "AllergySeverity", "HealthRecordType";
