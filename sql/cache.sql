-- The functions for clients that fill the cache.
\set SHOW_CONTEXT never
CREATE EXTENSION white_cross;
SELECT wc_create_tables('public');
SELECT count(*) FROM wc_attach('public');
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT 's' || n, n, 'first', 'last', '2015-01-01', '4', 'FEMALE' FROM generate_series(1, 2) AS n;

-- Keys.
SELECT wc_cache_key('s1', 'health_summary'), wc_cache_key(7, 'growth_chart'),
       wc_cache_key('6f2c1b1e-0000-4000-8000-00000000abcd'::uuid, 'records');
SET white_cross.cluster_keys = on;
SELECT wc_cache_key('s1', 'health_summary');
RESET white_cross.cluster_keys;
SELECT wc_cache_key('s1', 'summary');
\echo :SQLSTATE

-- Keys of pages: the filters as JSON.stringify writes what it parsed.
SELECT wc_cache_key('s1', 1, 20), wc_cache_key(7, 2, 50, '{"type":"DENTAL"}'), wc_cache_key('s1', 'records:3:10:{"type": "DENTAL"}');
SELECT wc_cache_key('s1', 1, 20, f) FROM unnest(ARRAY['{"provider":"x","type":"DENTAL"}', '{ "type" : "DENTAL" , "provider" : null }',
    '{"type":"CHECKUP","provider":"a","type":"DENTAL"}', '{"provider":"\u0041\u00e9\ud83e\uddea\/\u001f\u2028\"\\\n"}', '{"ty\u0070e":"DENTAL"}']::json[]) AS f;
SELECT wc_cache_key('s1', 0, 20);
SELECT wc_cache_key('s1', 1, 501);
SELECT wc_cache_key('s1', 1, 20, '[]');
SELECT wc_cache_key('s1', 1, 20, '{"page":"1"}');
SELECT wc_cache_key('s1', 1, 20, '{"provider":7}');
SELECT wc_cache_key('s1', k) FROM (VALUES ('records:01:20:{}')) AS v (k);
SELECT wc_cache_key('s1', 'records:1:20');
SELECT wc_cache_key('s1', 'records:1:20:{');
SELECT wc_cache_key('s1', 'records:1:99999999999:{}');

-- Entries: one for each known student, with the value that the summary has.
SELECT student_id, key, value::text = wc_health_summary(student_id)::text AS same, ttl_seconds, snapshot ~ '^\d+:\d+:[\d,]*@\d{16}#\d+\.\d+\.\d+$' AS token
FROM wc_cache_entries('{s2,nobody,s1}'::text[]);
SELECT count(*) FROM wc_cache_entries('{s1}'::text[], '{}');
SELECT student_id, key, value, ttl_seconds, snapshot IS NOT NULL AS cacheable FROM wc_cache_entries('{s1,nobody}'::text[], '{growth_chart}');
\echo :SQLSTATE
SELECT * FROM wc_cache_entries('{s1}'::text[], '{records}');
\echo :SQLSTATE
SELECT * FROM wc_cache_entries('{s1}'::text[], ARRAY['records:1:20:{"type":"NONSENSE"}']);
\echo :SQLSTATE
SELECT student_id, key, value::text = CASE WHEN key LIKE '%records:1:20:%' THEN wc_student_records(student_id)
                                           WHEN key LIKE '%records%' THEN wc_student_records(student_id, 2, 5, '{"type": "DENTAL"}')
                                           ELSE wc_health_summary(student_id) END::text AS same, ttl_seconds
FROM wc_cache_entries('{s2,nobody,s1,NULL}'::text[], ARRAY['records:1:20:{}', 'health_summary', 'records:2:5:{ "type": "DENTAL" }']);
SELECT * FROM wc_cache_entries('{s1}'::text[], '{chart}');
\echo :SQLSTATE

-- The token is the snapshot of the query, and the start of its transaction.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT split_part(snapshot, '@', 1) = pg_current_snapshot()::text AS same_snapshot,
       split_part(split_part(snapshot, '@', 2), '#', 1)::bigint = (extract(epoch FROM now()) * 1000000)::bigint AS same_start
FROM wc_cache_entries('{s1}'::text[]);
COMMIT;

-- No snapshot for values that must not be cached: after own changes in the transaction, and under row-level security.
BEGIN;
UPDATE students SET "firstName" = 'own' WHERE id = 's1';
SELECT value -> 'student' ->> 'firstName' AS name, snapshot IS NULL AS not_for_the_cache FROM wc_cache_entries('{s1}'::text[]);
ROLLBACK;
BEGIN;
SAVEPOINT one;
UPDATE students SET "firstName" = 'own' WHERE id = 's1';
ROLLBACK TO one;
SELECT value -> 'student' ->> 'firstName' AS name, snapshot IS NULL AS not_for_the_cache FROM wc_cache_entries('{s1}'::text[]);
ROLLBACK;
ALTER TABLE students ENABLE ROW LEVEL SECURITY;
CREATE ROLE wc_nurse;
CREATE POLICY one ON students TO wc_nurse USING (id = 's1');
GRANT SELECT ON students, health_records, allergies TO wc_nurse;
SELECT student_id, snapshot IS NULL AS not_for_the_cache FROM wc_cache_entries('{s1,s2}'::text[]);
SET ROLE wc_nurse;
SELECT student_id, snapshot IS NULL AS not_for_the_cache FROM wc_cache_entries('{s1,s2}'::text[]);
SELECT student_id, snapshot IS NULL AS page_not_for_the_cache FROM wc_cache_entries('{s1,s2}'::text[], ARRAY['records:1:20:{}']);
RESET ROLE;

-- A worker's role has exactly the privileges that it needs.
ALTER TABLE students DISABLE ROW LEVEL SECURITY;
CREATE ROLE wc_daemon;
SELECT wc_grant_worker('wc_daemon');
SET ROLE wc_daemon;
SELECT white_cross.register_worker('w1') AS new;
SELECT name FROM white_cross.worker;
SELECT count(*) FROM white_cross.invalidation;
DELETE FROM white_cross.invalidation;
INSERT INTO white_cross.hot_student VALUES ('s1', 1);
SELECT count(*) FROM wc_cache_entries('{s1,s2}'::text[]);
INSERT INTO white_cross.worker VALUES ('w2');
UPDATE students SET grade = '1';
SELECT count(*) FROM wc_attach('public');
SELECT * FROM white_cross.binding;
SELECT white_cross.unregister_worker('w1') AS gone;
RESET ROLE;

SET client_min_messages = warning;
DROP OWNED BY wc_nurse, wc_daemon;
DROP ROLE wc_nurse, wc_daemon;
DROP EXTENSION white_cross;
DROP TABLE students, health_records, allergies, chronic_conditions;
DROP TYPE "Gender", "AllergySeverity", "HealthRecordType";
