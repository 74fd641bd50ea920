-- The health summary: its shape, its values, and privileges.
\set SHOW_CONTEXT never
CREATE EXTENSION white_cross;
SELECT wc_create_tables('public');
SELECT count(*) FROM wc_attach('public');

-- Reads by direct reads and by queries, and reports differences.
CREATE FUNCTION summary(id text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    direct json;
    queried json;
BEGIN
    PERFORM set_config('white_cross.direct_reads', 'on', true);
    direct := wc_health_summary(id);
    PERFORM set_config('white_cross.direct_reads', 'off', true);
    queried := wc_health_summary(id);
    PERFORM set_config('white_cross.direct_reads', 'on', true);
    IF direct::text IS DISTINCT FROM queried::text THEN
        RAISE WARNING 'direct: %, by queries: %', direct, queried;
    END IF;
    RETURN direct;
END
$$;

INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender) VALUES
    ('s1', 'N1', 'Ada', 'O''Brien', '2015-03-01', '4', 'FEMALE'),
    ('s2', 'N2', E'Tab\there "quoted" back\\slash', E'nl\n\x01\x1f\x7f end', '2014-02-28 13:14:15.678', '5', 'OTHER'),
    ('s3', 'N3', 'Зоя 🧒🏽', '李', '0099-01-01', '5', 'PREFER_NOT_TO_SAY');

-- No records at all.
SELECT summary('s1');
-- Quotes, control characters, emoji; a year that needs zeros.
SELECT summary('s2') -> 'student';
SELECT summary('s2') -> 'student' ->> 'lastName' = E'nl\n\x01\x1f\x7f end' AS same;
SELECT summary('s3') -> 'student';
-- Unknown, and NULL.
SELECT summary('nobody') IS NULL AS unknown, wc_health_summary(NULL::text) IS NULL AS null_id;
SELECT s.id, h.summary IS NULL AS unknown FROM (VALUES ('s1'), ('nobody')) AS s (id)
LEFT JOIN LATERAL wc_health_summary(s.id) AS h (summary) ON true;

-- Vitals: SQL NULL and JSON null are none; anything else is one.  Ties on date break by id.
INSERT INTO health_records (id, type, date, description, vital, provider, notes, "createdAt", "updatedAt", "studentId")
SELECT 'r' || n, (ARRAY['VACCINATION', 'CHECKUP']::"HealthRecordType"[])[1 + n % 2], timestamp '2025-10-10 09:30' - n / 3 * interval '1 day',
       'record ' || n, v::jsonb, nullif('Nurse ' || n % 3, 'Nurse 0'), NULL, '2025-10-10', '2025-10-10', 's1'
FROM unnest(ARRAY[NULL, 'null', '{}', '{"height": 120.50, "weight": 25}', '[1, "a", {"b": null}]', '7', '"text"', 'true',
                  NULL, '{"n": {"m": [0, -0.001, 1e30, 123456789012345678901234567890]}}']) WITH ORDINALITY AS u (v, n);
SELECT e ->> 'id' AS id, e ->> 'date' AS date, e -> 'vital' AS vital, e ->> 'type' AS type, e ->> 'provider' AS provider
FROM json_array_elements(summary('s1') -> 'recentVitals') AS e;
SELECT e FROM json_array_elements(summary('s1') -> 'recentVaccinations') AS e;
SELECT summary('s1') -> 'recordCounts' AS counts;
-- More records with one date than a summary shows.
UPDATE health_records SET date = '2025-01-01', vital = '{"bmi": 17.10}', type = 'VACCINATION';
SELECT json_agg(e ->> 'id') FROM json_array_elements(summary('s1') -> 'recentVitals') AS e;
SELECT json_agg(e ->> 'id') FROM json_array_elements(summary('s1') -> 'recentVaccinations') AS e;

-- Numbers keep their digits: compared with numeric's text form over all sizes and scales.
CREATE TABLE numbers AS
SELECT row_number() OVER () AS n, (sign * mantissa * 10::numeric ^ exponent)::numeric(60, 20) AS any_scale,
       round(sign * mantissa * 10::numeric ^ exponent, scale) AS value
FROM unnest('{1,-1}'::int[]) AS sign, unnest('{0,1,9,10,99,1234,9999,10000,12345678,99999999,1234567890123456}'::numeric[]) AS mantissa,
     generate_series(-13, 9, 1) AS exponent, generate_series(0, 14) AS scale;
INSERT INTO students SELECT 'n' || n, 'n' || n, '', '', '2015-01-01', '1', 'MALE' FROM numbers;
INSERT INTO health_records (id, type, date, description, vital, "studentId")
SELECT 'n' || n, 'CHECKUP', '2025-01-01', '', jsonb_build_array(value, any_scale, trim_scale(value)), 'n' || n FROM numbers;
SELECT count(*) AS numbers, count(*) FILTER (WHERE (wc_health_summary('n' || n) -> 'recentVitals' -> 0 -> 'vital')::text
    <> replace(jsonb_build_array(value, any_scale, trim_scale(value))::text, ', ', ',')) AS differ
FROM numbers;
DELETE FROM students WHERE id LIKE 'n%';

-- Times as JavaScript prints them, over the whole range.
CREATE TABLE times (at timestamp);
INSERT INTO times VALUES ('2025-10-10 09:30'), ('1999-12-31 23:59:59.999'), ('2000-02-29'), ('1900-02-28 00:00:00.001'),
    ('0001-01-01'), ('0001-01-01 BC'), ('4713-01-01 BC'), ('9999-12-31 23:59:59.999'), ('10000-01-01'), ('294276-12-31'), ('infinity'), ('-infinity');
ALTER TABLE students ALTER COLUMN "dateOfBirth" TYPE timestamp;
INSERT INTO students SELECT 't' || at, 't' || at, '', '', at, '1', 'MALE' FROM times;
SELECT at, summary('t' || at) -> 'student' -> 'dateOfBirth' AS printed FROM times;
INSERT INTO students SELECT 'd' || d, 'd' || d, '', '', timestamp '1890-01-01' + d * interval '37 hours 11 minutes 13.456789 s', '1', 'MALE' FROM generate_series(0, 50000, 7) AS d;
SELECT count(*) AS times, count(*) FILTER (WHERE wc_health_summary(id) -> 'student' ->> 'dateOfBirth'
    <> to_char(date_trunc('milliseconds', "dateOfBirth"), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) AS differ FROM students WHERE id LIKE 'd%';
DELETE FROM students WHERE id ~ '^[td]';

-- Allergies: the most severe first, then by name, then by id.
INSERT INTO allergies (id, allergen, severity, verified, "verifiedAt", "createdAt", "updatedAt", "studentId") VALUES
    ('a1', 'Milk', 'MILD', true, '2025-01-01 10:00', '2025-01-01', '2025-01-01', 's1'), ('a3', 'Eggs', 'SEVERE', false, NULL, '2025-01-01', '2025-01-01', 's1'),
    ('a2', 'Eggs', 'SEVERE', false, NULL, '2025-01-01', '2025-01-01', 's1'), ('a4', 'Bees', 'LIFE_THREATENING', false, NULL, '2025-01-01', '2025-01-01', 's1'),
    ('a5', 'Almond', 'SEVERE', false, NULL, '2025-01-01', '2025-01-01', 's1');
SELECT json_agg(e ->> 'id') FROM json_array_elements(summary('s1') -> 'allergies') AS e;
SELECT summary('s1') -> 'allergies' -> 4;

-- Sections that only "include" adds.
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", medications, restrictions, triggers, "createdAt", "updatedAt", "studentId") VALUES
    ('c1', 'Asthma', '2024-01-01', '{Albuterol,"with, comma"}', '{}', NULL, '2025-01-01', '2025-01-01', 's1');
UPDATE health_records SET vital = jsonb_build_object('height', 120 + substr(id, 2)::int, 'temperature', 37.0), date = date + substr(id, 2)::int * interval '1 day';
SELECT key FROM json_object_keys(wc_health_summary('s1')) AS key;
SELECT key FROM json_object_keys(wc_health_summary('s1', include => '{chronicConditions,growth,trends}')) AS key;
SELECT wc_health_summary('s1', '{chronicConditions}') -> 'chronicConditions' AS conditions;
SELECT wc_health_summary('s1', '{growth}') -> 'growth' -> 0 AS first_point, json_array_length(wc_health_summary('s1', '{growth}') -> 'growth') AS points;
SELECT wc_health_summary('s1', '{trends}') -> 'trends' AS trends;
SELECT wc_health_summary('s2', '{chronicConditions,growth,trends}') -> 'trends' AS none;
SELECT wc_health_summary('s1', '{vitals}');
\echo :SQLSTATE
SELECT wc_health_summary('s1', '{NULL}');
\echo :SQLSTATE

-- Many students at once: a row for each id, in their order.
SELECT student_id, summary IS NULL AS unknown, summary -> 'student' ->> 'firstName' AS name
FROM wc_health_summaries(ARRAY['s3', 'nobody', NULL, 's1', 's3']);
SELECT count(*) FROM wc_health_summaries('{}'::text[]);
SET white_cross.direct_reads = off;
SELECT student_id, summary IS NULL AS unknown, summary -> 'student' ->> 'firstName' AS name
FROM wc_health_summaries(ARRAY['s3', 'nobody', NULL, 's1', 's3']);
RESET white_cross.direct_reads;

-- In a transaction with changes of its own, and in a read-only one.
BEGIN;
INSERT INTO allergies (id, allergen, severity, "studentId") VALUES ('own', 'Own', 'MILD', 's3');
SELECT summary('s3') -> 'allergies' -> 0 ->> 'id' AS own;
SAVEPOINT before;
UPDATE allergies SET allergen = 'Changed' WHERE id = 'own';
SELECT summary('s3') -> 'allergies' -> 0 ->> 'allergen' AS own;
ROLLBACK TO before;
SELECT summary('s3') -> 'allergies' -> 0 ->> 'allergen' AS own;
ROLLBACK;
SELECT summary('s3') -> 'allergies' AS rolled_back;
BEGIN TRANSACTION READ ONLY ISOLATION LEVEL SERIALIZABLE;
SELECT wc_health_summary('s3') IS NOT NULL AS readable;
COMMIT;

-- In a parallel query.
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS off) SELECT id FROM students WHERE length(wc_health_summary(id)::text) > 0;
SELECT count(*) FROM students WHERE length(wc_health_summary(id)::text) > 0;
RESET max_parallel_workers_per_gather;

-- Row-level security: a caller sees what the policies show, and no more.
CREATE ROLE wc_nurse;
GRANT USAGE ON SCHEMA public TO wc_nurse;
GRANT SELECT ON students, health_records, allergies TO wc_nurse;
GRANT EXECUTE ON FUNCTION summary TO wc_nurse;
SET ROLE wc_nurse;
SELECT json_array_length(summary('s1') -> 'allergies') AS all_of_them;
RESET ROLE;
ALTER TABLE allergies ENABLE ROW LEVEL SECURITY;
CREATE POLICY mild ON allergies FOR SELECT TO wc_nurse USING (severity = 'MILD');
SELECT json_array_length(wc_health_summary('s1') -> 'allergies') AS owner_sees;
SET ROLE wc_nurse;
SELECT json_agg(e ->> 'id') FROM json_array_elements(summary('s1') -> 'allergies') AS e;
SELECT json_array_length(summary -> 'allergies') FROM wc_health_summaries('{s1}'::text[]);
RESET ROLE;
ALTER TABLE students ENABLE ROW LEVEL SECURITY;
SET ROLE wc_nurse;
SELECT summary('s1') IS NULL AS hidden;
SELECT student_id, summary IS NULL AS hidden FROM wc_health_summaries('{s1,s2}'::text[]);
RESET ROLE;
-- What a policy calls may attach other columns, and read by other queries, while the query that has the policy runs.
CREATE FUNCTION attaches_and_reads() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET white_cross.direct_reads = off SET max_parallel_workers_per_gather = 0 AS $$
BEGIN
    PERFORM wc_attach('public', '{"students": {"columns": {"lastName": "firstName"}}}');
    PERFORM wc_health_summary('s2'), (SELECT count(*) FROM wc_health_summaries('{s2}'::text[]));
    PERFORM wc_attach('public', '{}');
    PERFORM wc_health_summary('s2'), (SELECT count(*) FROM wc_health_summaries('{s2}'::text[]));
    RETURN true;
END
$$;
CREATE POLICY busy ON students FOR SELECT TO wc_nurse USING (CASE id WHEN 's1' THEN attaches_and_reads() END);
SET ROLE wc_nurse;
SELECT wc_health_summary('s1') -> 'student' ->> 'lastName' AS name;
SELECT student_id, summary -> 'student' ->> 'lastName' AS name FROM wc_health_summaries('{s1,nobody}'::text[]);
RESET ROLE;
DROP POLICY busy ON students;
DROP FUNCTION attaches_and_reads;
ALTER TABLE students DISABLE ROW LEVEL SECURITY;
ALTER TABLE allergies DISABLE ROW LEVEL SECURITY;

-- Privileges: on tables, on columns, on the schema.
REVOKE SELECT ON allergies FROM wc_nurse;
SET ROLE wc_nurse;
SELECT wc_health_summary('s1');
\echo :SQLSTATE
SELECT * FROM wc_health_summaries('{s1}'::text[]);
\echo :SQLSTATE
RESET ROLE;
GRANT SELECT (id, "studentId", allergen, severity, reaction, treatment, verified, "verifiedBy", "verifiedAt", "createdAt", "updatedAt") ON allergies TO wc_nurse;
SET ROLE wc_nurse;
SELECT json_array_length(wc_health_summary('s1') -> 'allergies') AS by_columns;
RESET ROLE;
REVOKE SELECT (reaction) ON allergies FROM wc_nurse;
SET ROLE wc_nurse;
SELECT wc_health_summary('s1');
\echo :SQLSTATE
RESET ROLE;

-- Tables change under a session that has used them.
ALTER TABLE health_records ADD COLUMN extra text DEFAULT 'x';
ALTER TABLE health_records DROP COLUMN attachments;
ALTER TABLE students ADD COLUMN "preferredName" text NOT NULL DEFAULT 'none';
SELECT summary('s1') -> 'recordCounts' AS counts;
DROP INDEX idx_health_records_student_date_type;
SELECT summary('s1') -> 'recordCounts' AS counts;
CREATE INDEX idx_health_records_student_date_type ON health_records ("studentId", date) INCLUDE (type);
SELECT json_agg(e ->> 'id') FROM json_array_elements(summary('s1') -> 'recentVitals') AS e;
-- Columns that came later have their default in the table's definition.
ALTER TABLE allergies DROP COLUMN treatment;
ALTER TABLE allergies ADD COLUMN treatment text DEFAULT 'Avoidance';
SELECT summary('s1') -> 'allergies' -> 0 ->> 'treatment' AS treatment;
ALTER TYPE "AllergySeverity" RENAME VALUE 'LIFE_THREATENING' TO 'CRITICAL';
-- A label that is not known comes after those that are.
SELECT json_agg(a ->> 'severity') FROM json_array_elements(summary('s1') -> 'allergies') AS a;
ALTER TYPE "HealthRecordType" RENAME VALUE 'VACCINATION' TO 'SHOT';
SELECT summary('s1') -> 'recentVaccinations' AS none, summary('s1') -> 'recordCounts' AS counts;
ALTER TYPE "HealthRecordType" RENAME VALUE 'SHOT' TO 'VACCINATION';
ALTER TABLE allergies RENAME COLUMN reaction TO response;
SELECT wc_health_summary('s1');
\echo :SQLSTATE
-- Writes go on, and nothing is missed.
INSERT INTO allergies (id, allergen, severity, "studentId") VALUES ('a6', 'Soy', 'MILD', 's1');
ALTER TABLE allergies RENAME COLUMN response TO reaction;
SELECT json_array_length(summary('s1') -> 'allergies') AS six;
ALTER TABLE allergies RENAME TO allergies_old;
SELECT wc_health_summary('s1');
\echo :SQLSTATE
CREATE TABLE allergies (LIKE allergies_old INCLUDING ALL);
SELECT summary('s1') -> 'allergies' AS made_again;
DROP TABLE allergies;
ALTER TABLE allergies_old RENAME TO allergies;
SELECT json_array_length(summary('s1') -> 'allergies') AS six;

-- A child table by inheritance counts, as in any query.
CREATE TABLE more_allergies () INHERITS (allergies);
INSERT INTO more_allergies (id, allergen, severity, "studentId") VALUES ('a7', 'Latex', 'MILD', 's1');
SELECT json_array_length(summary('s1') -> 'allergies') AS seven;
DROP TABLE more_allergies;

SELECT wc_detach('public');
SELECT wc_health_summary('s1');
\echo :SQLSTATE
SET client_min_messages = warning;
DROP OWNED BY wc_nurse;
DROP ROLE wc_nurse;
DROP FUNCTION summary;
DROP TABLE students, health_records, allergies, chronic_conditions, numbers, times;
DROP TYPE "Gender", "AllergySeverity", "HealthRecordType";
DROP EXTENSION white_cross;
