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

-- Lists: the sections of the summary, each by itself.
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

-- Pages: all members of an item, then the order.
SELECT wc_student_records('s1', 1, 1);
SELECT wc_student_records('s1', 9, 1) -> 'records';
SELECT wc_student_records('s1', page_size => 500) #>> '{records,8,attachments}' AS attachments;
CREATE FUNCTION ids(page json) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(r ->> 'id', ' ' ORDER BY n) FROM json_array_elements(page -> 'records') WITH ORDINALITY AS e (r, n) $$;
SELECT n AS page, ids(p) AS records, p -> 'pagination' AS pagination FROM generate_series(1, 6) AS n, wc_student_records('s1', n, 2) AS p;
SELECT wc_student_records('s1', 2147483647, 500) AS beyond;
SELECT ids(wc_student_records('s1', NULL, NULL, NULL)) AS defaults;
SELECT wc_student_records('s2') AS none, wc_student_records('nobody', 3, 7) AS unknown, wc_student_records(NULL::text) IS NULL AS null_id;

-- Filters.
SELECT f AS filters, ids(p) AS records, p #> '{pagination,total}' AS total
FROM unnest(ARRAY['{}', '{"type": "VACCINATION"}', '{"type": null}', '{"dateFrom": "2025-10-08T09:30:00.000Z"}',
                  '{"dateFrom": "2025-10-08T11:30:00.001+02:00"}', '{"dateTo": "2025-10-08T09:30:00Z"}', '{"dateTo": "2025-10-08"}',
                  '{"dateFrom": "2025-10-07", "dateTo": "2025-10-09"}', '{"provider": "NURSE"}', '{"provider": "100%"}', '{"provider": "%"}',
                  '{"provider": "_"}', '{"provider": "O''neil"}', '{"provider": "\\"}', '{"provider": ""}', '{"provider": null}',
                  '{"type": "CHECKUP", "provider": "dr", "dateFrom": "2025-01-01", "dateTo": "2025-12-31"}']::jsonb[]) AS f,
     wc_student_records('s1', 1, 20, f) AS p;

-- Cursors: the same pages, even if records come or go in between.
CREATE FUNCTION walk(size int, filters jsonb DEFAULT '{}') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    page json;
    at   text;
BEGIN
    LOOP
        page := wc_student_records_after('s1', at, size, filters);
        RETURN NEXT ids(page);
        at := page ->> 'nextCursor';
        EXIT WHEN at IS NULL;
    END LOOP;
END
$$;
SELECT walk(2);
SELECT walk(9);
SELECT walk(4, '{"provider": "dr"}');
SELECT (wc_student_records_after('s1') ->> 'records') = (wc_student_records('s1') ->> 'records') AS same_items;
SELECT wc_student_records_after('s2') AS none, wc_student_records_after('nobody') AS unknown, wc_student_records_after(NULL::text) IS NULL AS null_id;
SELECT wc_student_records_after('s1', NULL, 3) ->> 'nextCursor' AS at \gset
BEGIN;
INSERT INTO health_records (id, type, date, description, "studentId") VALUES ('new', 'ILLNESS', '2025-12-01', 'newer', 's1');
DELETE FROM health_records WHERE id = 'r3';
SELECT ids(wc_student_records_after('s1', :'at', 3)) AS unmoved;
ROLLBACK;
-- Records without a date come first, as in any descending order.
BEGIN;
ALTER TABLE health_records ALTER COLUMN date DROP NOT NULL;
UPDATE health_records SET date = NULL WHERE id IN ('r4', 'r7', 'r9');
SELECT walk(2);
SELECT ids(wc_student_records('s1', 2, 2)) AS second, ids(wc_student_records('s1', 1, 9, '{"dateFrom": "2025-10-08"}')) AS with_date;
ROLLBACK;
-- Ties beyond a page.
BEGIN;
UPDATE health_records SET date = '2025-01-01' WHERE id > 'r2';
SELECT walk(3);
SELECT ids(wc_student_records('s1', 2, 3)) AS second, ids(wc_student_records('s1', 3, 3)) AS third;
ROLLBACK;

-- Errors.
CREATE FUNCTION refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN format('%s %s | %s', SQLSTATE, SQLERRM, hint);
END
$$;
SELECT refusal(format('SELECT wc_student_records(''s1'', %s)', a)) AS refusal
FROM unnest(ARRAY['0', '-1', '1, 0', '1, 501', $$filters => '[]'$$, $$filters => '"x"'$$, $$filters => 'null'$$, $$filters => '{"Type": "DENTAL"}'$$,
    $$filters => '{"type": "dental"}'$$, $$filters => '{"type": ""}'$$, $$filters => '{"type": 1}'$$, $$filters => '{"provider": ["x"]}'$$,
    $$filters => '{"dateFrom": "yesterday"}'$$, $$filters => '{"dateFrom": ""}'$$, $$filters => '{"dateTo": "2025-02-30"}'$$, $$filters => '{"dateTo": "+294277-01-01"}'$$,
    $$filters => jsonb_build_object('type', repeat('é', 100))$$, $$filters => jsonb_build_object(repeat('x', 100), 1)$$]) AS a;
SELECT refusal(format('SELECT wc_student_records_after(''s1'', %s)', a)) AS refusal
FROM unnest(ARRAY[$$''$$, $$'x'$$, $$'00'$$, $$'zz'$$, quote_literal(upper(:'at')), quote_literal('00' || :'at'), quote_literal(left(:'at', -2)), quote_literal(:'at' || '61'),
    quote_literal(overlay(:'at' placing '7' from 9)), quote_literal(:'at') || $$, filters => '{"type": "DENTAL"}'$$, 'NULL, 0', 'NULL, 501']) AS a;
SELECT refusal(format('SELECT wc_student_records_after(''s2'', %L)', :'at'));
ALTER TABLE health_records RENAME attachments TO files;
SELECT refusal('SELECT wc_student_records(''s1'')');
SELECT wc_health_summary('s1') IS NOT NULL AS summary_needs_them_not;
ALTER TABLE health_records RENAME files TO attachments;

-- Privileges and row-level security.
CREATE ROLE wc_nurse;
GRANT SELECT (id, "firstName", "lastName", "studentNumber") ON students TO wc_nurse;
GRANT SELECT ON health_records TO wc_nurse;
SET ROLE wc_nurse;
SELECT ids(wc_student_records('s1', 1, 3)), refusal('SELECT wc_health_summary(''s1'')'), refusal('SELECT wc_student_allergies(''s1'')');
RESET ROLE;
REVOKE SELECT ON health_records FROM wc_nurse;
GRANT SELECT (id, type) ON health_records TO wc_nurse;
SET ROLE wc_nurse;
SELECT refusal('SELECT wc_student_records(''s1'')'), refusal('SELECT wc_student_records_after(''s1'')');
RESET ROLE;
GRANT SELECT ON health_records, allergies, chronic_conditions TO wc_nurse;
ALTER TABLE health_records ENABLE ROW LEVEL SECURITY;
CREATE POLICY dental ON health_records TO wc_nurse USING (type = 'DENTAL');
SET ROLE wc_nurse;
SELECT ids(p), p -> 'pagination' AS pagination, ids(wc_student_records_after('s1')) AS after FROM wc_student_records('s1') AS p;
RESET ROLE;
-- Records of a hidden student are hidden too.
ALTER TABLE students ENABLE ROW LEVEL SECURITY;
SET ROLE wc_nurse;
SELECT wc_student_records('s1'), wc_student_records_after('s1'), wc_student_allergies('s1'), wc_student_conditions('s1'), wc_recent_vitals('s1'), wc_vaccinations('s1');
RESET ROLE;
ALTER TABLE students DISABLE ROW LEVEL SECURITY;
ALTER TABLE health_records DISABLE ROW LEVEL SECURITY;

-- Deletion: each id counts once, ids of hidden records are not found, and the caller's privileges hold.
BEGIN;
SELECT wc_bulk_delete_records('{r1,r2,r1,nobody,NULL,nobody,r2}'::text[]), wc_bulk_delete_records('{}'::text[]) AS none,
       wc_bulk_delete_records(NULL::text[]) IS NULL AS null_ids;
SELECT string_agg(id, ' ' ORDER BY id) FROM health_records;
SELECT wc_bulk_delete_records('{1,2}'::bigint[]), wc_bulk_delete_records('{6f2c1b1e-0000-4000-8000-00000000abcd}'::uuid[]) AS uuids;
ROLLBACK;
SELECT refusal('SELECT wc_bulk_delete_records(''{r1}''::text[])') FROM (SELECT set_config('transaction_read_only', 'on', true)) AS s;
SET ROLE wc_nurse;
SELECT refusal('SELECT wc_bulk_delete_records(''{r1}''::text[])');
RESET ROLE;
GRANT DELETE ON health_records TO wc_nurse;
ALTER TABLE health_records ENABLE ROW LEVEL SECURITY;
SET ROLE wc_nurse;
BEGIN;
SELECT wc_bulk_delete_records('{r1,r2,r5}'::text[]) AS dental_only;
ROLLBACK;
RESET ROLE;
ALTER TABLE health_records DISABLE ROW LEVEL SECURITY;
CREATE TABLE followups (record text REFERENCES health_records);
INSERT INTO followups VALUES ('r2');
SELECT refusal('SELECT wc_bulk_delete_records(''{r1,r2}''::text[])');
DROP TABLE followups;
SELECT count(*) FROM health_records;

-- search_path has no influence.
CREATE SCHEMA evil;
CREATE TABLE evil.health_records (LIKE health_records);
CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'evil' $$;
CREATE FUNCTION evil.same(bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT $1 $$;
CREATE AGGREGATE evil.count(*) (SFUNC = evil.same, STYPE = bigint, INITCOND = '7');
CREATE FUNCTION evil.eq(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT false $$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq);
SET search_path = evil, pg_catalog, public;
SELECT public.ids(p), p -> 'pagination' AS pagination FROM public.wc_student_records('s1', 1, 2, '{"provider": "DR"}') AS p;
SELECT public.wc_bulk_delete_records('{none}'::text[]), public.wc_cache_key('s1', 1, 2, '{"type": "DENTAL"}');
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA evil CASCADE;
RESET client_min_messages;

-- Days instead of times, numbers as ids, varchar, partitions, and one column for two attributes.
SELECT wc_detach('public');
CREATE SCHEMA other;
CREATE TABLE other.students (id integer PRIMARY KEY, student_number varchar, first_name varchar, last_name varchar, date_of_birth date, gender varchar, grade varchar);
CREATE TABLE other.health_records (id integer, student_id integer NOT NULL, type varchar NOT NULL, date date NOT NULL, description varchar, vital jsonb,
    provider varchar, notes varchar, attachments varchar[], created_at timestamptz, PRIMARY KEY (id, date)) PARTITION BY RANGE (date);
CREATE TABLE other.records_2024 PARTITION OF other.health_records FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE other.records_rest PARTITION OF other.health_records DEFAULT;
CREATE TABLE other.allergies (id integer, student_id integer, allergen varchar, severity varchar, reaction varchar, treatment varchar, verified boolean,
    verified_by varchar, verified_at date, created_at date, updated_at date);
CREATE TABLE other.chronic_conditions (id integer, student_id integer, condition varchar, diagnosed_date date, status varchar, severity varchar, notes varchar,
    care_plan varchar, medications varchar[], restrictions varchar[], triggers varchar[], diagnosed_by varchar, last_review_date date, next_review_date date,
    created_at date, updated_at date);
SELECT count(*) FROM wc_attach('other', '{"health_records": {"columns": {"updatedAt": "created_at"}}}');
INSERT INTO other.students VALUES (7, 'N7', 'Ada', 'Quill', '2015-03-01', 'F', '4');
INSERT INTO other.health_records SELECT n, 7, CASE n % 3 WHEN 0 THEN 'dental' ELSE 'visit' END, date '2025-01-03' - n / 2, 'd', NULL, 'Dr. ' || n, NULL,
    ARRAY['a' || n], '2025-01-01 00:00+00' FROM generate_series(-3, 9) AS n;
CREATE OR REPLACE FUNCTION walk(size int, filters jsonb DEFAULT '{}') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    page json;
    at   text;
BEGIN
    LOOP
        page := wc_student_records_after(7, at, size, filters);
        RETURN NEXT ids(page);
        at := page ->> 'nextCursor';
        EXIT WHEN at IS NULL;
    END LOOP;
END
$$;
SELECT wc_student_records(7, 2, 1) -> 'records' -> 0;
SELECT walk(4);
SELECT ids(wc_student_records('7', n, 4)) AS numbers FROM generate_series(1, 5) AS n;
SELECT walk(3, '{"type": "dental"}');
-- Filters are of any type that holds JSON, and numbers of any width.
SELECT ids(wc_student_records(7, 1::smallint, 3::bigint, f)) AS json, ids(wc_student_records(7, 1, 3, f::jsonb)) AS jsonb, ids(wc_student_records(7, 1, 3, f::text)) AS text,
       ids(wc_student_records(7, 1, 3, f::text::varchar)) AS varchar, ids(wc_student_records(7, '1', '3', '{"type": "dental"}')) AS unknown,
       ids(wc_student_records(7, filters => f::jsonb, page_size => 3)) AS named, ids(wc_student_records_jsonb(7, 1, 3, f)::json) AS as_jsonb
FROM (SELECT '{"type": "dental"}'::json) AS g (f);
SELECT wc_student_records(7, 1, 3, 4);
SELECT wc_student_records(7, 1, 3, '{"provider": Secret}');
SELECT wc_student_records(7, 9223372036854775807, 3) -> 'pagination' AS far;
-- The day begins at its midnight.
SELECT f AS filters, ids(wc_student_records(7, filters => f))
FROM unnest(ARRAY['{"dateFrom": "2025-01-02"}', '{"dateFrom": "2025-01-02T00:00:01Z"}', '{"dateTo": "2024-12-31T23:59:59Z"}', '{"dateTo": "2025-01-01"}',
                  '{"dateFrom": "1999-12-31T12:00:00Z", "dateTo": "1999-12-31T12:00:00Z"}', '{"provider": "dr. 9"}']::jsonb[]) AS f;
SELECT wc_student_records(99999999999) AS beyond, wc_student_records_after(99999999999) AS beyond_too, wc_vaccinations(99999999999) AS none;
SELECT refusal('SELECT wc_student_records(''x'')'), refusal('SELECT wc_bulk_delete_records(''{x}''::text[])'),
       refusal('SELECT wc_bulk_delete_records(''{6f2c1b1e-0000-4000-8000-00000000abcd}''::uuid[])');
SELECT wc_bulk_delete_records('{1,2,99999999999,99999999999,NULL}'::bigint[]), wc_bulk_delete_records('{3,3,1}'::text[]) AS as_text;
SET client_min_messages = warning;
SELECT wc_detach('other');
DROP SCHEMA other CASCADE;
DROP OWNED BY wc_nurse;
DROP ROLE wc_nurse;
DROP FUNCTION walk, ids, refusal;

SET client_min_messages = warning;
DROP EXTENSION white_cross;
DROP TABLE students, health_records, allergies, chronic_conditions;
DROP TYPE "Gender", "AllergySeverity", "HealthRecordType";
