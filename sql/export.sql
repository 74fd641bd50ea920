-- Export of a student's history, chunk by chunk.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION white_cross;
SELECT wc_create_tables('public');
SELECT count(*) FROM wc_attach('public');
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "enrollmentDate", "createdAt", "updatedAt") VALUES
    ('s1', 'N1', 'Ada', 'O''Brien, "A"', '2015-03-01', '4', 'FEMALE', '2020-08-20', '2020-08-20', '2025-01-01 00:00:00.120'),
    ('s2', 'N2', 'Bo', 'Empty', '2014-02-28', '5', 'OTHER', '2020-08-20', '2020-08-20', '2025-01-01');
INSERT INTO health_records (id, type, date, description, vital, provider, notes, attachments, "createdAt", "updatedAt", "studentId")
SELECT 'r' || n, (ARRAY['CHECKUP', 'VACCINATION', 'DENTAL']::"HealthRecordType"[])[1 + n % 3],
       timestamp '2025-10-10 09:30' - n / 2 * interval '1 day', (ARRAY['plain', E'two\nlines', '=1+1'])[1 + n % 3],
       (ARRAY[NULL, 'null', '{"height": 120.50, "more": {"deep": [1, null]}}', '{"weight": 25}'])[1 + n % 4]::jsonb,
       (ARRAY[NULL, 'Nurse Joy', 'Dr. "O''Neil"', ''])[1 + n % 4], CASE WHEN n % 2 = 0 THEN '-note ' || n END,
       CASE n WHEN 1 THEN '{"a.pdf","b \"c\".png",NULL}' WHEN 2 THEN '{}' END::text[], '2025-10-10 10:00:00.123', '2025-10-11', 's1'
FROM generate_series(1, 5) AS n;
INSERT INTO allergies (id, allergen, severity, verified, "createdAt", "updatedAt", "studentId") VALUES
    ('a1', 'Milk', 'MILD', false, '2025-01-01', '2025-01-01', 's1'), ('a2', 'Peanuts', 'LIFE_THREATENING', true, '2025-01-01', '2025-01-01', 's1');
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", medications, "createdAt", "updatedAt", "studentId") VALUES
    ('c1', 'Asthma', '2022-01-01', '{"Inhaler"}', '2025-01-01', '2025-01-01', 's1');

-- Only exportDate differs between two exports.
CREATE FUNCTION shown(chunk text) RETURNS text LANGUAGE sql AS
    $$ SELECT regexp_replace(chunk, '"exportDate":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"', '"exportDate":"…"') $$;
SELECT shown(wc_export_health_history('s1', 2)::text);
SELECT shown(wc_export_health_history('s2')::text);
SELECT shown(wc_export_health_history_ndjson('s1'::text));

-- Unknown students.
SELECT wc_export_health_history('nobody');
SELECT wc_export_health_history(NULL::text);
SELECT wc_export_health_history_csv('nobody'::text);
-- Every way to name a student and a size; a set at either place.
SELECT count(*) FROM wc_export_health_history('s1', NULL) AS chunk;
SELECT count(*) FROM wc_export_health_history(7) AS chunk;
SELECT count(*) FROM wc_export_health_history('6f2c1b1e-0000-4000-8000-00000000abcd'::uuid) AS chunk;
SELECT chunk ->> 'type' FROM wc_export_health_history('s1', 10000) AS chunk;
SELECT id, wc_export_health_history(id) ->> 'type' AS type FROM students ORDER BY id, type;
SELECT wc_export_health_history('s1', 0);
\echo :SQLSTATE
SELECT wc_export_health_history('s1', 10001);
\echo :SQLSTATE

-- Many students.
SELECT student_id, chunk ->> 'type' AS type, chunk ->> 'chunk' AS chunk
FROM wc_export_health_histories('{s2,nobody,NULL,s1,s2}'::text[], 3);
SELECT count(*) FROM wc_export_health_histories('{}'::text[]);
SELECT count(*) FROM wc_export_health_histories(NULL::text[]);

-- CSV.
SELECT wc_export_health_history_csv('s1'::text);
SELECT wc_export_health_history_csv('s1'::text, 'records', harmless => false);
SELECT wc_export_health_history_csv('s1'::text, 'allergies');
SELECT wc_export_health_history_csv('s1'::text, 'conditions');
SELECT wc_export_health_history_csv('s1'::text, 'student');
SELECT wc_export_health_history_csv('s2'::text, 'allergies');
SELECT wc_export_health_history_csv('s1'::text, 'everything');
\echo :SQLSTATE

-- A file: COPY's own text form has its backslashes, and a CSV of one column, with quote and delimiter that no JSON has, has none.
COPY (SELECT shown(wc_export_health_history('s2')::text)) TO STDOUT;
COPY (SELECT shown(wc_export_health_history_ndjson('s1'::text))) TO STDOUT WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');

-- A cursor that is left early, and one that outlives its transaction, after a piece of it was read.
BEGIN;
DECLARE early CURSOR FOR SELECT wc_export_health_history('s1', 1) ->> 'type';
FETCH 2 FROM early;
SAVEPOINT before;
FETCH 1 FROM early;
DELETE FROM health_records;
ROLLBACK TO before;
DELETE FROM health_records WHERE id = 'r5';
FETCH 1 FROM early;
CLOSE early;
ROLLBACK;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT wc_export_health_history('s1', 2) ->> 'type';
FETCH 2 FROM held;
COMMIT;
FETCH ALL FROM held;
CLOSE held;
SELECT wc_export_health_history('s1', 1) ->> 'type' LIMIT 2;

-- Columns that are not attributes, and generated columns.
ALTER TABLE allergies ADD COLUMN "severity rank" numeric(6,2) DEFAULT 1.50, ADD COLUMN seen date DEFAULT '2025-01-02', ADD COLUMN flags boolean,
    ADD COLUMN loud text GENERATED ALWAYS AS (upper(allergen)) STORED, ADD COLUMN gone int;
ALTER TABLE allergies DROP COLUMN gone;
SELECT a ->> 'type', a -> 'allergies' -> 0 FROM wc_export_health_history('s1') AS a WHERE a ->> 'type' = 'allergies';

SET client_min_messages = warning;
DROP FUNCTION shown;
DROP EXTENSION white_cross;
DROP TABLE students, health_records, allergies, chronic_conditions;
DROP TYPE "Gender", "AllergySeverity", "HealthRecordType";
