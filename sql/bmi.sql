-- wc_attach(…, compute_bmi => true): vital.bmi is filled in, and no write ever fails for it.
\set SHOW_CONTEXT never
CREATE EXTENSION white_cross;
SELECT wc_create_tables('public');
SELECT count(*) FROM wc_attach('public');
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender) VALUES ('s', 'N1', 'Ada', 'Quill', '2015-03-01', '4', 'FEMALE');
CREATE FUNCTION put(vital jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    stored jsonb;
BEGIN
    DELETE FROM health_records;
    INSERT INTO health_records AS r (id, type, date, description, vital, "studentId") VALUES ('r', 'CHECKUP', '2025-01-01', '', put.vital, 's')
    RETURNING r.vital INTO stored;
    RETURN stored;
END
$$;
SELECT put('{"height": 140, "weight": 35}') AS not_asked_for;
SELECT count(*) FROM wc_attach('public', compute_bmi => true);
SELECT put('{"height": 140, "weight": 35, "heartRate": 80}') AS filled, put('{"height": 140, "weight": 35, "bmi": 99}') AS replaced,
       put('{"height": 140, "weight": 35, "bmi": 17.90}') AS the_same_stays;
-- Rounded like Math.round(x * 10) / 10: 18.25 and 18.35 go up.
SELECT put('{"height": 200, "weight": 73}') -> 'bmi' AS up, put('{"height": 100, "weight": 18.35}') -> 'bmi' AS up_too, put('{"height": 100, "weight": 18.34}') -> 'bmi' AS down,
       put('{"height": 100, "weight": 20}') -> 'bmi' AS whole;
-- Other members of the vital stay as they are.
SELECT n, left(given::text, 40) AS given, put(given) IS NOT DISTINCT FROM given AS untouched
FROM unnest(ARRAY[NULL, 'null', '7', '"text"', '[1, 2]', '{}', '{"height": 140}', '{"weight": 35, "bmi": 1}', '{"height": "140", "weight": 35}',
                  '{"height": null, "weight": 35}', '{"height": 0, "weight": 35}', '{"height": -140, "weight": 35}', '{"height": 140, "weight": -35}',
                  '{"height": 140, "weight": 0, "bmi": 5}', '{"height": {"cm": 140}, "weight": [35]}', '{"height": true, "weight": 35}',
                  '{"height": 1e-200, "weight": 1e200}', '{"height": 1e-1000, "weight": 1e1000}', '{"height": 1e-6, "weight": 1}',
                  '{"nested": {"height": 140, "weight": 35}}']::jsonb[]) WITH ORDINALITY AS g (given, n) ORDER BY n;
-- An update that changes only height or only weight.
SELECT put('{"height": 140}') AS height;
UPDATE health_records SET vital = vital || '{"weight": 35}' RETURNING vital;
UPDATE health_records SET vital = jsonb_set(vital, '{height}', '150') RETURNING vital;
UPDATE health_records SET vital = vital - 'height' RETURNING vital;
UPDATE health_records SET notes = 'no vital' RETURNING vital;
-- Existing rows get a BMI when they are updated.
ALTER TABLE health_records DISABLE TRIGGER white_cross_bmi;
SELECT put('{"height": 140, "weight": 35}');
ALTER TABLE health_records ENABLE TRIGGER white_cross_bmi;
UPDATE health_records SET vital = vital RETURNING vital;
-- Upsert, and COPY.
INSERT INTO health_records (id, type, date, description, vital, "studentId") VALUES ('r', 'CHECKUP', '2025-01-01', '', '{"height": 100, "weight": 15}', 's')
ON CONFLICT (id) DO UPDATE SET vital = excluded.vital RETURNING vital;
COPY health_records (id, type, date, description, vital, "studentId") FROM stdin;
c	CHECKUP	2025-01-02		{"height": 120, "weight": 30}	s
\.
SELECT vital FROM health_records WHERE id = 'c';
-- Attaching again leaves it, also the way that it is enabled; and without the column the write goes on.
SELECT count(*) FROM wc_attach('public');
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'health_records'::regclass AND tgname LIKE 'white%' ORDER BY tgname;
ALTER TABLE health_records RENAME COLUMN vital TO vitals;
INSERT INTO health_records (id, type, date, description, vitals, "studentId") VALUES ('renamed', 'CHECKUP', '2025-01-01', '', '{"height": 100, "weight": 15}', 's') RETURNING vitals;
ALTER TABLE health_records RENAME COLUMN vitals TO vital;
-- compute_bmi => false drops the trigger, and so does wc_detach.
SELECT count(*) FROM wc_attach('public', compute_bmi => false);
SELECT put('{"height": 140, "weight": 35}') AS off;
SELECT count(*) FROM wc_attach('public', compute_bmi => true);
SELECT wc_detach('public');
SELECT count(*) AS left_behind FROM pg_trigger WHERE tgname LIKE 'white%' AND tgrelid = 'health_records'::regclass;
CREATE TABLE other (vital jsonb);
CREATE TRIGGER t AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION white_cross.compute_bmi('health_records');
INSERT INTO other VALUES ('{}');
DROP TABLE other;
SET client_min_messages = warning;
DROP EXTENSION white_cross CASCADE;
DROP FUNCTION put(jsonb);
DROP TABLE students, health_records, allergies, chronic_conditions;
DROP TYPE "Gender", "AllergySeverity", "HealthRecordType";
