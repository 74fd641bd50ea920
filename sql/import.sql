-- Import of a student's history: completely or not at all; errors name the place.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION white_cross;
SELECT wc_create_tables('public');
SELECT count(*) FROM wc_attach('public');
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender) VALUES
    ('s1', 'N1', 'Ada', E'O''Brien "A"\n\U0001F9EA', '2015-03-01', '4', 'FEMALE'), ('s2', 'N2', 'Bo', 'Empty', '2014-02-28', '5', 'OTHER');
INSERT INTO health_records (id, type, date, description, vital, provider, notes, attachments, "studentId")
SELECT 'r' || n, 'CHECKUP', timestamp '2025-10-10 09:30' - n / 2 * interval '1 day', E'a\tb\\c',
       (ARRAY[NULL, '[]', '{"height": 120.50, "more": {"deep": [1, null]}}', '{"weight": 25}'])[1 + n % 4]::jsonb,
       (ARRAY[NULL, 'Nurse Joy'])[1 + n % 2], '', CASE n WHEN 1 THEN '{"a.pdf","b \"c\".png",NULL}' WHEN 2 THEN '{}' END::text[], 's1'
FROM generate_series(1, 5) AS n;
INSERT INTO allergies (id, allergen, severity, "studentId") VALUES ('a1', 'Milk', 'MILD', 's1'), ('a2', 'Peanuts', 'SEVERE', 's1'), ('b1', 'Milk', 'MILD', 's2');
INSERT INTO chronic_conditions (id, condition, "diagnosedDate", medications, "studentId") VALUES ('c1', 'Asthma', '2022-01-01', '{"Inhaler"}', 's1');

CREATE FUNCTION export(student text, size int DEFAULT 2) RETURNS json LANGUAGE sql AS
    $$ SELECT json_agg(c ORDER BY (c ->> 'chunk')::int) FROM wc_export_health_history(student, size) AS c $$;
CREATE FUNCTION without_date(history json) RETURNS jsonb LANGUAGE sql AS $$ SELECT history::jsonb #- '{0,exportDate}' $$;
CREATE TABLE kept AS SELECT export('s1') AS history, (SELECT json_agg(l::json) FROM wc_export_health_history_ndjson('s1'::text) AS l) AS lines;

-- Round trips: chunks, lines, and jsonb, whose members have another order.
DELETE FROM students WHERE id = 's1';
SELECT wc_import_health_history(history) FROM kept;
SELECT without_date(export('s1')) = without_date(history) AS same FROM kept;
DELETE FROM students WHERE id = 's1';
SELECT wc_import_health_history(lines) -> 'records' FROM kept;
SELECT without_date(export('s1')) = without_date(history) AS same FROM kept;
DELETE FROM students WHERE id = 's1';
SELECT wc_import_health_history(history::jsonb::json) -> 'records' FROM kept;
SELECT without_date(export('s1')) = without_date(history) AS same FROM kept;

-- Rows that exist already.
SELECT wc_import_health_history(history) FROM kept;
\echo :SQLSTATE
UPDATE health_records SET notes = 'changed' WHERE id = 'r2';
DELETE FROM health_records WHERE id = 'r4';
SELECT wc_import_health_history(history, 'skip') FROM kept;
SELECT notes FROM health_records WHERE id = 'r2';
SELECT wc_import_health_history(history, on_conflict => 'update') FROM kept;
SELECT without_date(export('s1')) = without_date(history) AS same FROM kept;
UPDATE health_records SET "studentId" = 's2' WHERE id = 'r3';
SELECT wc_import_health_history(history, 'skip') FROM kept;
SELECT wc_import_health_history(history, 'update') FROM kept;
\echo :SQLSTATE
UPDATE health_records SET "studentId" = 's1' WHERE id = 'r3';
SELECT wc_import_health_history('[]', 'perhaps');
\echo :SQLSTATE
SELECT wc_import_health_history(NULL) IS NULL;

-- Errors.  `broken` puts another value at a path of the export, or takes what is there away.
DELETE FROM students WHERE id = 's1';
CREATE FUNCTION broken(path text[], value jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text; field text;
    changed json := (SELECT CASE WHEN value IS NULL THEN history::jsonb #- path ELSE jsonb_set(history::jsonb, path, value) END FROM kept);
BEGIN
    RETURN wc_import_health_history(changed);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT, field = COLUMN_NAME;
    RETURN format('%s %s%s', SQLSTATE, message, E'\n      ' || nullif(hint, ''));
END $$;
SELECT broken('{1,records,1,date}', '"10/11/2025"');
SELECT broken('{1,records,1,date}', '"now"');
SELECT broken('{1,records,1,date}', '"2025-02-30T00:00:00.000Z"');
SELECT broken('{1,records,1,date}', '1760088600');
SELECT broken('{1,records,0,date}', 'null');
SELECT broken('{1,records,0,date}', NULL);
SELECT broken('{1,records,0,id}', NULL);
SELECT broken('{1,records,0,type}', '"Secret illness"');
SELECT broken('{2,records,1,description}', '["Secret"]');
SELECT broken('{2,records,1,attachments}', '"Secret"');
SELECT broken('{2,records,1,attachments}', '["a", {"Secret": 1}]');
SELECT broken('{2,records,1,colour}', '"Secret"');
SELECT broken('{2,records,1}', '"Secret"');
SELECT broken('{2,records}', '{"Secret": 1}');
SELECT broken('{2,records,0,id}', '"r1"');
SELECT broken('{4,allergies,0,id}', '"b1"');
SELECT broken('{4,allergies,1,severity}', '"mild"');
SELECT broken('{4,allergies,1,verified}', '"true"');
SELECT broken('{0,student,studentNumber}', '"N2"');
SELECT broken('{0,student,id}', '"s3"');
SELECT broken('{0,format}', '2');
SELECT broken('{0,exportDate}', '"yesterday"');
SELECT broken('{0}', NULL);
SELECT broken('{2}', NULL);
SELECT broken('{6}', NULL);
SELECT broken('{6,records}', '4');
SELECT broken('{1,type}', '"Secret"');
SELECT broken('{1,studentId}', '"s2"');
SELECT broken('{1,extra}', '"Secret"');
SELECT broken('{3}', '"Secret"');
SELECT wc_import_health_history(replace(history::text, 'Nurse Joy', 'Secret\u0000')::json) FROM kept;
SELECT wc_import_health_history(replace(history::text, 'Nurse Joy', 'Secret\ud800')::json) FROM kept;
SELECT wc_import_health_history(replace(history::text, '{"weight":25}', '{"Secret":"\u0000"}')::json) FROM kept;
SELECT wc_import_health_history(replace(history::text, '"provider"', '"notes"')::json) FROM kept;
SELECT wc_import_health_history('{}');
SELECT wc_import_health_history('[]');
SELECT wc_import_health_history('[7]');
SELECT wc_import_health_history((SELECT json_agg(c) FROM kept, json_array_elements((history::jsonb || history::jsonb)::json) AS c));

-- Errors of the tables themselves: constraints, triggers, lengths, foreign keys.  They show nothing of a row.
ALTER TABLE health_records ADD CONSTRAINT not_so_old CHECK (date > '2025-10-09'), ALTER COLUMN provider TYPE varchar(8);
SELECT wc_import_health_history(history) FROM kept;
ALTER TABLE health_records ALTER COLUMN provider TYPE varchar(9);
SELECT wc_import_health_history(history) FROM kept;
ALTER TABLE health_records DROP CONSTRAINT not_so_old, ADD FOREIGN KEY (provider) REFERENCES students ON DELETE CASCADE;
SELECT wc_import_health_history(history) FROM kept;
ALTER TABLE health_records DROP CONSTRAINT health_records_provider_fkey;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'shows %', NEW; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON allergies FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT wc_import_health_history(history) FROM kept;
\echo :SQLSTATE
DROP TRIGGER refuse ON allergies;
-- The failed imports have changed nothing.
SELECT count(*) FROM students WHERE id = 's1';

-- The application's own columns, of any type, and generated columns.
ALTER TABLE allergies ADD COLUMN "severity rank" numeric(6,2) DEFAULT 1.50, ADD COLUMN seen date DEFAULT '2025-01-02', ADD COLUMN flags boolean,
    ADD COLUMN loud text GENERATED ALWAYS AS (upper(allergen)) STORED, ADD COLUMN n int GENERATED ALWAYS AS IDENTITY, ADD COLUMN raw json,
    ADD COLUMN net inet, ADD COLUMN sizes int[];
SELECT wc_import_health_history(history) -> 'allergies' FROM kept;
UPDATE allergies SET "severity rank" = 9, seen = '2025-05-05', flags = true, raw = E'{"a":\n[1, "x"]}', net = '10.0.0.1/8', sizes = '{1,NULL}' WHERE id = 'a1';
UPDATE kept SET history = export('s1');
DELETE FROM students WHERE id = 's1';
SELECT wc_import_health_history(history) -> 'allergies' FROM kept;
SELECT without_date(export('s1')) = without_date(history) AS same FROM kept;
SELECT id, "severity rank", seen, flags, loud, n, raw::text, net, sizes FROM allergies WHERE id = 'a1';
DELETE FROM students WHERE id = 's1';
SELECT broken('{4,allergies,0,net}', '"Secret"');
SELECT broken('{4,allergies,0,n}', '12345678901');
SELECT broken('{4,allergies,0,severity rank}', '123456');
SELECT broken('{4,allergies,0,loud}', '"Secret"');

-- An import invalidates the cache.
SELECT white_cross.register_worker('w');
DELETE FROM white_cross.invalidation;
SELECT wc_import_health_history(history) -> 'student' FROM kept;
SELECT students, sections FROM white_cross.invalidation;

-- By default no role may import, and an import has only the privileges of its caller.
CREATE ROLE wc_regress_importer;
GRANT SELECT ON kept TO wc_regress_importer;
SET ROLE wc_regress_importer;
SELECT wc_import_health_history(history, 'skip') FROM kept;
RESET ROLE;
GRANT EXECUTE ON FUNCTION wc_import_health_history(json, text) TO wc_regress_importer;
SET ROLE wc_regress_importer;
SELECT wc_import_health_history(history, 'skip') FROM kept;
\echo :SQLSTATE
RESET ROLE;
START TRANSACTION READ ONLY;
SELECT wc_import_health_history(history, 'update') FROM kept;
\echo :SQLSTATE
ROLLBACK;

SET client_min_messages = warning;
DROP EXTENSION white_cross;
DROP TABLE kept, students, health_records, allergies, chronic_conditions;
DROP FUNCTION export, broken, without_date, refuse;
DROP TYPE "Gender", "AllergySeverity", "HealthRecordType";
DROP ROLE wc_regress_importer;
