-- Records of a student: pages, and lists of allergies, conditions, vitals and vaccinations.
\set SHOW_CONTEXT never
CREATE EXTENSION white_cross;
SELECT wc_create_tables('public');
SELECT count(*) FROM wc_attach('public');
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender) VALUES
    ('s1', 'N1', 'Ada', 'O''Brien', '2015-03-01', '4', 'FEMALE'), ('s2', 'N2', 'Bo', 'Empty', '2014-02-28', '5', 'OTHER');
INSERT INTO health_records (id, type, date, description, vital, provider, notes, attachments, "createdAt", "updatedAt", "studentId")
SELECT 'r' || n, (ARRAY['CHECKUP', 'VACCINATION', 'DENTAL']::"HealthRecordType"[])[1 + n % 3],
       timestamp '2025-10-10 09:30' - n / 2 * interval '1 day', 'record ' || n,
       (ARRAY[NULL, 'null', '{"height": 120.50}', '{"weight": 25}'])[1 + n % 4]::jsonb,
       (ARRAY[NULL, 'Nurse Joy', 'Dr. 100% O''Neil', 'dr_who'])[1 + n % 4], CASE WHEN n % 2 = 0 THEN 'note ' || n END,
       CASE n WHEN 1 THEN '{"a.pdf","b \"c\".png",NULL}' WHEN 2 THEN '{}' END::text[], '2025-10-10 10:00:00.123', '2025-10-11', 's1'
FROM generate_series(1, 9) AS n;
INSERT INTO allergies (id, allergen, severity, verified, "createdAt", "updatedAt", "studentId") VALUES
    ('a1', 'Milk', 'MILD', false, '2025-01-01', '2025-01-01', 's1'), ('a2', 'Peanuts', 'LIFE_THREATENING', true, '2025-01-01', '2025-01-01', 's1'),
    ('a3', 'Eggs', 'MILD', false, '2025-01-01', '2025-01-01', 's1');
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", medications, "createdAt", "updatedAt", "studentId") VALUES
    ('c1', 'Asthma', '2022-01-01', '{"Inhaler"}', '2025-01-01', '2025-01-01', 's1');

-- Lists: what the summary shows, by itself.
SELECT wc_student_allergies('s1')::text = (wc_health_summary('s1') -> 'allergies')::text AS allergies,
       wc_student_conditions('s1')::text = (wc_health_summary('s1', '{chronicConditions}') -> 'chronicConditions')::text AS conditions,
       wc_recent_vitals('s1')::text = (wc_health_summary('s1') -> 'recentVitals')::text AS vitals,
       wc_recent_vitals('s1', NULL)::text = wc_recent_vitals('s1')::text AS five,
       wc_vaccinations('s1')::text = (wc_health_summary('s1') -> 'recentVaccinations')::text AS vaccinations;
SELECT json_agg(e ->> 'allergen') FROM json_array_elements(wc_student_allergies('s1')) AS e;
SELECT wc_student_conditions('s1');
SELECT wc_recent_vitals('s1', 1), json_array_length(wc_recent_vitals('s1', 500)) AS most;
SELECT wc_recent_vitals('s1', 0);
\echo :SQLSTATE
SELECT wc_recent_vitals('s1', 501);
\echo :SQLSTATE
SELECT wc_vaccinations('s2') AS none, wc_student_allergies('nobody') AS unknown, wc_student_conditions(NULL::text) IS NULL AS null_id,
       wc_recent_vitals(7) AS number, wc_vaccinations('6f2c1b1e-0000-4000-8000-00000000abcd'::uuid) AS uuid;

SET client_min_messages = warning;
DROP EXTENSION white_cross;
DROP TABLE students, health_records, allergies, chronic_conditions;
DROP TYPE "Gender", "AllergySeverity", "HealthRecordType";
